/** An access run is nothing but its accesses: written one by one they fault at the same places and times. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { strategyByName } from "../../strategy/index.js";
import type { Strategy } from "../../strategy/strategy.js";
import { Cause } from "../counters.js";
import {
  AccessScript,
  BASE,
  type Epoch,
  type Fault,
  oddProfile,
  PAGE,
  type RunOfAccesses,
} from "./access-script.test.support.js";

const MIB2 = 2 ** 21;
const BYTES = 2 * MIB2;
const profile = oddProfile();

const runs = fc.record({
  vcpu: fc.nat(3),
  atNs: fc.nat(200_000),
  page: fc.nat(1000),
  strideBytes: fc.constantFrom(1, 1, 1, 3, 100).map((pages) => pages * PAGE),
  count: fc.integer({ min: 1, max: 400 }),
  write: fc.boolean(),
  thinkNs: fc.integer({ min: 1, max: 5000 }),
});

/** One run for each vCPU: what follows a run begins when that ends, which a line for each access cannot say. */
const epochs: fc.Arbitrary<Epoch[]> = fc
  .array(fc.uniqueArray(runs, { selector: ({ vcpu }) => vcpu, minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((all) => all.map((its, n) => ({ logging: n % 2 === 1, runs: its.map(inSlot) })));

function inSlot(run: RunOfAccesses): RunOfAccesses {
  const room = Math.floor((BYTES - (run.page + 1) * PAGE) / run.strideBytes) + 1;
  return { ...run, count: Math.max(1, Math.min(run.count, room)) };
}

const sorted = (faults: readonly Fault[]) =>
  [...faults].sort((a, b) => a[2] - b[2] || a[0] - b[0]).map((fault) => fault.join(" "));

const named = (name: string) => strategyByName(name) as Strategy;

describe.each(["pre-patch", "post-patch", "v5.12-rc1", "v6.1", "v6.12"])("under %s", (name) => {
  it("a run takes the faults of its accesses one by one, at the same times", () => {
    let midway = 0;
    fc.assert(
      fc.property(epochs, (given) => {
        const run = new AccessScript(given, BYTES, MIB2).replayFaults(named(name), profile);
        const single = new AccessScript(given, BYTES, MIB2, true).replayFaults(named(name), profile);
        expect(sorted(run.faults)).toEqual(sorted(single.faults));
        expect(Array.from(run.counters.byCause)).toEqual(Array.from(single.counters.byCause));
        expect(run.counters.stallTotalNs).toBe(single.counters.stallTotalNs);
        midway += run.counters.byCause[Cause.brokenWindow as number] as number;
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(midway, "runs that met a broken entry: without any the law is empty").toBeGreaterThan(0);
  });
});

describe("a break in the middle of a block", () => {
  const write = { vcpu: 0, atNs: 0, page: 0, strideBytes: PAGE, count: 1, write: true, thinkNs: 1 };
  const read = { ...write, vcpu: 1, page: 100, count: 400, write: false };

  // vCPU 0 splits the block that vCPU 1 reads through: its handler and the walk to the break take 20 us.
  it.each([
    ["an access each 1,000 ns", { ...read, thinkNs: 1000 }],
    ["reads as the profile has them, 16 us of them", { ...read, atNs: 60_000, thinkNs: undefined }],
  ])("%s: it faults at its next access, and on each page from there on", (_name, reads) => {
    const given = [
      { logging: false, runs: [write] },
      { logging: true, runs: [{ ...write, atNs: 50_000 }, reads] },
    ];
    const { faults } = new AccessScript(given, BYTES, MIB2).replayFaults(named("pre-patch"), profile);
    const reader = faults.filter(([vcpu]) => vcpu === 2);
    const [, split] = faults.filter(([vcpu]) => vcpu === 1);
    expect(reader[0]?.[2]).toBeGreaterThan(split?.[2] as number);
    // On the first page it may be twice: on the broken entry, then on the page itself.
    const pages = [...new Set(reader.map(([, ipa]) => (ipa - BASE) / PAGE))];
    const [first = 0] = pages;
    expect(first).toBeGreaterThan(100);
    expect(pages).toEqual(Array.from({ length: 500 - first }, (_, n) => first + n));
  });
});

describe("a write to a page that logging has protected", () => {
  it.each(["pre-patch", "v6.1", "v6.12"])("under %s: one fault, answered by relaxing the page", (name) => {
    const run = { vcpu: 0, atNs: 0, page: 0, strideBytes: PAGE, count: 100, write: true, thinkNs: 100 };
    const given = [
      { logging: false, runs: [run] },
      { logging: true, runs: [run] },
    ];
    const { faults, counters } = new AccessScript(given, BYTES, PAGE).replayFaults(named(name), profile);
    expect(faults.map(([, ipa]) => (ipa - BASE) / PAGE)).toEqual([...Array(200).keys()].map((n) => n % 100));
    expect(counters.byCause[Cause.loggingWrite as number]).toBe(100);
    expect(counters.byCause[Cause.lostRace as number]).toBe(0);
  });
});

describe("an access run costs its faults, not its accesses", () => {
  it.each([1, 5])("%i vCPUs: as many steps for 512 as for 2 million accesses", (vcpus) => {
    /** Each step of a run asks whether it counts. */
    const stepsOf = (strideBytes: number, count: number): number => {
      const run = { page: 0, strideBytes, count, write: false, thinkNs: undefined };
      const side = Array.from({ length: vcpus }, (_, vcpu) => ({ ...run, vcpu, atNs: vcpu }));
      let steps = 0;
      const counters = new AccessScript([{ logging: false, runs: side }], BYTES, MIB2).replay(
        named("pre-patch"),
        {
          counts: () => {
            steps++;
            return true;
          },
        },
      );
      expect(counters.total).toBe(vcpus);
      return steps;
    };
    const steps = stepsOf(PAGE, 512);
    expect(steps).toBeLessThan(6 * vcpus);
    expect(stepsOf(1, 2 ** 21)).toBe(steps);
  });
});
