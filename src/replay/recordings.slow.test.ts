/** What must hold of the recordings that are shipped: traces/README.md says what was measured. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { diffTrace } from "../compare/diff.js";
import { type DiffResult, diffSchema, type ReplayResult } from "../compare/result.js";

const root = join(import.meta.dirname, "../..");
const traces = join(root, "traces");
const SLOW = { timeout: 120_000 };

interface Recording {
  readonly file: string;
  /** `prepatch-h2m-4v`, without the kernel's release. */
  readonly name: string;
  readonly walker: string;
  readonly adjustNs: number;
  readonly adjustFaults: number;
  readonly windowNs: number;
}

/** The table of traces/README.md: | file | bytes | events | `walker` | ms | faults (..) | broken | us | .. |. */
const recordings: readonly Recording[] = readFileSync(join(traces, "README.md"), "utf8")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter((cells) => cells[1]?.endsWith(".ndjson.gz"))
  .map((cells) => {
    const number = (at: number) => Number.parseFloat((cells[at] as string).replaceAll(",", ""));
    const file = cells[1] as string;
    return {
      file,
      name: file.replace(".ndjson.gz", "").replace("5.10.262-", ""),
      walker: (cells[4] as string).replaceAll("`", ""),
      adjustNs: number(5) * 1e6,
      adjustFaults: number(6),
      windowNs: number(8) * 1e3,
    };
  });

const recording = (name: string) => recordings.find((one) => one.name === name) as Recording;

const known = new Map<string, Promise<DiffResult>>();

/** The ADJUST epoch's test slot, or the whole trace. Each is replayed once. */
function diffOf(
  { file, walker }: Recording,
  candidate: string,
  part: "ADJUST" | "whole",
): Promise<DiffResult> {
  const key = `${file} ${candidate} ${part}`;
  let result = known.get(key);
  if (result === undefined) {
    const filter = part === "ADJUST" ? { slot: 1, epoch: "ADJUST" } : {};
    result = diffTrace({ input: join(traces, file), lenient: false, base: walker, candidate, ...filter });
    known.set(key, result);
  }
  return result;
}

/** `value` is within `ratio` of `expected`. */
function expectNear(value: number, expected: number, ratio: number, what: string): void {
  const off = Math.abs(value / expected - 1);
  expect(off, `${what}: ${value}, recorded ${expected}`).toBeLessThanOrEqual(ratio);
}

const sum = (figures: Readonly<Record<string, number>>) => Object.values(figures).reduce((a, b) => a + b, 0);

describe("self-replay gives back ADJUST's faults on the test's memory", SLOW, () => {
  it("of ten recordings", () => expect(recordings).toHaveLength(10));

  it.each(recordings)("$file: $adjustFaults", async (one) => {
    const { selfReplay, base } = await diffOf(one, "post-patch", "ADJUST");
    expect(selfReplay).toMatchObject({
      strategy: one.walker,
      recordedFaults: one.adjustFaults,
      replayedFaults: one.adjustFaults,
      missing: 0,
      extra: 0,
    });
    expect(base.faults.total).toBe(one.adjustFaults);
    // The h1g runs were not traced while the block was split: there the first fault has to tell.
    if (one.name.includes("h2m")) expect(selfReplay?.matched).toBe(one.adjustFaults);
    else expect(selfReplay?.corrected).toBeLessThanOrEqual(1);
  });

  it.each(recordings)("$file: its time and its window", async (one) => {
    const { base, epochs } = await diffOf(one, "post-patch", "ADJUST");
    expectNear(epochs[0]?.base.makespanNs ?? 0, one.adjustNs, 0.01, "ADJUST");
    // Open: where the population of a subtree is not known, the store after the flush is taken to be as slow as the rest.
    const ratio = one.name === "postpatch-h1g-4v" ? 0.1 : 0.01;
    expectNear(base.windows.p50Ns, one.windowNs, ratio, "window");
  });
});

describe("self-replay of the whole trace", SLOW, () => {
  it.each(recordings)("$file: 97 % matched, 99.9 % matched or corrected", async (one) => {
    const { selfReplay } = await diffOf(one, "post-patch", "whole");
    const { recordedFaults, matched, corrected, missing } = selfReplay as NonNullable<typeof selfReplay>;
    expect(matched / recordedFaults).toBeGreaterThanOrEqual(0.97);
    // One fault may stand aside where that is more than its share.
    expect(missing).toBeLessThanOrEqual(Math.max(1, 0.001 * recordedFaults));
    expect(matched + corrected + missing, "each recorded fault has one verdict").toBe(recordedFaults);
  });
});

