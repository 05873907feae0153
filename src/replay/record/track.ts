import { ZERO } from "../../double.js";
import { Episode } from "../episode.js";
import type { EpochSpan } from "../epochs.js";
import type { Due } from "../queue.js";
import type { Baseline, Hold } from "./baseline.js";

/** What is due on a track. The number ranks events of the same time: releases come before requests. */
export const TrackStep = {
  release: 0,
  request: 1,
  /** The lock is granted. */
  grant: 2,
  /** The operation begins, after the fault path's own clean. */
  operate: 3,
  access: 4,
  /** The access of a further lap. */
  lap: 5,
  /** A retry of an access whose entry was being replaced by another fault. */
  again: 6,
  /** Nothing: it waits for other threads, the lock or more of the record. */
  idle: 7,
  /** The guest resumes. */
  end: 8,
} as const;
export type TrackStep = (typeof TrackStep)[keyof typeof TrackStep];

/** An operation in the lock's order: expected, requested, or held. */
export class Turn {
  track!: Track;
  /** Its activity, and its hold in that activity. */
  baseline!: Baseline;
  hold!: Hold;
  /** It holds the lock for read on this side. */
  isShared = false;
  /** When it requested the lock, on this side's clock; NaN = not yet. */
  askedNs = Number.NaN;
  /** Its neighbours in the lock's order. */
  before: Turn | undefined;
  after: Turn | undefined;
  /** The next turn of its track. */
  next: Turn | undefined;

  begin(track: Track, baseline: Baseline, hold: Hold, isShared: boolean): this {
    this.track = track;
    this.baseline = baseline;
    this.hold = hold;
    this.isShared = isShared;
    this.askedNs = Number.NaN;
    return this;
  }
}

/** One thread of the host in one replay against the record, with its current activity. */
export class Track implements Due {
  dueNs = ZERO;
  rank: TrackStep = TrackStep.idle;
  baseline: Baseline | undefined;
  /** Index of its operation, or lap, that is due. */
  at = 0;
  /** How far this side is behind the record here (ahead: negative). */
  shiftNs = ZERO;
  /** The activity's results, reported when it ends. */
  readonly episode = new Episode();
  /** First turn, in order, of its activities that have not ended, including queued ones. */
  turn: Turn | undefined;
  private lastTurn: Turn | undefined;
  /** When its last activity ended in the record. */
  leftNs = Number.NEGATIVE_INFINITY;
  /** It has waited for a split, or for another thread, that does not come. */
  mayGoAhead = false;
  /** Number of its running walk in the table's log. */
  maker = 0;
  /** The epoch in which its current activity began. */
  span: EpochSpan | undefined;
  /** Delay of its current activity so far that is not in `shiftNs`; ns. */
  displacedNs = ZERO;
  private readonly queue: Baseline[] = [];
  private head = 0;

  constructor(readonly index: number) {}

  get sequence(): number {
    return (this.baseline as Baseline).activity.sequence;
  }

  pushTurn(turn: Turn): void {
    turn.next = undefined;
    if (this.turn === undefined) this.turn = turn;
    else (this.lastTurn as Turn).next = turn;
    this.lastTurn = turn;
  }

  takeTurn(): Turn {
    const turn = this.turn as Turn;
    this.turn = turn.next;
    return turn;
  }

  push(baseline: Baseline): void {
    this.queue.push(baseline);
  }

  get hasQueued(): boolean {
    return this.head < this.queue.length;
  }

  get next(): Baseline | undefined {
    return this.queue[this.head];
  }

  take(): Baseline {
    const baseline = this.queue[this.head++] as Baseline;
    if (this.head >= 256) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    return baseline;
  }
}

/** Tracks by the index of their thread. */
export class Tracks {
  readonly all: Track[] = [];

  of(thread: number): Track {
    for (let index = this.all.length; index <= thread; index++) this.all.push(new Track(index));
    return this.all[thread] as Track;
  }
}
