import { expect, it } from "vitest";
import { causes, costs } from "../replay/counters.js";
import type { Observer } from "../replay/observer.js";
import { kvmPageTableTest } from "../workload/kvm-page-table-test.js";
import { describeWorkload } from "../workload/workload.js";
import { diffTrace } from "./diff.js";
import type { TraceOptions } from "./options.js";
import type { DiffResult, FaultCause, ReplayResult, StallCost } from "./result.js";

const sides = { base: "pre-patch", candidate: "post-patch", lenient: false };

/** What an observer was told of one side, added up. */
class Told {
  faults = 0;
  stallNs = 0;
  windows = 0;
  windowNs = 0;
  readonly byCause = new Float64Array(causes.length);
  readonly costNs = new Float64Array(costs.length);
  repetitions = 0;
  /** Holds of the lock, in order of their ends. */
  readonly holds: { vm: number; startNs: number; fromNs: number; toNs: number; innerNs: number[] }[] = [];
  worstPartNs = 0;
}

async function observe(options: Omit<TraceOptions, "lenient">, hearsRepetitions = false) {
  const told = [new Told(), new Told()];
  const observer: Observer = {
    ended: (episode) => {
      const of = told[episode.side];
      if (of === undefined || !episode.counted) return;
      const { vm, startNs, isFault, windows, brokenNs, installedNs, teardownNs, tornDownNs } = episode;
      if (!Number.isNaN(episode.lockedNs)) {
        const innerNs = [brokenNs, installedNs, teardownNs, tornDownNs].filter((ns) => !Number.isNaN(ns));
        of.holds.push({ vm, startNs, fromNs: episode.lockedNs, toNs: episode.unlockedNs, innerNs });
      }
      of.windows += windows > 0 ? 1 : 0;
      if (windows > 0) of.windowNs += Math.round(installedNs - brokenNs);
      if (!isFault) return;
      of.faults += episode.laps;
      of.stallNs += Math.round(episode.stallNs);
      of.byCause[episode.cause]!++;
      const sum = episode.costNs.reduce((all, ns) => all + ns, 0);
      of.worstPartNs = Math.max(of.worstPartNs, Math.abs(sum - episode.stallNs));
      episode.costNs.forEach((ns, cost) => {
        of.costNs[cost]! += ns;
      });
    },
    ...(hearsRepetitions
      ? {
          repeated: ({ side, byCause, costNs, stalls }) => {
            const of = told[side]!;
            of.repetitions++;
            byCause.forEach((count, cause) => {
              of.faults += count;
              of.byCause[cause]! += count;
            });
            costNs.forEach((ns, cost) => {
              of.costNs[cost]! += ns;
            });
            for (const [ns, count] of stalls) of.stallNs += ns * count;
          },
        }
      : {}),
  };
  const result = await diffTrace({ ...options, ...sides, observer });
  return { told: told as [Told, Told], result };
}

function expectSame(told: Told, of: ReplayResult): void {
  expect(told.faults).toBe(of.faults.total);
  expect(told.stallNs).toBe(of.stallNs.total);
  expect(told.windows).toBe(of.windows.count);
  expect(told.windowNs).toBe(of.windows.totalNs);
  for (const [i, cause] of causes.entries())
    expect([cause, told.byCause[i]]).toEqual([cause, of.faults.byCause[cause as FaultCause]]);
  for (const [i, cost] of costs.entries())
    expect(Math.abs(told.costNs[i]! - of.costNs[cost as StallCost])).toBeLessThan(1);
}

const eachSide = ({ base, candidate }: DiffResult) => [base, candidate] as const;

it.each([
  ["one that follows the record", { input: "traces/5.10.262-prepatch-h2m-4v.ndjson.gz" }],
  ["one epoch of it", { input: "traces/5.10.262-prepatch-h2m-4v.ndjson.gz", epoch: "ADJUST" }],
  ["two CPUs", { input: "traces/5.10.262-prepatch-h2m-1v.ndjson.gz", whatIf: { pcpus: 2 } }],
  ["retries", { input: "fixtures/retry-storm-is-one-access/trace.ndjson" }],
])("law: episodes add up to the result: %s", async (_, options) => {
  const { told, result } = await observe(options);
  for (const [side, of] of eachSide(result).entries()) {
    expectSame(told[side]!, of);
    expect(told[side]!.worstPartNs).toBeLessThan(1);
  }
});

const repeating = () =>
  describeWorkload(kvmPageTableTest, {
    type: "hugetlb",
    granularity: "2M",
    mode: 4,
    size: "32M",
    vcpus: 3,
  });

it.each<[string, () => TraceOptions["input"]]>([
  ["a recording", () => "traces/5.10.262-prepatch-h2m-4v.ndjson.gz"],
  ["what repeats taken as done", repeating],
])(
  "law: breaks, installs and tear-downs lie within holds of the lock, which exclude each other: %s",
  async (_, input) => {
    const { told } = await observe({ input: input() }, true);
    for (const { holds } of told) {
      expect(holds.length).toBeGreaterThan(200);
      holds.sort((a, b) => a.fromNs - b.fromNs);
      let lastNs = 0;
      for (const { startNs, fromNs, toNs, innerNs } of holds) {
        expect(fromNs).toBeGreaterThanOrEqual(startNs - 1);
        expect(fromNs).toBeGreaterThanOrEqual(lastNs);
        for (const ns of innerNs) expect(ns).toBeGreaterThanOrEqual(fromNs - 1);
        for (const ns of innerNs) expect(ns).toBeLessThanOrEqual(toNs + 1);
        lastNs = toNs;
      }
    }
  },
);

it("law: the sums equal the result when repetitions are reported instead of their episodes", async () => {
  const input = repeating();
  const whole = await observe({ input });
  const { told, result } = await observe({ input }, true);
  expect(result).toEqual(whole.result);
  for (const [side, of] of eachSide(result).entries()) {
    expect(told[side]!.repetitions).toBeGreaterThan(0);
    expectSame(told[side]!, of);
    expectSame(whole.told[side]!, of);
  }
});

it("law: a few lines that stand for much work do not block the event loop, so signals are handled", async () => {
  const input = describeWorkload(kvmPageTableTest, {
    type: "hugetlb",
    granularity: "2M",
    mode: 4,
    size: "256M",
    vcpus: 3,
  });
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns++;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  const seen = new Set<number>();
  await diffTrace({ input, ...sides, observer: { ended: () => seen.add(turns) } });
  isDone = true;
  // Three batches at most would be three turns.
  expect(seen.size).toBeGreaterThan(5);
});

it("law: the observer hears of a strategy that is given twice on both sides", async () => {
  const input = "fixtures/recorded-adjust-of-5.10-prepatch/trace.ndjson";
  const counts = [0, 0];
  const observer: Observer = {
    ended: ({ side }) => {
      counts[side]!++;
    },
  };
  await diffTrace({ input, lenient: false, base: "pre-patch", candidate: "pre-patch", observer });
  expect(counts[0]).toBeGreaterThan(0);
  expect(counts[1]).toBe(counts[0]);
});
