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
          // Further laps are judged one by one, if the access is not let through.
          missing: isCorrected ? 0 : answer === HIT ? activity.laps : 1,
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

  /**
   * An access that was tried again: each lap is judged at its own time. The guest tries at once when it is back; on a
   * shared CPU others' turns may come behind that, in the exit path (replay/access-time.ts). @returns how many of them the replay has
   */
  laps(thread: ReplayThread, activity: Activity, guest: Guest, at: (recordedNs: number) => number): number {
    const { epoch } = this;
    const recordedClass = faultClass(activity.esr);
    const recordedLevel = faultLevel(activity.esr);
    let replayed = 0;
    for (let n = 0; n < activity.lapNs.length; n++) {
      const sinceNs = at(activity.lapSinceNs[n] as number);
      const untilNs = at(activity.lapNs[n] as number) - thread.exitNs;
      const answer = guest.access(activity, this.sharedCpu ? sinceNs : untilNs);
      const { level } = guest.seen;
      const isSame = answer === recordedClass && level === recordedLevel;
      const isCorrected =
        !isSame &&
        this.stateOf(activity, guest, sinceNs, untilNs, recordedClass, recordedLevel) !== undefined;
      if (isSame || isCorrected) replayed++;
      if (!thread.counted) continue;
      if (isSame) epoch.matched += 1;
      else
        this.report(activity, {
          reason: isCorrected ? "accessEarlier" : "lapFree",
          corrected: isCorrected ? 1 : 0,
          missing: isCorrected ? 0 : 1,
          extra: 0,
          replayedClass: answer,
          replayedLevel: level,
          earlierNs: 0,
        });
    }
    if (thread.counted) epoch.replayedFaults += replayed;
    return replayed;
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
    const beforeNs = this.stateOf(activity, guest, thread.endNs, atNs, recordedClass, recordedLevel);
    if (beforeNs !== undefined) {
      activity.leadNs = atNs - beforeNs;
      thread.cause = wasBroken(guest, recordedClass) ? Cause.brokenWindow : -1;
      return "accessEarlier";
    }
    // The replay may also lag behind the record: of an operation that was interrupted it is not known where.
    for (const dueNs of guest.log.pendingNs(atNs).slice(0, TRIES)) {
      if (guest.access(activity, dueNs) !== recordedClass || guest.seen.level !== recordedLevel) continue;
      guest.log.hasten(dueNs, atNs);
      return "changeUnderWay";
    }
    return undefined;
  }

  /** A time between the two at which the table gives the recorded abort, the last such one. */
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
