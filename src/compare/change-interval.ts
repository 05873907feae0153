/** The range of a change, from the ranges of the figures that priced its modelled parts, without another replay. */

import { Cost, type Counters, costOf, costs } from "../replay/counters.js";
import { figureOf } from "../replay/plan.js";
import { Charge } from "../stage2/meter.js";
import type { Session } from "./session.js";

export interface ChangeInterval {
  readonly low: number;
  readonly high: number;
}

/** Costs of the walker's own work; waits follow from them. */
const worked = [Cost.walk, Cost.tlbi, Cost.clean, Cost.teardown] as const;

/**
 * Scales `change` by the range of the difference in the sides' costs other than waits, which it follows in proportion.
 * Null where no modelled part has a range, or where those costs add up to the same.
 */
export function changeInterval(
  session: Session,
  base: Counters,
  side: Counters,
  change: number,
): ChangeInterval | null {
  let all = 0;
  let least = 0;
  let most = 0;
  for (const cost of costs.keys()) {
    if (cost === Cost.lockWait || cost === Cost.cpuWait) continue;
    const differs = (side.costNs[cost] as number) - (base.costNs[cost] as number);
    const modelled =
      differs - ((side.recordedCostNs[cost] as number) - (base.recordedCostNs[cost] as number));
    all += differs;
    const [low, high] = worked.some((of) => of === cost) ? factorsOf(session, base, side, cost) : [1, 1];
    least += differs - modelled + Math.min(modelled * low, modelled * high);
    most += differs - modelled + Math.max(modelled * low, modelled * high);
  }
  least -= untoldWalk(session, side, base);
  most += untoldWalk(session, base, side);
  if (all === 0 || least === most) return null;
  const ends = [(change * least) / all, (change * most) / all];
  return { low: Math.round(Math.min(...ends)), high: Math.round(Math.max(...ends)) };
}

/** By which factors the difference in the sides' work may be cheaper or dearer than the profile's figures make it. */
function factorsOf(
  { profile, recorder }: Session,
  base: Counters,
  side: Counters,
  cost: number,
): readonly [number, number] {
  let all = 0;
  let least = 0;
  let most = 0;
  for (const [charge, name, share] of figureOf) {
    if (costOf(charge) !== cost) continue;
    const units = Math.abs((side.work[charge] as number) - (base.work[charge] as number)) * share;
    const { range } = profile.document.figures[name];
    const value = profile.figure(name, recorder?.name);
    all += units * value;
    least += units * (range?.[0] ?? value);
    most += units * (range?.[1] ?? value);
  }
  return all === 0 ? [1, 1] : [least / all, most / all];
}

/** ns by which the walks of `more`, and so the coalesces of `less`, may be longer; 0 unless `more` cleans more. */
function untoldWalk({ replay }: Session, more: Counters, less: Counters): number {
  const { untoldClean } = replay;
  const cleaned = (of: Counters) => of.work[Charge.cleanByte] as number;
  if (untoldClean === undefined || cleaned(less) >= cleaned(more)) return 0;
  return more.windows * Math.max(0, untoldClean.bothNs / 2 - untoldClean.walkNs);
}
