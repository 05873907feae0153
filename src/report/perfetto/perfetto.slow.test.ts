import { expect, it, vi } from "vitest";
import type { TraceOptions } from "../../compare/options.js";
import { replayUnder } from "../../compare/replay-under.js";
import type { TraceResult } from "../../compare/trace-result.js";
import type { Watcher } from "../../compare/watcher.js";
import { causes } from "../../replay/counters.js";
import { kvmPageTableTest } from "../../workload/kvm-page-table-test.js";
import { describeWorkload } from "../../workload/workload.js";
import type { WatchReport } from "../watch-report.js";
import { perfettoReport } from "./report.js";
import { type ReadSlice, type ReadTrace, readPerfetto } from "./trace.test.support.js";

// Every packet of whole recordings is looked at.
vi.setConfig({ testTimeout: 120_000 });

async function record(
  replay: (options: TraceOptions) => Promise<TraceResult>,
  input: TraceOptions["input"],
): Promise<{ result: TraceResult; bytes: Uint8Array }> {
  const pieces: Uint8Array[] = [];
  let report: WatchReport | undefined;
  const observer: Watcher = {
    begins: (start) => {
      pieces.length = 0;
      report = perfettoReport(start, (piece) => pieces.push(piece.slice()), "x.pftrace");
    },
    ended: (episode, activity) => report?.ended?.(episode, activity),
  };
  const result = await replay({ input, lenient: false, observer });
  await report?.finish(result);
  return { result, bytes: Buffer.concat(pieces) };
}

const diff = (base: string, candidate: string) => (options: TraceOptions) =>
  replayUnder({ ...options, kind: "diff", strategies: [base, candidate] });

const sum = (slices: readonly ReadSlice[], of: (slice: ReadSlice) => number) =>
  slices.reduce((all, slice) => all + of(slice), 0);
const lengthOf = ({ startNs, endNs }: ReadSlice) => endNs - startNs;

/** Each time is rounded by itself; those of a recording with one CPU are whole. */
function expectSums({ slices, counters }: ReadTrace, result: TraceResult): void {
  for (const [side, { replay }] of result.sides.entries()) {
    const name = new RegExp(`^${replay.strategy}( \\(base\\)| \\(candidate\\))?$`);
    const ofSide = slices.filter(({ path }) => name.test(path[0] as string));
    const faults = ofSide.filter(({ category }) => category === "fault");
    expect(faults.every(({ depth, path }) => depth === 0 && path[1] === "vCPUs")).toBe(true);
    expect(sum(faults, ({ args }) => args.laps as number)).toBe(replay.faults.total);
    expect(sum(faults, ({ args }) => args.stall_ns as number)).toBe(replay.stallNs.total);
    expect(Math.abs(sum(faults, lengthOf) - replay.stallNs.total)).toBeLessThanOrEqual(faults.length);
    for (const cause of causes) {
      const counter = counters.get(`${ofSide[0]!.path[0]}/faults so far/${cause}`) ?? [];
      expect([side, cause, counter.at(-1)?.[1] ?? 0]).toEqual([side, cause, replay.faults.byCause[cause]]);
    }
    const windows = ofSide.filter(({ category }) => category === "windows");
    expect(windows.length).toBe(replay.windows.count);
    expect(Math.abs(sum(windows, lengthOf) - replay.windows.totalNs)).toBeLessThanOrEqual(windows.length);
    const parts = ofSide.filter(({ depth }) => depth === 1);
    // Who is sent back waits more than once, and only the last wait is shown.
    for (const [part, cost] of replay.faults.retries > 0
      ? []
      : ([
          ["exit", "exit"],
          ["lock wait", "lockWait"],
        ] as const)) {
      const shown = parts.filter((slice) => slice.name === part && slice.path[1] === "vCPUs");
      expect(Math.abs(sum(shown, lengthOf) - replay.costNs[cost])).toBeLessThanOrEqual(shown.length);
    }
    // A hold within a stall is where the lock's track has it.
    const held = (all: readonly ReadSlice[]) =>
      all
        .filter((slice) => lengthOf(slice) > 0)
        .map(({ startNs, endNs }) => `${startNs} ${endNs}`)
        .sort();
    expect(held(parts.filter(({ name: part }) => part === "hold"))).toEqual(
      held(ofSide.filter(({ category }) => category === "MMU lock")),
    );
  }
}

