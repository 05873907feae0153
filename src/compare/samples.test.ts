import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type FigureName, figureNames, loadProfile, type ProfileDocument } from "../cost/profile.js";
import { kvmPageTableTest } from "../workload/kvm-page-table-test.js";
import { type DescribedWorkload, describeWorkload } from "../workload/workload.js";
import { compareTrace, diffTrace, replayTrace, sampleCompare, sampleDiff, sampleReplay } from "./diff.js";
import { compareSchema, diffSchema } from "./result.js";

const folder = mkdtempSync(join(tmpdir(), "s2replay-samples-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, "copy.mjs"),
  'export default ({ strategyByName }) => ({ ...strategyByName("v5.10"), name: "copy", models: "a copy" });\n',
);

const kunpeng = loadProfile("kunpeng920").document;

const input = describeWorkload(kvmPageTableTest, {
  type: "hugetlb",
  granularity: "2M",
  mode: 4,
  size: "8M",
  vcpus: 2,
  fwb: false,
});

/** kunpeng920 with these ranges and no others. */
function profileWith(ranges: Partial<Record<FigureName, [number, number]>>): ProfileDocument {
  const figures = Object.fromEntries(
    figureNames.map((name) => {
      const { range: _, ...given } = kunpeng.figures[name];
      return [name, { ...given, ...(ranges[name] === undefined ? {} : { range: ranges[name] }) }];
    }),
  ) as ProfileDocument["figures"];
  return { ...kunpeng, figures };
}

async function sample(profile: ProfileDocument, seed = 1, of: DescribedWorkload = input) {
  const options = { input: of, base: "pre-patch", candidate: "post-patch", lenient: false, profile };
  return sampleDiff(await diffTrace(options), options, { count: 20, seed, threads: 1 });
}

it("law: a range without width changes nothing for a single vCPU", async () => {
  const alone = { ...input, values: { ...input.values, vcpus: 1 } };
  const { samples, figures, base, candidate } = await sample(
    profileWith({ tableFreeNs: [150, 150] }),
    1,
    alone,
  );
  const stall = samples!.figures.find(({ label }) => label === "stall")!;
  const same = (value: number) => ({ low: value, median: value, high: value });
  expect(stall.base).toEqual(same(base.stallNs.total));
  expect(stall.candidate).toEqual(same(candidate.stallNs.total));
  expect(figures!["candidate.faults.total"]!.interval).toEqual(same(candidate.faults.total));
  expect(figures!["candidate.costNs.walk"]!.interval).toEqual(same(candidate.costNs.walk));
  expect(stall.hangsOn).toBeNull();
});

it("law: access times are drawn alike for all sides, so a copy of the recording walker gives its intervals", async () => {
  const recorded = {
    input: "fixtures/recorded-adjust-of-5.10-vanilla/trace.ndjson",
    lenient: false,
    profile: profileWith({ cleanLineNs: [1, 20], entryVisitNs: [1, 200] }),
  };
  const sampling = { count: 4, seed: 1, threads: 1 };
  const against = async (candidate: string) => {
    const options = { ...recorded, base: "v5.10", candidate };
    return (await sampleDiff(await diffTrace(options), options, sampling)).figures!;
  };
  const same = await against(join(folder, "copy.mjs"));
  const other = await against("pre-patch");
  const width = (path: string) => other[path]!.interval!.high - other[path]!.interval!.low;
  expect(width("candidate.costNs.lockWait")).toBeGreaterThan(0);
  // The record's own operations and ends stay; only the accesses move, and with them the stalls.
  expect(width("base.stallNs.total")).toBeGreaterThan(0);
  for (const name of ["makespanNs", "faults.total", "costNs.clean", "windows.totalNs"])
    expect([name, width(`base.${name}`)]).toEqual([name, 0]);
  for (const [path, figure] of Object.entries(same))
    if (path.startsWith("base.")) expect([path, same[`candidate${path.slice(4)}`]]).toEqual([path, figure]);
});

it("law: the figure that a change depends on is found among those drawn", async () => {
  const { samples } = await sample(profileWith({ lockHandoffNs: [1000, 1001], cleanLineNs: [1, 20] }));
  const makespan = samples!.figures.find(({ label }) => label === "whole trace")!;
  // The change is the clean that post-patch leaves out: the dearer, the more is gained.
  expect(makespan.hangsOn!.figure).toBe("cleanLineNs");
  expect(makespan.hangsOn!.rankCorrelation).toBeLessThan(-0.99);
  expect(makespan.falls).toBe(20);
  expect(makespan.change.low).toBeLessThan(makespan.change.high);
});

it("law: the same seed gives the same, and the result fits its schema", async () => {
  const profile = profileWith({ tlbiVmidNs: [200, 4000] });
  const first = await sample(profile);
  expect(await sample(profile)).toEqual(first);
  expect((await sample(profile, 2)).samples).not.toEqual(first.samples);
  expect(() => diffSchema.parse(first)).not.toThrow();
});

it("law: the intervals of a comparison and of one replay are those of the corresponding diffs", async () => {
  const profile = profileWith({ cleanLineNs: [1, 20], lockHandoffNs: [100, 2000] });
  const trace = { input, lenient: false, profile };
  const sampling = { count: 5, seed: 1, threads: 1 };
  const of = async (base: string, candidate: string) => {
    const options = { ...trace, base, candidate };
    return (await sampleDiff(await diffTrace(options), options, sampling)).figures!;
  };
  const strategies = ["pre-patch", "post-patch", "v6.1"];
  const compared = await sampleCompare(
    await compareTrace({ ...trace, strategies }),
    { ...trace, strategies },
    sampling,
  );
  const one = { ...trace, strategy: "v6.1" };
  const { figures: alone } = await sampleReplay(await replayTrace(one), one, sampling);
  const [second, third] = [await of("pre-patch", "post-patch"), await of("pre-patch", "v6.1")];
  const stall = "stallNs.total";
  expect(third[`candidate.${stall}`]!.interval!.low).toBeLessThan(
    third[`candidate.${stall}`]!.interval!.high,
  );
  expect(compared.figures![`sides.0.result.${stall}`]).toEqual(second[`base.${stall}`]);
  expect(compared.figures![`sides.1.result.${stall}`]).toEqual(second[`candidate.${stall}`]);
  expect(compared.figures![`sides.2.result.${stall}`]).toEqual(third[`candidate.${stall}`]);
  expect(compared.figures!["epochs.1.sides.2.makespanNs"]).toEqual(third["epochs.1.candidate.makespanNs"]);
  expect(alone![`result.${stall}`]).toEqual(third[`candidate.${stall}`]);
  expect(alone!["epochs.1.makespanNs"]).toEqual(third["epochs.1.candidate.makespanNs"]);
  expect(() => compareSchema.parse(compared)).not.toThrow();
});
