import { ZERO } from "../../double.js";
import { Episode } from "../episode.js";
import type { EpochSpan } from "../epochs.js";
import type { Due } from "../queue.js";
import type { Baseline, Hold } from "./baseline.js";

/** What is due on a track. Its number is the rank among events of one time: who leaves goes before who comes. */
export const TrackStep = {
  release: 0,
  request: 1,
  /** The lock is its own. */
  grant: 2,
  /** The operation begins: behind the fault path's own clean. */
  operate: 3,
  access: 4,
  /** The access of a further lap. */
  lap: 5,
  /** An access that others' replacing of its entry kept out is tried again. */
  again: 6,
  /** Nothing: it waits for others, for the lock or for more of the record. */
  idle: 7,
  /** The guest goes on. */
  end: 8,
} as const;
export type TrackStep = (typeof TrackStep)[keyof typeof TrackStep];

/** An operation in the lock's order: to come, asked for, or held. */
export class Turn {
  track!: Track;
  /** Its activity, and which of that one's holds it is. */
  baseline!: Baseline;
  hold!: Hold;
  /** It holds the lock for read on this side. */
  isShared = false;
  /** It has asked for the lock, at this time of this side; NaN = not yet. */
  askedNs = Number.NaN;
  /** Its neighbours in the lock's order. */
  before: Turn | undefined;
  after: Turn | undefined;
  /** The next one of its track. */
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

/** One thread of the host in one replay against the record, with the activity that it is at. */
export class Track implements Due {
  dueNs = ZERO;
  rank: TrackStep = TrackStep.idle;
  baseline: Baseline | undefined;
  /** Which of its operations, or laps, is due. */
  at = 0;
  /** By how much this side is behind the record here (ahead: negative). */
  shiftNs = ZERO;
  /** What is told of the activity when it ends. */
  readonly episode = new Episode();
  /** First of the turns of its activities that have not ended, in their order: of those queued too. */
  turn: Turn | undefined;
  private lastTurn: Turn | undefined;
  /** When its last activity ended in the record. */
  leftNs = Number.NEGATIVE_INFINITY;
  /** It has waited for a split, or for another thread, that does not come. */
  mayGoAhead = false;
  /** Number of the walk under way in its table's log. */
  maker = 0;
  /** The epoch that its present activity began in. */
  span: EpochSpan | undefined;
  /** Time that its present activity has had so far which the record's clock has elsewhere, or not at all; ns. */
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
