/** An access run is nothing but its accesses: written one by one they fault at the same places and times. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadProfile, parseProfile } from "../cost/profile.js";
import { strategyByName } from "../strategy/index.js";
import type { Strategy } from "../strategy/strategy.js";
import { EventBatch, Kind, Phase } from "../trace/event.js";
import type { Counters } from "./counters.js";
import { Replay } from "./replay.js";
import type { ReplayThread } from "./replay-thread.js";

const PAGE = 4096;
const MIB2 = 2 ** 21;
const BASE = 2 ** 30;
const BYTES = 2 * MIB2;

interface RunOfAccesses {
  readonly vcpu: number;
  readonly atNs: number;
  readonly page: number;
  readonly stride: number;
  readonly count: number;
  readonly write: boolean;
  /** Undefined: the profile's. */
  readonly thinkNs: number | undefined;
}

interface Epoch {
  readonly logging: boolean;
  readonly runs: readonly RunOfAccesses[];
}

type Fault = readonly [vcpu: number, ipa: number, accessNs: number, endNs: number, faultClass: number];

interface Outcome {
  readonly faults: readonly Fault[];
  readonly counters: Counters;
}

/** The trace as the reader would deliver it. `oneByOne`: each access a line. */
class Script {
  readonly batch = new EventBatch(200_000);
  private readonly texts = ["guest"];

  private row(atNs: number, kind: number, pid: number): number {
    const row = this.batch.count++;
    this.batch.atNs[row] = atNs;
    this.batch.kind[row] = kind;
    this.batch.pid[row] = pid;
    this.batch.vm[row] = 0;
    return row;
  }

  constructor(epochs: readonly Epoch[], oneByOne: boolean) {
    const { batch } = this;
    let startNs = 0;
    for (const [number, { logging, runs }] of epochs.entries()) {
      const slot = this.row(startNs, Kind.memslot, 1);
      batch.slot[slot] = 1;
      batch.addr[slot] = BASE;
      batch.size[slot] = BYTES;
      batch.phys[slot] = MIB2;
      batch.prot[slot] = logging ? 1 : 0;
      if (logging) {
        const protect = this.row(startNs, Kind.s2_wrprotect, 1);
        batch.pgt[protect] = 0;
        batch.addr[protect] = BASE;
        batch.size[protect] = BYTES;
        batch.ret[this.row(startNs, Kind.s2_wrprotect_ret, 1)] = 0;
      }
      batch.ret[this.row(startNs, Kind.memslot_ret, 1)] = 0;
      const marker = this.row(startNs, Kind.marker, 1);
      this.texts.push(`epoch ${number}`);
      batch.text[marker] = this.texts.length - 1;
      batch.phase[marker] = Phase.begin;
      const lines = runs.flatMap((run) =>
        oneByOne
          ? Array.from({ length: run.count }, (_, n) => ({
              ...run,
              atNs: startNs + run.atNs + n * (run.thinkNs ?? 0),
              page: run.page + n * run.stride,
              count: 1,
            }))
          : [{ ...run, atNs: startNs + run.atNs }],
      );
      lines.sort((a, b) => a.atNs - b.atNs || a.vcpu - b.vcpu);
      for (const { vcpu, atNs, page, stride, count, write, thinkNs } of lines) {
        const line = this.row(atNs, oneByOne ? Kind.guest_access : Kind.guest_access_run, 10 + vcpu);
        batch.addr[line] = BASE + page * PAGE;
        batch.size[line] = stride * PAGE;
        batch.amount[line] = count;
        batch.write[line] = write ? 1 : 0;
        batch.thinkNs[line] = thinkNs ?? Number.NaN;
      }
      startNs = Math.max(startNs, ...lines.map(({ atNs }) => atNs)) + 1_000_000;
    }
  }

