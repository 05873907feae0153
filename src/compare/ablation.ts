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
export interface Ablations {
  /** All costs as they are: a self-replay keeps to its record, and is nothing to hold the others against. */
  readonly control: CostScale;
  readonly without: ReadonlyMap<ScalableCost, CostScale>;
}

/** For `costs`, each once, in the order of the result. */
export function ablationsOf(costs: readonly ScalableCost[]): Ablations {
  const asked = scalableCosts.filter((cost) => costs.includes(cost));
  const without = new Map(asked.map((cost) => [cost, new CostScale({ [cost]: 0 })]));
  return { control: new CostScale({}), without };
}

export function scalesOf({ control, without }: Ablations): readonly CostScale[] {
  return without.size === 0 ? [] : [control, ...without.values()];
}

/** How much of the change from `base` to `candidate` is left without each cost; null where none was asked for. */
export function ablationResult(
  session: Session,
  ablations: Ablations,
  base: Strategy,
  candidate: Strategy,
): Ablation | null {
  const asIs = sidesOf(ablations.control);
  if (ablations.without.size === 0 || asIs === undefined) return null;
  const costs = [...ablations.without].map(([label, scale]) => {
    const without = sidesOf(scale);
    if (without === undefined)
      return { label, impossible, ...asIs, remaining: { makespan: null, stall: null } };
    return {
      label,
      impossible: null,
      ...without,
      remaining: { makespan: share(without, asIs, "makespanNs"), stall: share(without, asIs, "stallNs") },
    };
  });
  return { epoch: session.options.epoch ?? null, asIs, costs };

  function sidesOf(scale: CostScale): Sides | undefined {
    const ofBase = session.replay.ablated(base, scale);
    const ofCandidate = session.replay.ablated(candidate, scale);
    if (ofBase === undefined || ofCandidate === undefined) return undefined;
    return { base: timesOf(ofBase, session), candidate: timesOf(ofCandidate, session) };
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