it.each([
  ["that queues for the lock", "traces/5.10.262-rfc-h2m-4v.ndjson.gz", "pre-patch", "post-patch"],
  ["that shares the lock", "traces/6.1.192-h2m-4v.ndjson.gz", "v6.1", "v6.12"],
])(
  "law: a trace of a replay %s keeps to the format's rules and adds up to the result",
  async (_, input, base, candidate) => {
    const { result, bytes } = await record(diff(base, candidate), input);
    const trace = readPerfetto(bytes);
    expectSums(trace, result);
    expect(new Set(trace.slices.map(({ path }) => path[0]))).toEqual(
      new Set([`${base} (base)`, `${candidate} (candidate)`]),
    );
  },
);

it("shows epochs, and says what it is", async () => {
  const input = "traces/5.10.262-prepatch-h1g-4v.ndjson.gz";
  const { result, bytes } = await record(
    (options) => replayUnder({ ...options, kind: "compare", strategies: ["pre-patch", "v5.10", "v6.12"] }),
    input,
  );
  const trace = readPerfetto(bytes);
  const { slices, instants } = trace;
  expectSums(trace, result);
  const epochs = slices.filter(({ category, path }) => category === "epoch" && path[0] === "v5.10");
  expect(epochs.map(({ name }) => name)).toEqual(
    result.epochs.filter((_, n) => result.sides[1]!.epochs[n]!.faults > 0).map(({ label }) => label),
  );
  expect(instants.map(({ args }) => args.strategy)).toEqual(["pre-patch", "v5.10", "v6.12"]);
  expect(instants[0]).toMatchObject({
    startNs: 0,
    path: ["pre-patch (base)"],
    args: {
      profile: result.profile.name,
      faults: result.sides[0]!.replay.faults.total,
      times: expect.stringContaining("since the trace's first event"),
    },
  });
});

it("counts faults in order of time, and the same input gives the same bytes", async () => {
  const input = () =>
    describeWorkload(kvmPageTableTest, { type: "hugetlb", granularity: "2M", mode: 4, size: "8M", vcpus: 3 });
  const { result, bytes } = await record(diff("pre-patch", "v6.12"), input());
  const trace = readPerfetto(bytes);
  expectSums(trace, result);
  for (const [name, values] of trace.counters)
    if (name.includes("/faults so far/"))
      for (const [i, [, value]] of values.entries()) expect(value).toBeGreaterThan(values[i - 1]?.[1] ?? 0);
  const again = await record(diff("pre-patch", "v6.12"), input());
  expect(Buffer.compare(again.bytes, bytes)).toBe(0);
});

it("counts what is mapped by size of the leaf: blocks, split while logging, and whole again", async () => {
  const { bytes } = await record(
    diff("pre-patch", "post-patch"),
    "traces/5.10.262-prepatch-h2m-1v.ndjson.gz",
  );
  const { counters } = readPerfetto(bytes);
  for (const name of ["pre-patch (base)", "post-patch (candidate)"]) {
    const of = (leaf: string) => counters.get(`${name}/mapped/VM 2: bytes mapped in leaves of ${leaf}`)!;
    const blocks = of("2.00 MiB").map(([, value]) => value / 2 ** 20);
    // kvm_page_table_test of 64 MiB: all mapped, all split page by page, all coalesced; in the end unmapped.
    expect(Math.max(...blocks)).toBe(64);
    const whole = blocks.indexOf(64);
    const split = blocks.indexOf(0, whole);
    expect(split).toBeGreaterThan(whole);
    expect(blocks.indexOf(64, split)).toBeGreaterThan(split);
    const pages = of("4.00 KiB").map(([, value]) => value / 2 ** 20);
    expect(Math.max(...pages)).toBeGreaterThan(32);
    expect(pages.at(-1)).toBeLessThan(1);
  }
});
