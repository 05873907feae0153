import type { Activity } from "../activity/activity.js";
import type { Episode } from "./episode.js";
import type { EndedEpoch } from "./epochs.js";
import type { Mismatch } from "./mismatch.js";

/** Part of a replay that was skipped: its faults are counted, and were like those just before. */
export interface Repetition {
  /** The same as in an episode. */
  readonly side: number;
  readonly epoch: string | undefined;
  readonly epochNumber: number;
  readonly epochStartNs: number;
  /** Indices of its threads. */
  readonly threads: readonly number[];
  readonly startNs: number;
  readonly endNs: number;
  /** Faults by Cause, and their stall time by Cost. */
  readonly byCause: Float64Array;
  readonly costNs: Float64Array;
  /** Stalls: each length, ns, and its number of occurrences. */
  readonly stalls: readonly (readonly [ns: number, count: number])[];
}

/** Receives the events of a replay. */
export interface Observer {
  /** A fault or host operation ended. The episode and the activity may be reused afterwards. */
  ended?(episode: Episode, activity: Activity): void;
  /**
   * A repetition was skipped, not replayed (see Lockstep). An observer with `ended` but without this method receives
   * each fault: then nothing is skipped.
   */
  repeated?(repetition: Repetition): void;
  /** An epoch has ended, after `ended` for all of its episodes; in the order of the result's epochs. */
  closed?(side: number, epoch: EndedEpoch): void;
  /** The table did not give a recorded fault as recorded. The activity may be reused afterwards. */
  mismatched?(mismatch: Mismatch, activity: Activity): void;
}

/** Whether the observer needs each fault, so none may be skipped. */
export function hearsEach(observer: Observer | undefined): boolean {
  return observer?.ended !== undefined && observer.repeated === undefined;
}
