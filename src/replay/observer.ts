import type { Activity } from "../activity/activity.js";
import type { Episode } from "./episode.js";
import type { EndedEpoch } from "./epochs.js";
import type { Mismatch } from "./mismatch.js";

/** A stretch of a replay that was not replayed: its faults are counted, and were like those just before. */
export interface Repetition {
  /** As of an episode. */
  readonly side: number;
  readonly epoch: string | undefined;
  readonly epochNumber: number;
  readonly epochStartNs: number;
  /** Indices of the threads that it is of. */
  readonly threads: readonly number[];
  readonly startNs: number;
  readonly endNs: number;
  /** Faults by Cause, and where their stall went by Cost. */
  readonly byCause: Float64Array;
  readonly costNs: Float64Array;
  /** Stalls: each length, ns, and how often it came. */
  readonly stalls: readonly (readonly [ns: number, count: number])[];
}

/** It is told of a replay, event by event. */
export interface Observer {
  /** A fault or host operation ended. The episode and the activity may be used again afterwards. */
  ended?(episode: Episode, activity: Activity): void;
  /**
   * What repeats was taken as done, not replayed (see Lockstep). An observer that has `ended` and not this is told of
   * each fault: then all are replayed.
   */
  repeated?(repetition: Repetition): void;
  /** An epoch is over, and all of its episodes have been told: in the order of the result's epochs. */
  closed?(side: number, epoch: EndedEpoch): void;
  /** A recorded fault did not come out of the table as it was recorded. The activity may be used again afterwards. */
  mismatched?(mismatch: Mismatch, activity: Activity): void;
}

/** Somebody is told of each fault: none may be taken as done. */
export function hearsEach(observer: Observer | undefined): boolean {
  return observer?.ended !== undefined && observer.repeated === undefined;
}
