import { expect, it } from "vitest";
import { type FigureName, figureNames, loadProfile, type ProfileDocument } from "../cost/profile.js";
import { kvmPageTableTest } from "../workload/kvm-page-table-test.js";
import { describeWorkload } from "../workload/workload.js";
import { diffTrace } from "./diff.js";
import { diffSchema } from "./result.js";
import { sampleDiff } from "./samples.js";

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

async function sample(profile: ProfileDocument, seed = 1) {
  const options = { input, base: "pre-patch", candidate: "post-patch", lenient: false, profile };
  return sampleDiff(await diffTrace(options), options, { count: 20, seed, threads: 1 });
}

it("law: a range without width leaves every figure what it is", async () => {
  const { samples, base, candidate } = await sample(profileWith({ tableFreeNs: [150, 150] }));
  const stall = samples!.figures.find(({ label }) => label === "stall")!;
  const same = (value: number) => ({ low: value, median: value, high: value });
  expect(stall.base).toEqual(same(base.stallNs.total));
  expect(stall.candidate).toEqual(same(candidate.stallNs.total));
  for (const { hangsOn } of samples!.figures) expect(hangsOn).toBeNull();
});

it("law: the figure that a change hangs on is found among those drawn", async () => {
  const { samples } = await sample(profileWith({ lockHandoffNs: [1000, 1001], cleanLineNs: [1, 20] }));
  const makespan = samples!.figures.find(({ label }) => label === "makespan")!;
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

it("refuses a profile that has nothing to draw", async () => {
  await expect(sample(profileWith({}))).rejects.toThrow("no figure has a range");
});
