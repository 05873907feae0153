import type { Barrier } from "../activity/epoch.js";
import { ZERO } from "../double.js";

/** The results of an epoch. Times are the side's, except `recordedNs` and `recordedMakespanNs`. */
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

/** A time span from the first to the last of some events. */
class Stretch {
  startNs = Number.POSITIVE_INFINITY;
  endNs = Number.NEGATIVE_INFINITY;

  begin(atNs: number): void {
    if (atNs < this.startNs) this.startNs = atNs;
  }

  end(atNs: number): void {
    if (atNs > this.endNs) this.endNs = atNs;
  }

  get ns(): number {
    return Math.max(0, this.endNs - this.startNs);
  }
}

/** An epoch on one side, for all hosts together: its own times, and the record's. */
export class EpochSpan implements EndedEpoch {
  readonly own = new Stretch();
  readonly recorded = new Stretch();
  /** From its marker to the next one; if nothing happened in the epoch, that is its whole span. */
  readonly marked = new Stretch();
  faults = 0;
  /** When its end marker came in the trace; NaN = there was none yet. */
  closedNs = Number.NaN;

  constructor(
    readonly number: number,
    readonly label: string | undefined,
    /** Its beginning in the trace. */
    readonly recordedNs: number,
  ) {}

  /** For the side that is the record: an activity that began at `atNs` in this epoch became known after its end. */
  beganLate(atNs: number): void {
    const startNs = this.label === undefined ? atNs : this.recordedNs;
    for (const stretch of [this.own, this.recorded]) {
      stretch.begin(startNs);
      if (!Number.isNaN(this.closedNs)) stretch.end(this.closedNs);
    }
  }

  get hasWork(): boolean {
    return this.own.endNs > Number.NEGATIVE_INFINITY;
  }

  get startNs(): number {
    return this.hasWork ? this.own.startNs : this.marked.startNs;
  }

  get makespanNs(): number {
    return this.hasWork ? this.own.ns : this.marked.ns;
  }

  get recordedMakespanNs(): number {
    return this.hasWork ? this.recorded.ns : this.marked.ns;
  }
}

/** The epochs of one side, for all hosts together, each on its own clock. */
export class Epochs {
  private readonly spans = new Map<number, EpochSpan>();

  at(number: number, label: string | undefined, recordedNs: number): EpochSpan {
    let span = this.spans.get(number);
    if (span === undefined) {
      span = new EpochSpan(number, label, recordedNs);
      this.spans.set(number, span);
    }
    return span;
  }

  /** The epoch of this number, which must have begun. */
  of(number: number): EpochSpan {
    return this.spans.get(number) as EpochSpan;
  }

  /** In trace order, without the unnamed ones in which nothing happened. */
  all(): EpochSpan[] {
    return [...this.spans.values()]
      .filter((span) => span.label !== undefined || span.hasWork)
      .sort((a, b) => a.number - b.number);
  }
}

/** The current epoch on one side of one host. */
export class EpochClock {
  number = 0;
  label: string | undefined;
  startNs = ZERO;
  /** The current epoch's span. */
  span: EpochSpan;
  private recordedNs = ZERO;
  private hasWork = false;

  constructor(private readonly epochs: Epochs) {
    this.span = epochs.at(0, undefined, 0);
  }

  /** This side's time for the trace's `recordedNs`, if nothing shifts it within the epoch. */
  at(recordedNs: number): number {
    return this.startNs + recordedNs - this.recordedNs;
  }

  /** An activity begins at `atNs` on this side, at `recordedNs` in the record. */
  began(atNs: number, recordedNs: number): void {
    const { span } = this;
    // A named epoch begins at its marker.
    const isMarked = this.label !== undefined;
    span.own.begin(isMarked ? this.startNs : atNs);
    span.recorded.begin(isMarked ? this.recordedNs : recordedNs);
    this.hasWork = true;
  }

  /** An activity ended before the epoch did. */
  ended(atNs: number, recordedNs: number): void {
    this.span.own.end(atNs);
    this.span.recorded.end(recordedNs);
  }

  /** The barrier comes at `atNs` on this side. */
  pass({ number, label, closes, atNs: recordedNs }: Barrier, atNs: number): void {
    if (closes && this.hasWork) this.ended(atNs, recordedNs);
    if (closes) this.span.closedNs = recordedNs;
    this.span.marked.end(atNs);
    this.number = number;
    this.label = label;
    this.startNs = atNs;
    this.recordedNs = recordedNs;
    this.hasWork = false;
    this.span = this.epochs.at(number, label, recordedNs);
    this.span.marked.begin(atNs);
  }
}