  replay(strategy: Strategy): Outcome {
    const faults: Fault[] = [];
    const replay = new Replay(
      {
        strategies: [strategy],
        recorder: undefined,
        stage2: { granuleBytes: PAGE, iaBits: 40, fwb: false, hasTlbiRange: false },
        profile,
        pcpus: Number.POSITIVE_INFINITY,
        lockWait: "spin",
        recordedOnOneCpu: false,
        replaysOnOneCpu: false,
        epochGapNs: Number.POSITIVE_INFINITY,
        counts: () => true,
        sanitizes: false,
        observer: {
          ended: (_by, thread: ReplayThread, activity, endNs) => {
            if (activity.kind === 0)
              faults.push([thread.index, activity.ipa, thread.accessNs, endNs, thread.faultClass]);
          },
        },
      },
      { size: this.texts.length, text: (id) => this.texts[id] as string },
    );
    replay.consume(this.batch);
    replay.finish();
    const counters = replay.counters(strategy);
    return { faults: faults.map((fault) => sinceEpoch(fault, counters)), counters };
  }
}

/** A run has time after its last access, which a line for each access cannot say: what follows may begin later. */
function sinceEpoch([vcpu, ipa, accessNs, endNs, faultClass]: Fault, { epochs }: Counters): Fault {
  const { startNs } = epochs.findLast((epoch) => epoch.startNs <= accessNs) as Counters["epochs"][number];
  return [vcpu, ipa, accessNs - startNs, endNs - startNs, faultClass];
}

// Odd figures: two vCPUs hardly ever come to one nanosecond, where their order would be that of the lines.
const published = loadProfile("kunpeng920").document;
const profile = parseProfile(
  {
    ...published,
    name: "odd",
    figures: Object.fromEntries(
      Object.entries(published.figures).map(([name, figure], n) => [
        name,
        name === "cleanLineNs" ? figure : { ...figure, value: Math.round(figure.value) * 7 + 13 * n },
      ]),
    ),
  },
  "odd",
);

const runs = (timed: boolean) =>
  fc.record({
    vcpu: fc.nat(3),
    atNs: fc.nat(200_000),
    page: fc.nat(1000),
    stride: fc.constantFrom(1, 1, 1, 3, 100),
    count: fc.integer({ min: 1, max: 400 }),
    write: fc.boolean(),
    thinkNs: timed ? fc.integer({ min: 1, max: 5000 }) : fc.constant(undefined),
  });

