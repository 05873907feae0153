import type { Turn } from "./track.js";

/** What the order of a lock depends on. */
export interface LockRules {
  /** A request loses its place if it comes later than recorded by more than this; ns. */
  spreadNs(): number;
  /** From a release to a waiter's start, if the record does not have it for this one; ns. */
  handoffNs(): number;
  /** Whether the recording walker is known: holds that overlap in the record were then allowed to by its lock. */
  readonly knowsRecorder: boolean;
  /** Holders do not exclude each other. */
  readonly isFree: boolean;
}

/**
 * One VM's MMU lock on one side, with the recorded order of holds. A turn that has been requested overtakes an earlier
 * one whose request comes later on this side than the record can account for.
 */
export class RecordLock {
  /** Turns not yet held, in recorded order: the first and the last. */
  private first: Turn | undefined;
  private last: Turn | undefined;
  /** How many of them have requested the lock. */
  private asked = 0;
  /** The holders are the first `held` elements: an array that is emptied repeatedly would be reallocated each time. */
  private readonly holders: Turn[] = [];
  private held = 0;
  /** When the last exclusive hold ended, and the last hold of any kind. */
  private writersNs = Number.NEGATIVE_INFINITY;
  private holdersNs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly rules: LockRules,
    /** Called when a turn gets the lock. */
    private readonly grant: (turn: Turn, atNs: number) => void,
  ) {}

  /** Adds an operation of the record; it may or may not request the lock. */
  expect(turn: Turn): void {
    let before = this.last;
    while (before !== undefined && isAfter(before, turn)) before = before.before;
    const after = before === undefined ? this.first : before.after;
    turn.before = before;
    turn.after = after;
    if (before === undefined) this.first = turn;
    else before.after = turn;
    if (after === undefined) this.last = turn;
    else after.before = turn;
  }

  ask(turn: Turn, atNs: number): void {
    turn.askedNs = atNs;
    this.asked++;
    this.proceed(atNs);
  }

  /** The turn will not request the lock. */
  void(turn: Turn, atNs: number): void {
    this.remove(turn);
    this.proceed(atNs);
  }

  release(turn: Turn, atNs: number): void {
    this.holders[this.holders.indexOf(turn)] = this.holders[--this.held] as Turn;
    this.holdersNs = Math.max(this.holdersNs, atNs);
    if (!turn.isShared) this.writersNs = Math.max(this.writersNs, atNs);
    this.proceed(atNs);
  }

  private remove(turn: Turn): void {
    const { before, after } = turn;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    turn.before = turn.after = undefined;
    if (!Number.isNaN(turn.askedNs)) this.asked--;
  }

  /** Grants the lock to each turn that may have it. */
  private proceed(nowNs: number): void {
    for (let turn = this.nextTurn(nowNs); turn !== undefined; turn = this.nextTurn(nowNs)) {
      this.remove(turn);
      this.holders[this.held++] = turn;
      this.grant(turn, this.grantNs(turn));
    }
  }

  /**
   * The first turn, in recorded order, that has requested the lock, if no earlier turn goes first and the lock admits
   * it.
   */
  private nextTurn(nowNs: number): Turn | undefined {
    if (this.asked === 0) return undefined;
    let turn = this.first as Turn;
    while (Number.isNaN(turn.askedNs)) turn = turn.after as Turn;
    if (this.rules.isFree) return turn;
    return this.admits(turn) && !this.isPreceded(turn, nowNs) ? turn : undefined;
  }

  /** Whether an earlier turn in the record has not requested the lock yet, but will soon enough to go first. */
  private isPreceded(turn: Turn, nowNs: number): boolean {
    const spreadNs = this.rules.spreadNs();
    for (let earlier = turn.before; earlier !== undefined; earlier = earlier.before) {
      if (!this.conflict(earlier, turn)) continue;
      const comesNs = Math.max(nowNs, earlier.hold.requestNs + earlier.track.shiftNs);
      const inFrontNs = Math.max(0, earlier.hold.requestNs - turn.hold.requestNs) + spreadNs;
      if (comesNs - turn.askedNs <= inFrontNs) return true;
    }
    return false;
  }

  private admits(turn: Turn): boolean {
    for (let n = 0; n < this.held; n++) if (this.conflict(this.holders[n] as Turn, turn)) return false;
    return true;
  }

  /** Whether the lock excludes the two turns, unless they overlap in the record under a lock that excludes them too. */
  private conflict(a: Turn, b: Turn): boolean {
    if (a.isShared && b.isShared) return false;
    const ran = a.hold.heldNs < b.hold.releasedNs && b.hold.heldNs < a.hold.releasedNs;
    return !ran || (a.hold.isShared && b.hold.isShared) || !this.rules.knowsRecorder;
  }

  private grantNs(turn: Turn): number {
    const { rules } = this;
    if (rules.isFree) return turn.askedNs;
    const freeNs = turn.isShared ? this.writersNs : this.holdersNs;
    if (freeNs <= turn.askedNs) return turn.askedNs;
    return freeNs + (Number.isNaN(turn.hold.handoffNs) ? rules.handoffNs() : turn.hold.handoffNs);
  }
}

function isAfter(a: Turn, b: Turn): boolean {
  return (
    a.hold.heldNs > b.hold.heldNs ||
    (a.hold.heldNs === b.hold.heldNs && a.hold.releasedNs > b.hold.releasedNs)
  );
}
