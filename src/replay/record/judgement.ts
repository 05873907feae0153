import type { Activity } from "../../activity/activity.js";
import { FaultClass, faultClass, faultLevel } from "../../stage2/esr.js";
import { Matching } from "../counters.js";
import { type Guest, HIT } from "../guest.js";
import type { Mismatch } from "../mismatch.js";
import type { Baseline } from "./baseline.js";

/** States of the table that are tried before a recorded fault is called unexplained. */
const TRIES = 64;

/**
 * Compares each recorded fault with the reference's table. *Matched*: the table gives the abort's class and level at
 * the access, before the abort's own status is used. *Corrected*: the table gave them at some time since the thread's
 * previous activity, or they could not be known before. Otherwise the fault is *missing*, and also *extra* if the table
 * gives another fault instead: such a fault is kept as recorded on every side.
 */
export class Judgement {
  private readonly byEpoch = new Map<number, Matching>();

  constructor(
    /** Called if an interrupted walk's store, due at `dueNs`, must have been made earlier. */
    private readonly hasten: ((guest: Guest, dueNs: number) => void) | undefined,
    private readonly told: ((mismatch: Mismatch, activity: Activity) => void) | undefined,
  ) {}

  /** The matching of all faults. */
  get total(): Matching {
    const total = new Matching();
    for (const matching of this.byEpoch.values()) total.add(matching);
    return total;
  }

  /** The matching of the epoch's faults. */
  ofEpoch(epoch: number): Matching {
    let matching = this.byEpoch.get(epoch);
    if (matching === undefined) {
      matching = new Matching();
      this.byEpoch.set(epoch, matching);
    }
    return matching;
  }

  /** Judges the baseline's access by its answer. `sinceNs` is the earliest time at which it may have been made. */
  judge(baseline: Baseline, guest: Guest, sinceNs: number): void {
    const { activity, epoch } = baseline;
    const recordedClass = faultClass(activity.esr);
    const recordedLevel = faultLevel(activity.esr);
    const matching = this.ofEpoch(epoch);
    const counts = baseline.isCounted;
    if (counts) matching.recordedFaults += activity.laps;
    const { answer, level, lookNs } = baseline;
    const isSame = answer === recordedClass && level === recordedLevel;
    if (isSame && !activity.hasInference) {
      if (counts) matching.matched++;
    } else {
      const reason = isSame
        ? "tableUnknown"
        : this.explain(baseline, guest, sinceNs, recordedClass, recordedLevel);
      const isCorrected = reason !== undefined;
      const extra = isCorrected || answer === HIT ? 0 : 1;
      baseline.isUnexplained = !isCorrected;
      if (counts)
        this.report(matching, activity, {
          reason: reason ?? (answer === HIT ? "mappedBefore" : "otherFault"),
          corrected: isCorrected ? 1 : 0,
          missing: isCorrected ? 0 : 1,
          extra,
          replayedClass: answer,
          replayedLevel: level,
          earlierNs: lookNs - baseline.lookNs,
        });
      if (!isCorrected && answer === HIT) return;
    }
    if (counts) matching.replayedFaults++;
  }

  /** Judges a further lap of a retried access at its own time: the guest retries as soon as it is back. */
  judgeLap(baseline: Baseline, n: number, guest: Guest): void {
    const { activity, epoch } = baseline;
    const recordedClass = faultClass(activity.esr);
    const recordedLevel = faultLevel(activity.esr);
    const sinceNs = activity.lapSinceNs[n] as number;
    const lookNs = baseline.lapLookNs[n] as number;
    const answer = guest.access(activity, lookNs);
    const { level } = guest.seen;
    const isSame = answer === recordedClass && level === recordedLevel;
    const foundNs = isSame
      ? undefined
      : this.stateOf(
          activity,
          guest,
          sinceNs,
          Math.max(lookNs, activity.lapNs[n] as number),
          recordedClass,
          recordedLevel,
        );
    if (foundNs !== undefined) baseline.lapLookNs[n] = foundNs;
    baseline.lapAnswers[n] = foundNs === undefined ? answer * 8 + level : recordedClass * 8 + recordedLevel;
    if (!baseline.isCounted) return;
    const matching = this.ofEpoch(epoch);
    if (isSame || foundNs !== undefined) matching.replayedFaults++;
    if (isSame) matching.matched++;
    else
      this.report(matching, activity, {
        reason: foundNs !== undefined ? "accessEarlier" : "lapFree",
        corrected: foundNs !== undefined ? 1 : 0,
        missing: foundNs !== undefined ? 0 : 1,
        extra: 0,
        replayedClass: answer,
        replayedLevel: level,
        earlierNs: 0,
      });
  }

  private report(matching: Matching, activity: Activity, mismatch: Mismatch): void {
    matching.corrected += mismatch.corrected;
    matching.missing += mismatch.missing;
    matching.extra += mismatch.extra;
    this.told?.(mismatch, activity);
  }

  /**
   * Looks for a state since the thread's previous activity that gives the recorded abort. @returns where it was found
   */
  private explain(
    baseline: Baseline,
    guest: Guest,
    sinceNs: number,
    recordedClass: number,
    recordedLevel: number,
  ): "accessEarlier" | "changeUnderWay" | undefined {
    const { activity, lookNs } = baseline;
    const beforeNs = this.stateOf(activity, guest, sinceNs, activity.startNs, recordedClass, recordedLevel);
    if (beforeNs !== undefined) {
      baseline.lookNs = beforeNs;
      baseline.answer = recordedClass;
      baseline.level = recordedLevel;
      // Only a later abort may have shown the tables on this path: each side must know them by then.
      if (recordedClass === FaultClass.translation) activity.inferredInvalid = recordedLevel;
      return "accessEarlier";
    }
    if (this.hasten === undefined) return undefined;
    for (const dueNs of guest.log.pendingNs(lookNs).slice(0, TRIES)) {
      if (guest.access(activity, dueNs) !== recordedClass || guest.seen.level !== recordedLevel) continue;
      this.hasten(guest, dueNs);
      guest.access(activity, lookNs);
      return "changeUnderWay";
    }
    return undefined;
  }

  /** The last time between the two at which the table gives the recorded abort. */
  private stateOf(
    activity: Activity,
    guest: Guest,
    sinceNs: number,
    untilNs: number,
    recordedClass: number,
    recordedLevel: number,
  ): number | undefined {
    return [untilNs, ...guest.log.statesBetween(sinceNs, untilNs)]
      .slice(0, TRIES)
      .find((atNs) => guest.access(activity, atNs) === recordedClass && guest.seen.level === recordedLevel);
  }
}
