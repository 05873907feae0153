import type { Activity } from "../activity/activity.js";
import { FaultClass, faultClass, faultLevel } from "../stage2/esr.js";
import { isValid } from "../stage2/pte.js";
import { Cause, Matching } from "./counters.js";
import { type Guest, HIT } from "./guest.js";
import type { Mismatch } from "./mismatch.js";
import type { ReplayThread } from "./replay-thread.js";
import type { Observer } from "./run-config.js";

/** States of the table that are tried before a recorded fault is called unexplained. */
const TRIES = 64;

/**
 * Judges a replay of the recording strategy fault by fault. *Matched*: class and level of the recorded abort
 * are what the replayed table gives at the access, before the abort's own status is looked at. *Corrected*:
 * they are what the table gave at some time since the thread's previous activity (the access came earlier than
 * the abort was printed), or what could not be known before. Else the fault is *missing*, and *extra* where
 * the replay has another one in its place.
 */
export class SelfMatch {
  private epoch = new Matching();

  constructor(
    private readonly sharedCpu: boolean,
    private readonly observer: Observer | undefined,
  ) {}

  /** @returns whether the access faults in the replay; the thread has its class */
  judge(thread: ReplayThread, activity: Activity, guest: Guest, atNs: number): boolean {
    const { epoch } = this;
    const recordedClass = faultClass(activity.esr);
    const recordedLevel = faultLevel(activity.esr);
    const answer = thread.faultClass;
    const { level } = guest.seen;
    const { leadNs } = activity;
    const counts = thread.counted;
    if (counts) epoch.recordedFaults += activity.laps;
    const isSame = answer === recordedClass && level === recordedLevel;
    if (isSame && !activity.hasInference) {
      if (counts) epoch.matched += 1;
    } else {
      const reason = isSame
        ? "tableUnknown"
        : this.explain(thread, activity, guest, atNs, recordedClass, recordedLevel);
      const isCorrected = reason !== undefined;
      const other = answer === HIT ? 0 : 1;
      if (counts)
        this.report(activity, {
          reason: reason ?? (other === 0 ? "mappedBefore" : "otherFault"),
          corrected: isCorrected ? 1 : 0,
          missing: isCorrected ? 0 : activity.laps,
          extra: isCorrected ? 0 : other,
          replayedClass: answer,
          replayedLevel: level,
          earlierNs: activity.leadNs - leadNs,
        });
      if (isCorrected) thread.faultClass = recordedClass;
      else if (answer === HIT) return false;
      else thread.cause = Cause.unexplained;
    }
    if (counts) epoch.replayedFaults += 1;
    return true;
  }

  /** The laps beyond an access's first fault, modelled by the windows, beside the recorded ones. */
  laps(thread: ReplayThread, activity: Activity): void {
    if (!thread.counted) return;
    const { epoch } = this;
    // Those of a fault that was not explained are missing already.
    const recorded = thread.cause === Cause.unexplained ? 0 : activity.laps - 1;
    const replayed = thread.laps - 1;
    epoch.replayedFaults += replayed;
    epoch.matched += Math.min(recorded, replayed);
    if (recorded === replayed) return;
    this.report(activity, {
      reason: recorded > replayed ? "lapsFewer" : "lapsMore",
      corrected: 0,
      missing: Math.max(0, recorded - replayed),
      extra: Math.max(0, replayed - recorded),
      replayedClass: thread.faultClass,
      replayedLevel: thread.faultLevel,
      earlierNs: 0,
    });
  }

  private report(activity: Activity, mismatch: Mismatch): void {
    const { epoch } = this;
    epoch.corrected += mismatch.corrected;
    epoch.missing += mismatch.missing;
    epoch.extra += mismatch.extra;
    this.observer?.mismatched?.(mismatch, activity);
  }

  /** Looks for a state since the thread's previous activity that gives the recorded abort. @returns where it was found */
  private explain(
    thread: ReplayThread,
    activity: Activity,
    guest: Guest,
    atNs: number,
    recordedClass: number,
    recordedLevel: number,
  ): "accessEarlier" | "changeUnderWay" | undefined {
    let tries = 0;
    for (const beforeNs of [atNs, ...guest.log.statesBetween(thread.endNs, atNs)]) {
      if (++tries > TRIES) break;
      if (guest.access(activity, beforeNs) === recordedClass && guest.seen.level === recordedLevel) {
        activity.leadNs = atNs - beforeNs;
        thread.cause = wasBroken(guest, recordedClass) ? Cause.brokenWindow : -1;
        return "accessEarlier";
      }
    }
    // The replay may also lag behind the record by a little: what is under way is then done already.
    const isDone =
      guest.access(activity, Number.POSITIVE_INFINITY) === recordedClass &&
      guest.seen.level === recordedLevel;
    return isDone ? "changeUnderWay" : undefined;
  }

  /** A fault's wait, modelled by the queue, beside the recorded one. */
  wait(thread: ReplayThread, activity: Activity, replayedNs: number): void {
    if (!thread.counted) return;
    this.epoch.replayedWaitNs += replayedNs;
    this.epoch.recordedWaitNs += recordedWaitNs(thread, activity, this.sharedCpu);
  }

  /** The epoch's figures, which are added to `sum` and begin anew. */
  takeEpoch(sum: Matching): Matching {
    const { epoch } = this;
    this.epoch = new Matching();
    sum.add(epoch);
    return epoch;
  }
}

/** An entry that was valid before and is valid again: what made it invalid in between was a break. */
function wasBroken(guest: Guest, recordedClass: number): boolean {
  const { table } = guest.stage2;
  const { slot } = guest.seen;
  return (
    recordedClass === FaultClass.translation && slot >= 0 && isValid(table.lo(slot)) && guest.wasValid(slot)
  );
}

/**
 * The wait for the lock as the trace has it. Where each vCPU has a CPU: what lies between abort and map beyond
 * handler and clean. On a shared CPU that time holds the others' turns too: then from the request to the end of
 * the operation that held the lock.
 */
function recordedWaitNs(thread: ReplayThread, activity: Activity, sharedCpu: boolean): number {
  if (thread.sharesLock || activity.laps > 1 || activity.operationCount === 0) return 0;
  const ownNs = thread.handlerNs + thread.recordedCleanNs;
  const { startNs, heldUntilNs } = activity.operation(0);
  const untilNs = sharedCpu ? heldUntilNs + thread.recordedCleanNs : startNs;
  return Math.max(0, untilNs - activity.startNs - ownNs);
}