/** One run for each vCPU: what follows a run begins when that ends, which a line for each access cannot say. */
const epochs = (timed: boolean): fc.Arbitrary<Epoch[]> =>
  fc
    .array(fc.uniqueArray(runs(timed), { selector: ({ vcpu }) => vcpu, minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    })
    .map((all) => all.map((its, n) => ({ logging: n % 2 === 1, runs: its })))
    .map((all) => all.map((epoch) => ({ ...epoch, runs: epoch.runs.map(inside) })));

function inside(run: RunOfAccesses): RunOfAccesses {
  const room = Math.floor((BYTES / PAGE - 1 - run.page) / run.stride) + 1;
  return { ...run, count: Math.max(1, Math.min(run.count, room)) };
}

function pick(name: string): Strategy {
  return strategyByName(name) as Strategy;
}

const sorted = (faults: readonly Fault[]) =>
  [...faults].sort((a, b) => a[2] - b[2] || a[0] - b[0]).map((fault) => fault.join(" "));

describe.each(["pre-patch", "post-patch", "v5.11", "v6.1", "v6.12"])("under %s", (name) => {
  const strategy = pick(name);

  it("a run takes the faults of its accesses one by one, at the same times", () => {
    let midway = 0;
    fc.assert(
      fc.property(epochs(true), (given) => {
        const run = new Script(given, false).replay(strategy);
        const single = new Script(given, true).replay(strategy);
        expect(sorted(run.faults)).toEqual(sorted(single.faults));
        expect(Array.from(run.counters.byCause)).toEqual(Array.from(single.counters.byCause));
        expect(run.counters.stallTotalNs).toBe(single.counters.stallTotalNs);
        midway += run.counters.byCause[4] as number;
      }),
      { numRuns: 60, seed: 7 },
    );
    // The law is empty where no run meets a broken entry.
    expect(midway).toBeGreaterThan(0);
  });
});

describe("a break in the middle of a block", () => {
  /** vCPU 1 reads through a block; vCPU 0 writes its page 0 while logging is on, which splits it. */
  const populate = { vcpu: 0, atNs: 0, page: 0, stride: 1, count: 1, write: true, thinkNs: 1 };
  const given = (thinkNs: number | undefined): Epoch[] => [
    { logging: false, runs: [populate] },
    {
      logging: true,
      runs: [
        { ...populate, atNs: 50_000 },
        // Its handler and the walk up to the break take 20 us; 400 reads as the profile has them 16.
        {
          vcpu: 1,
          atNs: thinkNs === undefined ? 60_000 : 0,
          page: 100,
          stride: 1,
          count: 400,
          write: false,
          thinkNs,
        },
      ],
    },
  ];

  it.each([
    ["an access each 1,000 ns", 1000],
    ["reads as the profile has them", undefined],
  ] as const)("%s: faults at its next access, and on each page after it", (_name, thinkNs) => {
    const { faults } = new Script(given(thinkNs), false).replay(pick("pre-patch"));
    const reader = faults.filter(([vcpu]) => vcpu === 2);
    const [splitNs] = faults
      .filter(([vcpu]) => vcpu === 1)
      .map(([, , accessNs]) => accessNs)
      .slice(1);
    expect(reader[0]?.[2]).toBeGreaterThan(splitNs as number);
    // The first page may fault twice: on the broken entry, then on the page itself.
    const pages = [...new Set(reader.map(([, ipa]) => (ipa - BASE) / PAGE))];
    const [first = 0] = pages;
    expect(first).toBeGreaterThan(100);
    expect(pages).toEqual(Array.from({ length: 500 - first }, (_, n) => first + n));
  });
});

describe("an access run costs its faults, not its accesses", () => {
  it.each([1, 5])("%i vCPUs: as many steps for 512 as for 2 million accesses", (vcpus) => {
    const looks = (stride: number, count: number): number => {
      const runs = Array.from({ length: vcpus }, (_, vcpu) => ({
        vcpu,
        atNs: vcpu,
        page: 0,
        stride,
        count,
        write: false,
        thinkNs: undefined,
      }));
      const script = new Script([{ logging: false, runs }], false);
      // A stride of less than a page: the same pages, more accesses.
      for (let row = 0; row < script.batch.count; row++)
        if (script.batch.kind[row] === Kind.guest_access_run) script.batch.size[row] = stride;
      let questions = 0;
      const strategy = pick("pre-patch");
      const { counters } = countingReplay(script, strategy, () => questions++);
      expect(counters.total).toBeGreaterThan(0);
      return questions;
    };
    expect(looks(1, 2 ** 21)).toBe(looks(PAGE, 512));
  });
});

/** The profile is asked for the pace whenever the number of readers is one not met before; looks are counted by the filter. */
function countingReplay(script: Script, strategy: Strategy, onLook: () => void): Outcome {
  const counts = () => {
    onLook();
    return true;
  };
  const replay = new Replay(
    {
      strategies: [strategy],
      recorder: undefined,
      stage2: { granuleBytes: PAGE, iaBits: 40, fwb: false, hasTlbiRange: false },
      profile,
      pcpus: Number.POSITIVE_INFINITY,
      lockWait: "spin",
      recordedOnOneCpu: false,
      replaysOnOneCpu: false,
      epochGapNs: Number.POSITIVE_INFINITY,
      counts,
      sanitizes: false,
    },
    { size: 2, text: () => "guest" },
  );
  replay.consume(script.batch);
  replay.finish();
  return { faults: [], counters: replay.counters(strategy) };
}
