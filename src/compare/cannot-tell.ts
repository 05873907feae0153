/** Finds where a result does not support the conclusion that it suggests. */

import { Cost, type EpochResult } from "../replay/counters.js";
import { Charge } from "../stage2/meter.js";
import type { Strategy } from "../strategy/strategy.js";
import { isDescribed } from "./accesses.js";
import { epochName } from "./epoch-name.js";
import type { Caveat, Verdict } from "./result.js";
import type { Session } from "./session.js";
import { namesOf } from "./side-names.js";

type Change = NonNullable<Verdict["change"]>;

/** The reference's table must give this share of an epoch's faults, or the epoch tells nothing. */
const LEAST_MATCHED = 0.95;
/** If a larger share of faults would go through just before a window that they met, it is not known who goes first. */
const MOST_TIPPED = 0.05;
/** If a smaller share of the excess is explained, the waits are not known. */
const LEAST_EXPLAINED = 0.5;

/** A caveat for sides that clean less than was recorded, where the trace cannot tell a clean from the walk. */
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

/** Why the change of `side` against `base` (null: no change) cannot be relied on; empty where it can. */
export function reasonsOf(
  session: Session,
  base: Strategy,
  side: Strategy,
  changed: Change | null,
): string[] {
  const { replay, recorder, source } = session;
  const { of = "time", epoch = null, change = 0 } = changed ?? {};
  if (isDescribed(source)) return [];
  // If both sides do the same work throughout there is no difference, whatever the trace does not tell.
  if (changed === null && (base === side || [base, side].every((each) => replay.isRecord(each)))) return [];
  if (recorder === undefined) return ["it is not known which walker recorded the trace"];
  if (!replay.fold.mapsSeen)
    return ["the trace has no map operations, without which no walker can be replayed"];
  const reasons = [...unmatched(session, epoch), ...queueUnknown(session, [base, side])];
  if (replay.isRecord(base)) reasons.push(...blindSpots(session, base, side, change));
  else if (replay.isRecord(side)) reasons.push(...blindSpots(session, side, base, -change));
  const simulated = [base, side].filter((each) => !replay.keepsToRecord(each));
  if (simulated.length > 0 && replay.unknownSubtrees > 0)
    reasons.push(
      `${namesOf(simulated, "and")} ${simulated.length === 1 ? "is" : "are"} simulated, and what the tables held before the trace began is not known there`,
    );
  const control = replay.simulatedRecorder;
  if (control !== undefined && simulated.length > 0 && of === "time") {
    const offNs = epochsCalled(control.epochs, epoch).reduce(
      (sum, { makespanNs, recordedMakespanNs }) => sum + makespanNs - recordedMakespanNs,
      0,
    );
    if (Math.abs(offNs) >= Math.abs(change))
      reasons.push(`${recorder.name} itself, simulated, is as far off its own record as this changes`);
  }
  return reasons;
}

export const SIGN_IS_ASSUMED = "what is assumed of its modelled parts decides between less and more";

export function signUnknown({ interval }: Change): string[] {
  return interval !== undefined && interval.low <= 0 && interval.high >= 0 ? [SIGN_IS_ASSUMED] : [];
}

/** The caveat for a single strategy, which is compared with no other. */
export function cannotTell(session: Session, side: Strategy): Caveat[] {
  const { replay, recorder } = session;
  if (recorder === undefined || replay.isRecord(side)) return [];
  const reasons = [
    ...replay.epochs.flatMap(({ label }) => (label === "" ? [] : unmatched(session, label))),
    ...queueUnknown(session, [side]),
  ];
  return reasons.length === 0
    ? []
    : [{ code: "cannot-tell", text: `the result does not tell: ${reasons.join("; ")}` }];
}

/**
 * If the recording walker's own table does not give the recorded faults, there is nothing to build on.
 * @param epoch label; null = the whole trace
 */
function unmatched({ replay }: Session, epoch: string | null): string[] {
  const { judgement, epochs } = replay;
  let matched = 0;
  let recorded = 0;
  for (const { number } of epochsCalled(epochs, epoch)) {
    const matching = judgement.ofEpoch(number);
    matched += matching.matched;
    recorded += matching.recordedFaults;
  }
  if (matched >= LEAST_MATCHED * recorded) return [];
  return [
    `${epoch ?? "the whole trace"}: ${matched} of ${recorded} faults matched, under ${LEAST_MATCHED * 100} %`,
  ];
}

/** The epochs of that name; all if it is null. */
function epochsCalled(epochs: readonly EpochResult[], name: string | null): readonly EpochResult[] {
  return name === null ? epochs : epochs.filter(({ label }, n) => epochName(label, n) === name);
}

function queueUnknown({ replay, recorder }: Session, sides: readonly Strategy[]): string[] {
  if (recorder?.lockRegime !== "shared" || replay.fold.vcpus === 1) return [];
  const queueing = [...new Set(sides)].filter(({ lockRegime }) => lockRegime === "exclusive");
  return queueing.length === 0
    ? []
    : [
        `recorded faults did not queue for the lock, and under ${namesOf(queueing, "and")} they would: which vCPU would have waited for which, the trace does not show`,
      ];
}

/** What the record has no line of, where the change of the other side depends on it. */
function blindSpots({ replay }: Session, own: Strategy, other: Strategy, change: number): string[] {
  const [record, counters] = [replay.counters(own), replay.counters(other)];
  const reasons: string[] = [];
  const hasLonger = counters.windows > 0 && counters.windowTotalNs > record.windowTotalNs;
  // Further accesses that meet a longer window make a loss larger, but may turn a gain into a loss.
  if (hasLonger && replay.fold.vcpus > 1 && change <= 0)
    reasons.push(
      `windows of ${other.name} are longer than the recorded ones, and accesses that went through in the record, and would meet them, left no line`,
    );
  if (counters.ahead > 1 && counters.ahead > MOST_TIPPED * record.total)
    reasons.push(
      `${counters.ahead} of ${record.total} recorded faults would go through just before the window that they met: a vCPU that goes ahead so may be the next to coalesce, and which one is ahead hangs on microseconds`,
    );
  const { excessNs, toldNs } = replay.judgement.total;
  const changeOf = (cost: number) =>
    Math.abs((counters.costNs[cost] as number) - (record.costNs[cost] as number));
  const stallNs = Math.abs(counters.stallTotalNs - record.stallTotalNs);
  const isOfWaits = 2 * changeOf(Cost.lockWait) > stallNs;
  if (isOfWaits && toldNs < LEAST_EXPLAINED * excessNs && excessNs - toldNs > stallNs)
    reasons.push(
      `most of it is waits for the lock, and of what aborts waited for their operations beyond the threads' own time ${Math.round(100 * (1 - toldNs / excessNs))} % is unexplained, more than the stall changes by`,
    );
  return reasons;
}
