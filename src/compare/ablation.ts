/** Finds where a change comes from: replays the strategies once more for each cost, with that cost at zero. */

import { CostScale, type ScalableCost, scalableCosts } from "../replay/cost-scale.js";
import type { Counters } from "../replay/counters.js";
import type { Strategy } from "../strategy/strategy.js";
import type { Session } from "./session.js";

/** The times of the sides with every cost, and without each of some costs. */
export interface Ablation {
  /** The epoch that the makespans are of; null = the whole trace. */
  readonly epoch: string | null;
  /** One for each side. */
  readonly asIs: readonly Times[];
  readonly costs: readonly AblatedCost[];
}

/** The result without one cost, on every side. */
export interface AblatedCost {
  readonly label: ScalableCost;
  /** Why the replay cannot run without the cost; else null. */
  readonly impossible: string | null;
  readonly sides: readonly Times[];
  /** For each side, the share of its change from the first that is left: 1 = all, below 0 = reversed; null if none. */
  readonly remaining: readonly Remaining[];
}

interface Times {
  readonly makespanNs: number;
  readonly stallNs: number;
}

interface Remaining {
  readonly makespan: number | null;
  readonly stall: number | null;
}

/** Why a wait cannot be removed where a run follows the record. */
const impossible =
  "one CPU ran all that was recorded, and the replay follows its record: the waits are in it";

/** The scales to run the strategies with. */
export type Ablations = ReadonlyMap<ScalableCost, CostScale>;

/** The ablations of `costs`, each once, in the order of the result. */
export function ablationsOf(costs: readonly ScalableCost[]): Ablations {
  const asked = scalableCosts.filter((cost) => costs.includes(cost));
  return new Map(asked.map((cost) => [cost, new CostScale({ [cost]: 0 })]));
}

/** Computes how much of each side's change from the first is left without each cost; null if none was requested. */
export function ablationOf(
  session: Session,
  ablations: Ablations,
  sides: readonly Strategy[],
): Ablation | null {
  if (ablations.size === 0) return null;
  const { replay, options } = session;
  const timesAt = (scale?: CostScale) => sides.map((side) => timesOf(replay.counters(side, scale), session));
  const asIs = timesAt();
  const costs = [...ablations].map(([label, scale]): AblatedCost => {
    if (!replay.canBeFree(scale))
      return { label, impossible, sides: asIs, remaining: asIs.map(() => ({ makespan: null, stall: null })) };
    const without = timesAt(scale);
    const remaining = without.map((_, side) => ({
      makespan: share(without, asIs, side, "makespanNs"),
      stall: share(without, asIs, side, "stallNs"),
    }));
    return { label, impossible: null, sides: without, remaining };
  });
  return { epoch: options.epoch ?? null, asIs, costs };
}

function timesOf(counters: Counters, { options: { epoch } }: Session): Times {
  const makespanNs =
    epoch === undefined
      ? counters.makespanNs
      : counters.epochs.reduce((sum, { label, makespanNs: ns }) => sum + (label === epoch ? ns : 0), 0);
  return { makespanNs: Math.round(makespanNs), stallNs: Math.round(counters.stallTotalNs) };
}

/** Null where there was no change. */
function share(
  without: readonly Times[],
  asIs: readonly Times[],
  side: number,
  time: keyof Times,
): number | null {
  const change = asIs[side]![time] - asIs[0]![time];
  return change === 0 ? null : (without[side]![time] - without[0]![time]) / change;
}
