import { describe, expect, it, vi } from "vitest";
import { diffTrace, replayTrace } from "../../compare/diff.js";
import { resultOfDocument } from "../../compare/documents.js";
import type { DiffOptions } from "../../compare/options.js";
import { seededRandom } from "../../seeded-random.js";
import { kvmPageTableTest } from "../../workload/kvm-page-table-test.js";
import { describeWorkload } from "../../workload/workload.js";
import { Plot } from "./plot.js";
import { countStall, histogramLines, stallCounts } from "./stall-histogram.js";
import { EpochTimeline, Timelines, TimeUse } from "./timeline.js";

// Whole recordings are replayed.
vi.setConfig({ testTimeout: 60_000 });

const sides = { base: "pre-patch", candidate: "post-patch", lenient: false };
const recorded = "traces/5.10.262-prepatch-h2m-4v.ndjson.gz";
const inWindow = "fixtures/second-vcpu-inside-the-window/trace.ndjson";

async function plotted(options: Pick<DiffOptions, "input"> & Partial<DiffOptions>) {
  const plot = new Plot();
  const result = await diffTrace({ ...sides, ...options, observer: plot });
  const render = (width = 80) => plot.render(resultOfDocument(result), { width, color: false });
  return { plot, result, render };
}

const sum = (counts: Iterable<number>) => [...counts].reduce((all, count) => all + count, 0);

/** Lines of a side's lanes, by name. */
function lanesOf(text: string, name: string): string[] {
  const lines = text.slice(text.indexOf("timeline")).split("\n");
  const from = lines.findIndex((line) => line.includes(`${name}, windows`)) + 1;
  return lines.slice(from, from + lines.slice(from).findIndex((line) => !/^ {2}\S.*\|$/.test(line)));
}

const workload = describeWorkload(kvmPageTableTest, {
  type: "hugetlb",
  granularity: "2M",
  mode: 4,
  size: "32M",
  vcpus: 3,
});

describe("stalls by length", () => {
  it.each([
    ["a recording", { input: recorded }],
    ["a slot's epoch of it", { input: recorded, slot: 1, epoch: "ADJUST" }],
    [
      "retries: an access is one, whatever its laps",
      { input: "fixtures/retry-storm-is-one-access/trace.ndjson" },
    ],
    ["what was counted as a repetition", { input: workload }],
  ])("law: they are the accesses that faulted: %s", async (_, options) => {
    const { plot, result } = await plotted(options);
    const of = [result.base, result.candidate];
    expect(of.map((_, side) => sum(plot.countsOf(side)))).toEqual(
      of.map(({ faults }) => faults.accessesFaulted),
    );
  });

  it("law: a length is in the row whose edges it lies between", () => {
    const rowOf = (ns: number) => {
      const counts = stallCounts();
      countStall(counts, ns, 1);
      return histogramLines([{ name: "", counts }], 80)[1]!
        .trim()
        .split(" : ")[0]!
        .trim();
    };
    expect([0, 999].map(rowOf)).toEqual(["0 us -> 1 us", "0 us -> 1 us"]);
    expect([1000, 1999].map(rowOf)).toEqual(["1 us -> 2 us", "1 us -> 2 us"]);
    expect([511_999, 512_000].map(rowOf)).toEqual(["256 us -> 512 us", "512 us -> 1.02 ms"]);
    expect(rowOf(1e18)).toMatch(/ s -> /);
  });

  it("shows one of a million, keeps empty rows between others, and one scale for all", () => {
    const [many, one] = [stallCounts(), stallCounts()];
    countStall(many, 5000, 1_000_000);
    countStall(one, 5000, 500_000);
    countStall(one, 40_000, 1);
    const lines = histogramLines(
      [
        { name: "a", counts: many },
        { name: "b", counts: one },
      ],
      100,
    );
    const stars = lines.map((line) => [...line.matchAll(/\|(\**) *\|/g)].map(([, bar]) => bar!.length));
    expect(stars.slice(1, -1)).toEqual([
      [27, 14],
      [0, 0],
      [0, 0],
      [0, 1],
    ]);
    expect(histogramLines([{ name: "a", counts: stallCounts() }], 80)).toEqual(["no access faulted"]);
  });
});

