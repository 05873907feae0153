/** Where a change comes from: both strategies once more for each cost, with that cost at zero. */

import { CostScale, type ScalableCost, scalableCosts } from "../replay/cost-scale.js";
import type { Counters } from "../replay/counters.js";
import type { Strategy } from "../strategy/strategy.js";
import type { DiffResult } from "./result.js";
import type { Session } from "./session.js";

type Ablation = NonNullable<DiffResult["ablation"]>;
type Sides = Ablation["asIs"];
type Times = Sides["base"];

/** Why a wait cannot be left out where a run follows the record. */
const impossible =
  "one CPU ran all that was recorded, and the replay follows its record: the waits are in it";

/** The scales to run both strategies with. */
export type Ablations = ReadonlyMap<ScalableCost, CostScale>;

/** For `costs`, each once, in the order of the result. */
export function ablationsOf(costs: readonly ScalableCost[]): Ablations {
  const asked = scalableCosts.filter((cost) => costs.includes(cost));
  return new Map(asked.map((cost) => [cost, new CostScale({ [cost]: 0 })]));
}

/** How much of the change from `base` to `candidate` is left without each cost; null where none was asked for. */
export function ablationResult(
  session: Session,
  ablations: Ablations,
  base: Strategy,
  candidate: Strategy,
): Ablation | null {
  if (ablations.size === 0) return null;
  const asIs = sidesOf();
  const costs = [...ablations].map(([label, scale]) => {
    if (!session.replay.canBeFree(scale))
      return { label, impossible, ...asIs, remaining: { makespan: null, stall: null } };
    const without = sidesOf(scale);
    return {
      label,
      impossible: null,
      ...without,
      remaining: { makespan: share(without, asIs, "makespanNs"), stall: share(without, asIs, "stallNs") },
    };
  });
  return { epoch: session.options.epoch ?? null, asIs, costs };

  function sidesOf(scale?: CostScale): Sides {
    const { replay } = session;
    return {
      base: timesOf(replay.counters(base, scale), session),
      candidate: timesOf(replay.counters(candidate, scale), session),
    };
  }
}

function timesOf(counters: Counters, { options: { epoch } }: Session): Times {
  const makespanNs =
    epoch === undefined
      ? counters.makespanNs
      : counters.epochs.reduce((sum, { label, makespanNs: ns }) => sum + (label === epoch ? ns : 0), 0);
  return { makespanNs: Math.round(makespanNs), stallNs: Math.round(counters.stallTotalNs) };
}

/** Null where there was no change to begin with. */
function share(without: Sides, asIs: Sides, time: keyof Times): number | null {
  const change = asIs.candidate[time] - asIs.base[time];
  return change === 0 ? null : (without.candidate[time] - without.base[time]) / change;
}
