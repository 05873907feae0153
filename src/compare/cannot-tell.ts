/** Where a result does not tell what it seems to. */

import { Charge } from "../stage2/meter.js";
import type { Strategy } from "../strategy/strategy.js";
import type { Caveat } from "./result.js";
import type { Session } from "./session.js";
import { namesOf } from "./side-names.js";

/** So much of an epoch's faults must come out of the reference's table for it to tell anything. */
const LEAST_MATCHED = 0.95;
/** More of the faults tip over to the other side of a window's break, and who goes first is not known. */
const MOST_TIPPED = 0.05;
/** Less of the excess explained, and the waits are not known. */
const LEAST_EXPLAINED = 0.5;

/** Sides that clean otherwise than was recorded, where no clean can be told from the walk beside it. */
export function untoldClean({ replay, recorder }: Session, sides: readonly Strategy[]): Caveat[] {
  const { untoldClean } = replay;
  const own = sides.find((side) => replay.isRecord(side));
  if (untoldClean === undefined || recorder === undefined || own === undefined) return [];
  const cleanedBy = (side: Strategy) => replay.counters(side).work[Charge.cleanByte] as number;
  const others = [...new Set(sides)].filter((side) => cleanedBy(side) < cleanedBy(own));
  if (others.length === 0) return [];
  const { bothNs, walkNs } = untoldClean;
  const us = (ns: number) => `${(ns / 1000).toFixed(1)} us`;
  return [
    {
      code: "untold-clean",
      text: `nothing in the trace tells a coalesce's clean from the walk beside it: of ${us(bothNs)} from flush to install, ${us(walkNs)} are taken for the walk, as the profile has it, and up to ${us(bothNs / 2)} may be: each coalesce of ${namesOf(others, "or")}, which cleans less, may take so much longer than shown`,
    },
  ];
}

/** Why the result does not tell what it seems to. */
export function cannotTell(session: Session, sides: readonly Strategy[]): Caveat[] {
  const { replay, recorder } = session;
  if (recorder === undefined || sides.every((side) => replay.isRecord(side))) return [];
  const { judgement, epochs, fold } = replay;
  const reasons: string[] = [];
  for (const [n, { label, number }] of epochs.entries()) {
    const { matched, recordedFaults } = judgement.ofEpoch(number);
    if (recordedFaults > 0 && matched < LEAST_MATCHED * recordedFaults)
      reasons.push(
        `${label === "" ? `#${n + 1}` : label}: ${matched} of ${recordedFaults} faults matched, under ${LEAST_MATCHED * 100} %`,
      );
  }
  const { excessNs, toldNs } = judgement.total;
  const own = sides.find((side) => replay.isRecord(side));
  for (const side of new Set(sides)) {
    if (replay.isRecord(side)) continue;
    const counters = replay.counters(side);
    if (recorder.lockRegime === "shared" && side.lockRegime === "exclusive" && fold.vcpus > 1)
      reasons.push(
        `${side.name}: recorded faults did not queue for the lock, and here they would: which vCPU would have waited for which, the trace does not show`,
      );
    if (own === undefined) continue;
    const base = replay.counters(own);
    if (counters.windows > 0 && counters.windowTotalNs > base.windowTotalNs && fold.vcpus > 1)
      reasons.push(
        `${side.name}: its windows are longer than the recorded ones, and accesses that went through in the record, and would meet them, left no line`,
      );
    if (counters.ahead > 1 && counters.ahead > MOST_TIPPED * base.total)
      reasons.push(
        `${side.name}: ${counters.ahead} of ${base.total} recorded faults would go through just before the window that they met: a vCPU that goes ahead so may be the next to coalesce, and which one is ahead hangs on microseconds`,
      );
    const change = Math.abs(counters.stallTotalNs - base.stallTotalNs);
    if (excessNs > 0 && toldNs < LEAST_EXPLAINED * excessNs && change > 0 && excessNs - toldNs > change)
      reasons.push(
        `${side.name}: ${Math.round(100 * (1 - toldNs / excessNs))} % of what aborts waited for their operations beyond the threads' own time is unexplained, and more than the stall changes by: of waits nothing is claimed`,
      );
  }
  return reasons.length === 0
    ? []
    : [{ code: "cannot-tell", text: `the result does not tell: ${reasons.join("; ")}` }];
}