describe("timeline", () => {
  it("law: no time is lost or made when bins grow, to either end", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 50; round++) {
      const epoch = new EpochTimeline(0, "E", 0, 1);
      const lane = epoch.lane(0, 3);
      let allNs = 0;
      for (let n = 0; n < 200; n++) {
        const fromNs = (random() - 0.5) * 10 ** (3 + 6 * random());
        const ns = random() * 10 ** (1 + 6 * random());
        epoch.add(0, lane, TimeUse.stall, fromNs, fromNs + ns);
        allNs += ns;
      }
      const binned = lane.sum(TimeUse.stall, 0, Number.POSITIVE_INFINITY);
      expect(Math.abs(binned / allNs - 1)).toBeLessThan(1e-5);
    }
  });

  it("law: of too many epochs the most telling one is kept", () => {
    const timelines = new Timelines(2);
    for (let number = 0; number < 5000; number++)
      for (const side of [0, 1]) {
        const epoch = timelines.epoch(side, number, undefined, 0);
        const lane = epoch.lane(side, 0);
        epoch.add(side, lane, TimeUse.stall, 0, side === 1 && number === 1234 ? 900 : 1000);
      }
    expect(timelines.mostTelling()!.number).toBe(1234);
  });

  it("is of the epoch that changes most, a window as long as it is", async () => {
    const { render, result } = await plotted({ input: recorded });
    const text = render();
    expect(text).toContain("timeline of ADJUST\n");
    const columnUs = Number(/a column is ([\d.]+) us/.exec(text)![1]);
    const before = lanesOf(text, "pre-patch");
    expect(before.map((lane) => lane.slice(0, 8))).toEqual([0, 1, 2, 3].map((n) => `  vCPU ${n}`));
    // A W is at least half open, and what is open is in some column.
    const columnNs = columnUs * 1000;
    const marks = (letters: RegExp) => sum(before.map((lane) => lane.match(letters)?.length ?? 0)) * columnNs;
    expect(result.base.windows.totalNs).toBeGreaterThan(marks(/W/g) / 2);
    expect(result.base.windows.totalNs).toBeLessThan(marks(/[Wwv](?=.*\|)/g));
    const after = lanesOf(text, "post-patch").join("\n");
    expect(after).toContain("v");
    expect(after).not.toContain("W");
    expect(after.length).toBeLessThan(0.6 * before.join("\n").length);
  });

  it("fits its width and leaves no blanks at line ends", async () => {
    const { render } = await plotted({ input: recorded });
    for (const width of [60, 80, 137])
      for (const line of render(width)
        .split("\n")
        .filter((text) => !/window open|work under/.test(text))) {
        expect(line.length).toBeLessThanOrEqual(width);
        expect(line).not.toMatch(/\s$/);
      }
  });

  it("says what stands for faults that were counted in bulk, and who was left out", async () => {
    const plot = new Plot();
    const input = { ...workload, values: { ...workload.values, vcpus: 40 } };
    const options = { input, lenient: false, strategy: "pre-patch", epoch: "UPDATE", observer: plot };
    const text = plot.render(resultOfDocument(await replayTrace(options)), { width: 80, color: false });
    expect(text).toContain('\n" the same order of faults over again');
    expect(text).toMatch(/ vCPU \d+ +\|.*"""".*\|\n/);
    expect(text).toContain("\n16 more threads: ");
  });

  it("a window that delays another vCPU, and one that does not", async () => {
    const { render } = await plotted({ input: inWindow });
    await expect(render()).toMatchFileSnapshot("__snapshots__/plot.txt");
  });
});
