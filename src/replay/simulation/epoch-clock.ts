import type { Barrier } from "../../activity/epoch.js";
import { ZERO } from "../../double.js";

/** What an epoch came to when a barrier ended it. Times are the replay's, but for `recordedNs`. */
export interface EndedEpoch {
  /** See Barrier. */
  readonly number: number;
  readonly label: string | undefined;
  readonly startNs: number;
  /** Its start in the trace. */
  readonly recordedNs: number;
  readonly makespanNs: number;
  /** The same in the trace. */
  readonly recordedMakespanNs: number;
}

/** The epoch under way in one replay, and what ties its time to the trace's. */
export class EpochClock {
  /** Counts epochs. */
  number = 0;
  label: string | undefined;
  startNs = ZERO;
  private recordedNs = ZERO;
  private firstNs = Number.POSITIVE_INFINITY;
  /** In the trace: when the first activity began. */
  private firstRecordedNs = Number.POSITIVE_INFINITY;
  private lastNs = ZERO;

  /** When the trace's `recordedNs` comes in this replay. */
  at(recordedNs: number): number {
    return this.startNs + recordedNs - this.recordedNs;
  }

  /** An activity begins at `atNs`, in the trace at `recordedNs`. */
  began(atNs: number, recordedNs: number): void {
    if (atNs < this.firstNs) this.firstNs = atNs;
    if (recordedNs < this.firstRecordedNs) this.firstRecordedNs = recordedNs;
  }

  ended(atNs: number): void {
    if (atNs > this.lastNs) this.lastNs = atNs;
  }

  /**
   * Goes on to the next epoch: a barrier comes when all activities before it have ended, and the recorded idle time
   * has passed. @returns what ended; undefined where nothing happened that has a name
   */
  pass(barrier: Barrier): EndedEpoch | undefined {
    const { number, label, recordedNs } = this;
    const atNs = Math.max(this.lastNs, this.startNs) + barrier.idleNs;
    const hadWork = this.firstNs < Number.POSITIVE_INFINITY;
    const startNs = label === undefined ? this.firstNs : this.startNs;
    const endNs = barrier.closes ? atNs : Math.max(startNs, this.lastNs);
    const recordedStartNs = label === undefined ? this.firstRecordedNs : recordedNs;
    const recordedEndNs = barrier.closes ? barrier.atNs : barrier.atNs - barrier.idleNs;
    this.startNs = atNs;
    this.recordedNs = barrier.atNs;
    this.firstNs = this.firstRecordedNs = Number.POSITIVE_INFINITY;
    this.lastNs = 0;
    this.label = barrier.label;
    this.number++;
    if (!hadWork && label === undefined) return undefined;
    return {
      number,
      label,
      startNs,
      recordedNs,
      makespanNs: endNs - startNs,
      recordedMakespanNs: hadWork || label !== undefined ? recordedEndNs - recordedStartNs : 0,
    };
  }
}
