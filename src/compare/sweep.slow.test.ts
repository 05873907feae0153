import { describe, expect, it, vi } from "vitest";
import { loadProfile } from "../cost/profile.js";
import { kvmPageTableTest } from "../workload/kvm-page-table-test.js";
import type { DescribedWorkload } from "../workload/workload.js";
import type { DiffJob } from "./diff.js";
import { diffTrace } from "./diff.js";
import type { DiffResult } from "./result.js";
import { type SweepPoint, sweepSchema } from "./result-sweep.js";
import { type SweepOptions, sweep } from "./sweep.js";

vi.setConfig({ testTimeout: 60_000 });

const sides = { base: "pre-patch", candidate: "post-patch", lenient: false };
const recorded = "traces/5.10.262-prepatch-h2m-4v.ndjson.gz";
const kunpeng = loadProfile("kunpeng920").document;

function workload(changes: Record<string, number | string | boolean> = {}): DescribedWorkload {
  const unset = Object.fromEntries(Object.keys(kvmPageTableTest.options).map((name) => [name, undefined]));
  const values = {
    ...unset,
    type: "hugetlb",
    granularity: "2M",
    size: "16M",
    vcpus: 3,
    fwb: false,
    ...changes,
  };
  return { workload: "kvm_page_table_test", values: values as DescribedWorkload["values"] };
}

const here = (options: Omit<SweepOptions, "threads">) => sweep({ ...options, threads: 1 });

/** What a point shows of the diff that it is. */
function figuresOf({ base, candidate, timing, epochs }: DiffResult, epoch: string | undefined) {
  const at = epochs.find(({ label }) => label === epoch);
  const side = (of: DiffResult["base"], makespanNs: number | undefined, recordedRatio: number) => ({
    strategy: of.strategy,
    makespanNs: makespanNs ?? of.makespanNs,
    stallNs: of.stallNs.total,
    faults: of.faults.total,
    recordedRatio,
  });
  return {
    base: side(base, at?.base.makespanNs, timing.baseRecordedRatio),
    candidate: side(candidate, at?.candidate.makespanNs, timing.candidateRecordedRatio),
  };
}

const changed = (name: "tlbiVmidNs" | "cleanLineNs", value: number) => ({
  ...kunpeng,
  figures: { ...kunpeng.figures, [name]: { ...kunpeng.figures[name], value } },
});

describe("each point is the diff run alone with that parameter", () => {
  it.each<[string, SweepOptions["axes"][number], (value: number) => Partial<DiffJob>]>([
    [
      "an option of the workload",
      { name: "vcpus", values: [1, 5] },
      (vcpus) => ({ input: workload({ vcpus }) }),
    ],
    ["a cost", { name: "clean", values: [0, 0.5, 1] }, (clean) => ({ scale: { clean } })],
    ["a wait", { name: "lockWait", values: [0, 1] }, (lockWait) => ({ scale: { lockWait } })],
    [
      "a figure",
      { name: "tlbiVmidNs", values: [200, 4000] },
      (ns) => ({ profile: changed("tlbiVmidNs", ns) }),
    ],
    ["the CPUs", { name: "if-pcpus", values: [1, 2] }, (pcpus) => ({ whatIf: { pcpus } })],
  ])("%s", async (_, axis, change) => {
    const { points } = await here({ ...sides, input: workload(), epoch: "ADJUST", axes: [axis] });
    expect(points.map(({ parameters }) => parameters[axis.name])).toEqual(axis.values);
    for (const [i, value] of axis.values.entries()) {
      const alone = await diffTrace({
        ...sides,
        input: workload(),
        epoch: "ADJUST",
        ...change(value as number),
      });
      expect(points[i]).toMatchObject(figuresOf(alone, "ADJUST"));
    }
    const [first, last] = [points[0], points.at(-1)] as [SweepPoint, SweepPoint];
    expect(first.base).not.toEqual(last.base);
  });

  it("a share of a figure is that share of the profile's", async () => {
    const axes = [{ name: "cleanLineNs", values: [{ ratio: 0.5 }, kunpeng.figures.cleanLineNs.value / 2] }];
    const { points } = await here({ ...sides, input: workload(), axes });
    const [share, figure] = points as [SweepPoint, SweepPoint];
    expect(share).toEqual(figure);
    const alone = await diffTrace({ ...sides, input: workload(), profile: changed("cleanLineNs", 3.875) });
    expect(share).toMatchObject(figuresOf(alone, undefined));
  });

  it("a recording, whose recorded times are scaled too", async () => {
    const options = { ...sides, input: recorded, epoch: "ADJUST", slot: 1 };
    const { points, caveats } = await here({ ...options, axes: [{ name: "clean", values: [0, 1] }] });
    for (const [i, clean] of [0, 1].entries())
      expect(points[i]).toMatchObject(figuresOf(await diffTrace({ ...options, scale: { clean } }), "ADJUST"));
    expect(points[0]!.base.makespanNs).toBeLessThan(points[1]!.base.makespanNs);
    expect(caveats.map(({ code }) => code)).toContain("scaled-record");
  });

  it("other CPUs than recorded, the recording strategy among the sides: all are predictions there", async () => {
    const options = { ...sides, input: recorded, epoch: "ADJUST", slot: 1 };
    const { points, caveats } = await here({ ...options, axes: [{ name: "if-pcpus", values: [1, 2, 4] }] });
    for (const [i, pcpus] of [1, 2, 4].entries())
      expect(points[i]).toMatchObject(
        figuresOf(await diffTrace({ ...options, whatIf: { pcpus } }), "ADJUST"),
      );
    expect(caveats.find(({ code }) => code === "other-machine")).toMatchObject({ points: 2 });
  });
});

