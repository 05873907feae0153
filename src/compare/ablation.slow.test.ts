import { expect, it } from "vitest";
import { type FigureName, loadProfile, type ProfileDocument } from "../cost/profile.js";
import type { ScalableCost } from "../replay/cost-scale.js";
import { kvmPageTableTest } from "../workload/kvm-page-table-test.js";
import { describeWorkload } from "../workload/workload.js";
import { diffTrace } from "./diff.js";
import type { DiffOptions } from "./options.js";
import type { DiffResult } from "./result.js";

const recorded = "traces/5.10.262-prepatch-h2m-4v.ndjson.gz";
const kunpeng = loadProfile("kunpeng920").document;
const sides = { base: "pre-patch", candidate: "post-patch", lenient: false };

const workload = (fwb = false) =>
  describeWorkload(kvmPageTableTest, {
    type: "hugetlb",
    granularity: "2M",
    mode: 4,
    size: "32M",
    vcpus: 3,
    fwb,
  });

/** kunpeng920 with some figures at zero. */
function profileWithout(...names: FigureName[]): ProfileDocument {
  const free = Object.fromEntries(names.map((name) => [name, { ...kunpeng.figures[name], value: 0 }]));
  return { ...kunpeng, figures: { ...kunpeng.figures, ...free } };
}

function times({ base, candidate }: DiffResult) {
  return {
    base: { makespanNs: base.makespanNs, stallNs: base.stallNs.total },
    candidate: { makespanNs: candidate.makespanNs, stallNs: candidate.stallNs.total },
  };
}

async function without(cost: ScalableCost, input: DiffOptions["input"]) {
  const { ablation } = await diffTrace({ input, ...sides, ablate: [cost] });
  const [{ base, candidate } = { base: undefined, candidate: undefined }] = ablation!.costs;
  return { base, candidate };
}

it.each([
  ["tlbi", ["tlbiVmidNs", "tlbiIpaNs", "tlbiRangeNs"]],
  ["clean", ["cleanLineNs", "icacheLineNs"]],
  ["exit", ["exitEntryNs"]],
  ["handler", ["handlerNs", "tailNs"]],
] as const)(
  "law: where nothing is recorded, leaving out %s is a profile without its figures",
  async (cost, figures) => {
    const input = workload();
    const profile = profileWithout(...figures);
    expect(await without(cost, input)).toEqual(times(await diffTrace({ input, ...sides, profile })));
  },
);

it("law: without its clean a machine is as one with FWB", async () => {
  const left = await without("clean", workload());
  expect(left).toEqual(times(await diffTrace({ input: workload(true), ...sides })));
});

it("law: without contention a read takes what one vCPU alone takes for it", async () => {
  const left = await without("contention", workload());
  const [alone] = kunpeng.guestReadNs.points;
  const profile = { ...kunpeng, guestReadNs: { ...kunpeng.guestReadNs, points: [alone!] } };
  expect(left).toEqual(times(await diffTrace({ input: workload(), ...sides, profile })));
});

it("law: without lock waits handlers still wait for blocks being cleaned, so most of the change is left", async () => {
  const { ablation, base, candidate } = await diffTrace({
    input: workload(),
    ...sides,
    ablate: ["lockWait"],
  });
  const [lockWait] = ablation!.costs;
  expect(lockWait!.base.stallNs).toBeLessThan(base.stallNs.total);
  // Who meets a block that somebody is cleaning waits for it, lock or none.
  expect(lockWait!.remaining.makespan).toBeGreaterThan(0.9);
  expect(lockWait!.base.makespanNs - lockWait!.candidate.makespanNs).toBeGreaterThan(0);
  expect(base.makespanNs).toBeGreaterThan(candidate.makespanNs);
});

it("law: leaving out a cost that a followed record does not have leaves the change", async () => {
  const { ablation, ...result } = await diffTrace({ input: recorded, ...sides, ablate: ["retry"] });
  expect(ablation!.costs[0]).toMatchObject(ablation!.asIs);
  const { base, candidate } = times(result as DiffResult);
  expect(ablation!.asIs.candidate).toEqual(candidate);
  // The self-replay keeps to the record where it cannot explain it: 14 faults.
  expect(ablation!.asIs.base.makespanNs / base.makespanNs).toBeCloseTo(1, 3);
});

it("law: the seed's gain on a recorded host is the clean; the other costs keep it", async () => {
  const { ablation } = await diffTrace({
    input: recorded,
    ...sides,
    slot: 1,
    epoch: "ADJUST",
    ablate: ["clean", "exit", "handler", "tlbi"],
  });
  const left = new Map(ablation!.costs.map(({ label, remaining }) => [label, remaining.makespan]));
  // Without the clean, 337 us of 4.53 ms: what the leaf callback's inlining saves.
  expect(left.get("clean")).toBeCloseTo(337.3 / 4527, 3);
  for (const cost of ["exit", "handler", "tlbi"] as const) expect(left.get(cost)).toBeCloseTo(1, 3);
  expect(ablation!.epoch).toBe("ADJUST");
}, 30_000);

it("a wait that is in the record cannot be left out, and the result says why", async () => {
  const { ablation } = await diffTrace({ input: recorded, ...sides, ablate: ["lockWait", "cpuWait"] });
  for (const { impossible, remaining } of ablation!.costs) {
    expect(impossible).toContain("one CPU");
    expect(remaining).toEqual({ makespan: null, stall: null });
  }
});