/** One tree and one configuration, before and after: each recording must be predicted from the other. */
const pairs = [
  ["prepatch-h2m-4v", "postpatch-h2m-4v"],
  ["prepatch-h2m-1v", "postpatch-h2m-1v"],
  ["vanilla-h2m-4v", "rfc-h2m-4v"],
] as const;

/** The clean moves from the fault path of each vCPU into the walk of one. */
const moves = [
  ["vanilla-h2m-4v", "prepatch-h2m-4v"],
  ["rfc-h2m-4v", "prepatch-h2m-4v"],
] as const;

describe("prediction of one recording from the other", SLOW, () => {
  it.each([
    ...pairs.flatMap(([a, b]) => [
      [a, b],
      [b, a],
    ]),
    ...moves,
  ] as [string, string][])("%s predicts %s", async (from, to) => {
    const told = await diffOf(recording(from), recording(to).walker, "ADJUST");
    const truth = recording(to);
    const own = (await diffOf(truth, recording(from).walker, "ADJUST")).base;
    const { candidate, epochs } = told;
    expectNear(epochs[0]?.candidate.makespanNs ?? 0, truth.adjustNs, 0.05, "ADJUST");
    expectNear(candidate.windows.p50Ns, truth.windowNs, 0.1, "window median");
    expectNear(candidate.faults.total, truth.adjustFaults, 0.03, "faults");
    // With one vCPU nobody waits.
    if (from.endsWith("1v")) expect(candidate.costNs.lockWait).toBe(0);
    else expectNear(candidate.costNs.lockWait, own.costNs.lockWait, 0.15, "lock wait");
  });
});

describe("figures agree with each other", SLOW, () => {
  const sides = async (one: Recording, part: "ADJUST" | "whole"): Promise<ReplayResult[]> => {
    const { base, candidate } = await diffOf(one, "post-patch", part);
    return [base, candidate];
  };

  it.each(recordings)("$file: causes and classes sum to the faults", async (one) => {
    for (const part of ["ADJUST", "whole"] as const)
      for (const { faults } of await sides(one, part)) {
        expect(sum(faults.byCause)).toBe(faults.total);
        expect(sum(faults.byClass)).toBe(faults.total);
        expect(faults.accessesFaulted + faults.retries).toBe(faults.total);
      }
  });

  it.each(recordings)("$file: where the stall goes sums to the stall, up to rounding", async (one) => {
    for (const part of ["ADJUST", "whole"] as const)
      for (const { costNs, stallNs, faults } of await sides(one, part))
        expect(Math.abs(sum(costNs) - stallNs.total), "ns apart").toBeLessThanOrEqual(8 + faults.total);
  });

  it.each(recordings)("$file: percentiles are in order, and the schema holds", async (one) => {
    for (const { stallNs, windows } of await sides(one, "whole")) {
      expect([stallNs.p50, stallNs.p90, stallNs.p99]).toEqual(
        [stallNs.p50, stallNs.p90, stallNs.p99].sort((a, b) => a - b),
      );
      expect(stallNs.max).toBeLessThanOrEqual(stallNs.total);
      expect(windows.maxNs).toBeLessThanOrEqual(windows.totalNs);
    }
    const result = await diffOf(one, "post-patch", "whole");
    expect(diffSchema.parse(result)).toEqual(result);
  });
});

describe("the same input gives the same bytes", SLOW, () => {
  const run = (input: string, stdin?: Buffer) =>
    execFileSync(
      process.execPath,
      [join(root, "dist/cli.js"), "diff", input, "--format", "json", "--no-explain"],
      { ...(stdin === undefined ? {} : { input: stdin }), maxBuffer: 1 << 26 },
    ).toString();

  it("from the file, from standard input, and again", () => {
    const file = join(traces, "5.10.262-prepatch-h2m-1v.ndjson.gz");
    const first = run(file);
    expect(first.length).toBeGreaterThan(1000);
    expect(run("-", gunzipSync(readFileSync(file))), "gunzip | diff -").toBe(first);
    expect(run("-", readFileSync(file)), "compressed standard input").toBe(first);
    expect(run(file), "again").toBe(first);
  });
});