describe("the grid", () => {
  it("is the product; the last parameter varies fastest", async () => {
    const axes = [
      { name: "vcpus", values: [2, 1] },
      { name: "fwb", values: [false, true] },
      { name: "clean", values: [1, 0] },
    ];
    const { points } = await here({ ...sides, input: workload({ size: "2M" }), axes });
    expect(points.map(({ parameters }) => Object.entries(parameters).flat())).toEqual(
      [2, 1].flatMap((vcpus) =>
        [false, true].flatMap((fwb) => [1, 0].map((clean) => ["vcpus", vcpus, "fwb", fwb, "clean", clean])),
      ),
    );
    for (const point of points) expect(sweepSchema.parse(point)).toEqual(point);
  });

  it("the change is the candidate less the base", async () => {
    const { points } = await here({ ...sides, input: workload(), axes: [{ name: "vcpus", values: [4] }] });
    const { base, candidate, change } = points[0] as SweepPoint;
    expect(change).toEqual({
      makespanNs: candidate.makespanNs - base.makespanNs,
      makespanRatio: (candidate.makespanNs - base.makespanNs) / base.makespanNs,
      stallNs: candidate.stallNs - base.stallNs,
      faults: candidate.faults - base.faults,
    });
    expect(change.makespanNs).toBeLessThan(0);
  });

  it("a caveat says at how many points it holds, and between which numbers", async () => {
    const axes = [
      { name: "size", values: ["4M", "16M"] },
      { name: "fwb", values: [false, true] },
    ];
    const { caveats } = await here({ ...sides, input: workload(), axes });
    expect(caveats).toEqual([
      expect.objectContaining({
        code: "unclean-pages",
        points: 2,
        text: expect.stringMatching(/: 2 to 8 blocks mapped 510 to 2,040 pages that/),
      }),
    ]);
  });

  it("a figure that is known in a sum says so, and so does one against recorded times", async () => {
    const axes = [{ name: "pagePutNs", values: [2, 8] }];
    const codes = async (input: DiffJob["input"], profile: string) =>
      (await here({ ...sides, input, profile, axes })).caveats.map(({ code }) => code);
    expect(await codes(workload(), "kunpeng920")).toContain("swept-sum");
    expect(await codes(workload(), "kunpeng920")).not.toContain("recorded-figure");
    expect(await codes(recorded, "emulated")).toContain("recorded-figure");
  });
});

describe("refused", () => {
  it.each<[string, Partial<SweepOptions>, RegExp]>([
    [
      "an unknown name",
      { axes: [{ name: "clen", values: [0] }] },
      /unknown parameter "clen" \(did you mean "clean"\?\)/,
    ],
    ["half a wait", { axes: [{ name: "lockWait", values: [0.5] }] }, /lockWait: expected 0 or 100 %/],
    ["a cost below nothing", { axes: [{ name: "clean", values: [-1] }] }, /clean: cannot be -1/],
    ["no CPU", { axes: [{ name: "if-pcpus", values: [0] }] }, /if-pcpus: cannot be 0/],
    [
      "the same twice",
      {
        axes: [
          { name: "clean", values: [0] },
          { name: "clean", values: [1] },
        ],
      },
      /clean: is swept twice/,
    ],
    ["no values", { axes: [{ name: "clean", values: [] }] }, /clean: no values/],
    [
      "too large a grid",
      { axes: ["clean", "walk"].map((name) => ({ name, values: Array.from({ length: 101 }, (_, i) => i) })) },
      /10201 points: expected a grid of 10000 at most/,
    ],
    [
      "what a workload does not take, at its point",
      { axes: [{ name: "vcpus", values: [1, 0] }] },
      /^vcpus=0: --vcpus: expected a whole number from 1 up/,
    ],
    [
      "vCPUs of a recording",
      { input: recorded, axes: [{ name: "vcpus", values: [1] }] },
      /has the vCPUs that it has/,
    ],
    [
      "a wait that is in the record",
      { input: recorded, axes: [{ name: "lockWait", values: [0] }] },
      /^lockWait=0%: lockWait and cpuWait cannot be left out/,
    ],
    [
      "an unknown strategy",
      { candidate: "nope", axes: [{ name: "clean", values: [0] }] },
      /^no strategy named "nope"/,
    ],
  ])("%s", async (_, change, message) => {
    await expect(here({ ...sides, input: workload(), axes: [], ...change })).rejects.toThrow(message);
  });
});
