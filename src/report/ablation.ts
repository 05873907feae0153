/** Shows how much of a change is left without a cost: rows for the table, and the answer in plain words. */

import type { AblatedCost, Ablation } from "../compare/ablation.js";
import type { TraceResult } from "../compare/trace-result.js";
import type { ScalableCost } from "../replay/cost-scale.js";
import { formatChange, formatRelative, formatShare } from "./quantity.js";
import type { Section } from "./rows.js";

type Costs = readonly AblatedCost[];
type Metric = "makespan" | "stall";

/** The name of each cost in a report, and what the machine is like without it. */
export const costWords: Readonly<Record<ScalableCost, readonly [label: string, without: string]>> = {
  exit: ["exits", "exits are free"],
  handler: ["handler", "the fault handler is free"],
  lockWait: ["lock wait", "handlers do not exclude each other"],
  retry: ["retry laps", "a retry takes no longer than the entry is taken"],
  cpuWait: ["CPU wait", "each vCPU has a CPU of its own"],
  walk: ["walk", "walking is free"],
  tlbi: ["TLBI", "TLB invalidation is free"],
  clean: ["cache clean", "cache cleaning is free"],
  teardown: ["teardown", "tear-down is free"],
  contention: ["contention", "vCPUs do not slow each other's reads down"],
};

/** The side whose change is explained; only a diff has an ablation. */
const CANDIDATE = 1;

/** A cost explains a change if at least this share of the change disappears with it. */
const MOST = 0.5;
const SOME = 0.1;

/** Two tables, for the time and for the stall, each with every cost and then without one cost at a time. */
export function ablationSections(result: TraceResult): Section[] {
  const { ablation } = result;
  if (ablation === null) return [];
  const { costs, asIs } = ablation;
  return (["makespan", "stall"] as const).map((metric) => {
    const key = metric === "makespan" ? "makespanNs" : "stallNs";
    const values = asIs.map((times) => times[key]);
    return {
      title: `${metric === "makespan" ? timeOf(ablation) : "guest stall"} without a cost`,
      head: { label: "as it is", unit: "ns" as const, values, main: true },
      rows: costs
        // A cost that changes neither side did not occur.
        .filter(({ impossible: why, sides }) => why === null && sides.some((of, n) => of[key] !== values[n]))
        .map(({ label, sides, remaining }) => ({
          label: costWords[label][0],
          unit: "ns" as const,
          values: sides.map((of) => of[key]),
          main: true,
          left: remaining[CANDIDATE]?.[metric] ?? null,
        })),
    };
  });
}

/** `93 % of this gain disappears when cache cleaning is free`: first for the time, then for the stall. */
export function ablationTexts(result: TraceResult): string[] {
  const { ablation, sides } = result;
  if (ablation === null) return [];
  const { costs, asIs } = ablation;
  const { strategy } = sides[CANDIDATE]!.replay;
  const [base, candidate] = [asIs[0]!, asIs[CANDIDATE]!];
  return [
    `${timeOf(ablation)}: ${answer(costs, "makespan", base.makespanNs, candidate.makespanNs, strategy)}`,
    `guest stall: ${answer(costs, "stall", base.stallNs, candidate.stallNs, strategy)}`,
    ...impossible(costs),
  ];
}

function answer(costs: Costs, metric: Metric, base: number, candidate: number, name: string): string {
  if (base === candidate) return `the same under ${name}: there is no change to explain`;
  const change = candidate < base ? "gain" : "loss";
  const size = `${formatChange(candidate - base, "ns")} (${formatRelative(base, candidate)}) under ${name}`;
  const [most] = costs
    .map(({ label, remaining }) => ({ label, left: remaining[CANDIDATE]![metric] }))
    .filter((of): of is { label: ScalableCost; left: number } => of.left !== null)
    .sort((a, b) => a.left - b.left);
  if (most === undefined) return size;
  const without = costWords[most.label][1];
  const gone = 1 - most.left;
  if (gone > 1.005) return `${size}: this ${change} turns when ${without}`;
  if (gone >= MOST) return `${size}: ${formatShare(gone)} of this ${change} disappears when ${without}`;
  if (gone >= SOME)
    return `${size}: of this ${change} the largest part that one cost explains, ${formatShare(gone)}, disappears when ${without}`;
  return `${size}: none of the costs left out explains a tenth of this ${change}`;
}

function impossible(costs: Costs): string[] {
  const cannot = costs.filter(({ impossible: why }) => why !== null);
  if (cannot.length === 0) return [];
  return [`${cannot.map(({ label }) => label).join(" and ")} cannot be left out: ${cannot[0]!.impossible}`];
}

function timeOf({ epoch }: Ablation): string {
  return epoch ?? "whole trace";
}
