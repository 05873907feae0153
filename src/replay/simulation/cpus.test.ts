/** Fewer CPUs than vCPUs: they share them. With one for each, nothing may show that they are counted. */
import { describe, expect, it } from "vitest";
import { strategyByName } from "../../strategy/index.js";
import type { Strategy } from "../../strategy/strategy.js";
import { Cost, type Counters } from "../counters.js";
import { AccessScript, PAGE } from "./access-script.test.support.js";

const MIB2 = 2 ** 21;
const VCPUS = 3;
const BYTES = 4 * MIB2;

const runs = (count: number, strideBytes: number, write: boolean) =>
  Array.from({ length: VCPUS }, (_, vcpu) => ({
    vcpu,
    atNs: 0,
    page: 0,
    strideBytes,
    count,
    write,
    thinkNs: undefined,
  }));

const script = new AccessScript(
  [
    { logging: false, runs: runs(BYTES / MIB2, MIB2, true) },
    { logging: true, runs: runs(BYTES / MIB2, MIB2, true) },
    { logging: false, runs: runs(BYTES / PAGE, PAGE, false) },
  ],
  BYTES,
  MIB2,
);

const replay = (name: string, pcpus: number, lockWait: "spin" | "sleep" = "spin"): Counters =>
  script.replay(strategyByName(name) as Strategy, { pcpus, lockWait });

const outcome = (counters: Counters) => ({
  figures: Array.from(counters.figures(), (figure) => Number(figure.toPrecision(11))),
  epochs: counters.epochs,
});

const walkers = ["pre-patch", "post-patch", "v5.12-rc1", "v6.12"] as const;

describe("CPUs", () => {
  it.each(walkers)("law: under %s, more CPUs than vCPUs change nothing", (name) => {
    const enough = outcome(replay(name, Number.POSITIVE_INFINITY));
    expect(outcome(replay(name, VCPUS))).toEqual(enough);
    expect(outcome(replay(name, 64))).toEqual(enough);
  });

  it.each(
    walkers.flatMap((name) =>
      [1, 2].flatMap((pcpus) => [[name, pcpus, "spin"] as const, [name, pcpus, "sleep"] as const]),
    ),
  )("law: under %s, %i CPUs do no more work than they have time for (%s)", (name, pcpus, lockWait) => {
    const { total, costNs, makespanNs } = replay(name, pcpus, lockWait);
    expect(total).toBeGreaterThan(0);
    const waits: readonly number[] = [Cost.lockWait, Cost.cpuWait, Cost.retry];
    const workNs = costNs.reduce((sum, ns, cost) => sum + (waits.includes(cost) ? 0 : ns), 0);
    expect(pcpus * makespanNs).toBeGreaterThan(workNs);
  });

  // Where losers clean too, or retry, more turns in the middle of a hold are more work.
  it.each(["pre-patch", "post-patch"])(
    "law: under %s, an emulated CPU is not idle while one waits",
    (name) => {
      const { makespanNs } = replay(name, 1, "sleep");
      expect(makespanNs / replay(name, 1, "spin").makespanNs).toBeCloseTo(1, 1);
    },
  );

  it("law: the holder of a spinning lock is not preempted: with one CPU nobody ever finds it taken", () => {
    expect(replay("v5.12-rc1", 1).costNs[Cost.lockWait]).toBe(0);
    expect(replay("v5.12-rc1", 2).costNs[Cost.lockWait]).toBeGreaterThan(0);
  });
});
