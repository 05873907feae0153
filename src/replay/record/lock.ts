import type { Turn } from "./track.js";

/** What the order of a lock hangs on. */
export interface LockRules {
  /** By how much a request must come later than the record has it to lose its place; ns. */
  spreadNs(): number;
  /** From a release to a waiter's beginning, where the record has none of this one; ns. */
  handoffNs(): number;
  /** What the record shows side by side, its lock did not keep apart: it is known whose lock that was. */
  readonly knowsRecorder: boolean;
  /** Holders do not exclude each other. */
  readonly isFree: boolean;
}

/**
 * One VM's MMU lock on one side. Its order is the recorded one; but a turn that has asked goes before one that is in front of
 * it in the record, and comes later here than the record can account for.
 */
export class RecordLock {
  /** Turns that have not been held, in recorded order: the first and the last of them. */
  private first: Turn | undefined;
  private last: Turn | undefined;
  /** How many of them have asked. */
  private asked = 0;
  /** Holders: the first so many. An array that is emptied again and again would be made anew each time. */
  private readonly holders: Turn[] = [];
  private held = 0;
  /** When the last exclusive hold, and the last hold at all, ended. */
  private writersNs = Number.NEGATIVE_INFINITY;
  private holdersNs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly rules: LockRules,
    /** Called when a turn's time has come. */
    private readonly grant: (turn: Turn, atNs: number) => void,
  ) {}

  /** The record has this operation; it may ask for the lock, or not. */
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

  /** It will not ask. */
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

  /** Lets whoever may have the lock have it. */
  private proceed(nowNs: number): void {
    for (let turn = this.nextTurn(nowNs); turn !== undefined; turn = this.nextTurn(nowNs)) {
      this.remove(turn);
      this.holders[this.held++] = turn;
      this.grant(turn, this.grantNs(turn));
    }
  }

  /** The first that has asked, in recorded order, if none in front of it is to be waited for and the lock admits it. */
  private nextTurn(nowNs: number): Turn | undefined {
    if (this.asked === 0) return undefined;
    let turn = this.first as Turn;
    while (Number.isNaN(turn.askedNs)) turn = turn.after as Turn;
    if (this.rules.isFree) return turn;
    return this.admits(turn) && !this.isPreceded(turn, nowNs) ? turn : undefined;
  }

  /** Somebody in front of it in the record has not asked yet, and is to come soon enough to go first. */
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

  /** Two that the lock keeps apart, and that the record does not show side by side although its lock does, too. */
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
