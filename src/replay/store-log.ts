import type { Overlay } from "../stage2/page-table.js";
import { isValid } from "../stage2/pte.js";

const CAPACITY = 1024;
const MASK = CAPACITY - 1;
/** Later than any trace; whole nanoseconds added to it are still exact. */
const SOME_TIME_NS = 2 ** 51;

/** Whether this is the time of a store in an interrupted walk. */
export function isOpenEnded(atNs: number): boolean {
  return atNs >= SOME_TIME_NS / 2 && atNs < Number.POSITIVE_INFINITY;
}

/**
 * The latest PTE stores of one table with their times. The table holds its state after all running operations; through
 * this log it is seen as of a given time. Operations that share the lock overlap, so the times of stores need not
 * ascend.
 */
export class StoreLog implements Overlay {
  /** Number of operations begun, which is the last one's number. */
  operations = 0;
  private readonly slots = new Int32Array(CAPACITY);
  private readonly los = new Uint32Array(CAPACITY);
  private readonly his = new Uint32Array(CAPACITY);
  private readonly times = new Float64Array(CAPACITY);
  /** For each store, the latest time of it and all earlier ones. */
  private readonly latest = new Float64Array(CAPACITY).fill(Number.NEGATIVE_INFINITY);
  /** The operation that made the store. */
  private readonly makers = new Int32Array(CAPACITY);
  /** Number of stores ever logged; the last CAPACITY are kept. */
  private total = 0;
  /** First store that may not be visible at the time viewed. */
  private from = 0;
  private viewNs = 0;

  beginOperation(): void {
    this.operations++;
  }

  add(slot: number, oldLo: number, oldHi: number, atNs: number): void {
    const at = this.total & MASK;
    this.slots[at] = slot;
    this.los[at] = oldLo;
    this.his[at] = oldHi;
    this.times[at] = atNs;
    this.latest[at] = Math.max(atNs, this.latest[(this.total - 1) & MASK] as number);
    this.makers[at] = this.operations;
    this.total++;
  }

  /** Moves the stores of operations [first, last] after `sinceNs` by `byNs`: the walker was interrupted there. */
  delay(first: number, last: number, sinceNs: number, byNs: number): void {
    let n = this.firstAfter(sinceNs);
    let latest = n > this.oldest ? (this.latest[(n - 1) & MASK] as number) : Number.NEGATIVE_INFINITY;
    for (; n < this.total; n++) {
      const at = n & MASK;
      const maker = this.makers[at] as number;
      const atNs = this.times[at] as number;
      if (atNs > sinceNs && maker >= first && maker <= last) this.times[at] = atNs + byNs;
      latest = Math.max(latest, this.times[at] as number);
      this.latest[at] = latest;
    }
  }

  /**
   * Changes the times that operation `maker` was logged with: the entry that it broke, if any, is broken at `breakNs`
   * and stored again at `installNs`, and everything else is done at `endNs`.
   */
  retime(maker: number, brokenSlot: number, breakNs: number, installNs: number, endNs: number): void {
    let n = this.total;
    while (n > this.oldest && (this.makers[(n - 1) & MASK] as number) >= maker) n--;
    let latest = n > this.oldest ? (this.latest[(n - 1) & MASK] as number) : Number.NEGATIVE_INFINITY;
    let isBroken = false;
    for (; n < this.total; n++) {
      const at = n & MASK;
      if (this.makers[at] === maker) {
        const isEdge = this.slots[at] === brokenSlot;
        this.times[at] = !isEdge ? endNs : isBroken ? installNs : breakNs;
        if (isEdge) isBroken = true;
      }
      latest = Math.max(latest, this.times[at] as number);
      this.latest[at] = latest;
    }
  }

  /** Makes the time of operations [first, last]' stores after `sinceNs` unknown: their walker has no CPU. */
  suspend(first: number, last: number, sinceNs: number): void {
    this.delay(first, last, sinceNs, SOME_TIME_NS);
  }

  /** The stores come `byNs` later than they were due. */
  resume(first: number, last: number, byNs: number): void {
    this.delay(first, last, SOME_TIME_NS / 2, byNs - SOME_TIME_NS);
  }

  /** Views the table as of `atNs`. @returns undefined if that is the current table */
  asOf(atNs: number): Overlay | undefined {
    const from = this.firstAfter(atNs);
    if (from === this.total) return undefined;
    this.from = from;
    this.viewNs = atNs;
    return this;
  }

  /** Times, newest first, within each state of the table in `(sinceNs, untilNs)` before the last store of that time. */
  statesBetween(sinceNs: number, untilNs: number): number[] {
    const times = new Set<number>();
    let hasEarlier = false;
    for (let n = this.total - 1; n >= this.oldest; n--) {
      const atNs = this.times[n & MASK] as number;
      if (atNs > sinceNs && atNs <= untilNs) times.add(atNs);
      else if (atNs <= sinceNs) hasEarlier = true;
      if ((this.latest[n & MASK] as number) <= sinceNs) break;
    }
    const stores = [...times].sort((a, b) => b - a);
    if (hasEarlier) stores.push(sinceNs);
    return stores.slice(1).map((atNs, n) => Math.floor((atNs + (stores[n] as number)) / 2));
  }

  /** Times of the stores that are not visible at `atNs`, ascending. */
  pendingNs(atNs: number): number[] {
    const times = new Set<number>();
    for (let n = this.firstAfter(atNs); n < this.total; n++) {
      const storeNs = this.times[n & MASK] as number;
      if (storeNs > atNs) times.add(storeNs);
    }
    return [...times].sort((a, b) => a - b);
  }

  /**
   * The operation whose store is due at `dueNs` made that store, and its earlier ones, by `atNs`.
   * @returns the operation's number
   */
  hasten(dueNs: number, atNs: number): number {
    let maker = -1;
    for (let n = this.firstAfter(atNs); n < this.total; n++)
      if (this.times[n & MASK] === dueNs) maker = this.makers[n & MASK] as number;
    for (let n = this.oldest; n < this.total; n++) {
      const at = n & MASK;
      const storeNs = this.times[at] as number;
      if (this.makers[at] === maker && storeNs > atNs && storeNs <= dueNs) this.times[at] = atNs;
      this.latest[at] = Math.max(
        this.times[at] as number,
        n > this.oldest ? (this.latest[(n - 1) & MASK] as number) : Number.NEGATIVE_INFINITY,
      );
    }
    return maker;
  }

  /** When the last store to the entry that is not visible at `atNs` becomes visible; -Infinity if all are. */
  settledNs(slot: number, atNs: number): number {
    let settledNs = Number.NEGATIVE_INFINITY;
    for (let n = this.firstAfter(atNs); n < this.total; n++) {
      const storeNs = this.times[n & MASK] as number;
      if (this.slots[n & MASK] === slot && storeNs > atNs && storeNs > settledNs) settledNs = storeNs;
    }
    return settledNs;
  }

  /** Whether every store is visible at `atNs`. */
  isSettled(atNs: number): boolean {
    return this.total === 0 || (this.latest[(this.total - 1) & MASK] as number) <= atNs;
  }

  /** When the next store to a valid entry becomes visible; Infinity if there is none. */
  nextChangeNs(atNs: number): number {
    let nextNs = Number.POSITIVE_INFINITY;
    for (let n = this.firstAfter(atNs); n < this.total; n++) {
      const storeNs = this.times[n & MASK] as number;
      if (storeNs > atNs && storeNs < nextNs && isValid(this.los[n & MASK] as number)) nextNs = storeNs;
    }
    return nextNs;
  }

  /** Whether a store to one of the entries [first, end) is not visible at `atNs`. */
  isPendingIn(first: number, end: number, atNs: number): boolean {
    for (let n = this.firstAfter(atNs); n < this.total; n++) {
      const slot = this.slots[n & MASK] as number;
      if (slot >= first && slot < end && (this.times[n & MASK] as number) > atNs) return true;
    }
    return false;
  }

  /** Whether a running operation has made the valid entry invalid by `atNs`, and will store it again. */
  isBroken(slot: number, atNs: number): boolean {
    for (let n = this.firstAfter(atNs); n < this.total; n++) {
      const at = n & MASK;
      if (this.slots[at] !== slot || (this.times[at] as number) <= atNs) continue;
      const maker = this.makers[at];
      for (let m = n - 1; m >= this.oldest && (this.makers[m & MASK] as number) >= (maker as number); m--)
        if (this.slots[m & MASK] === slot && this.makers[m & MASK] === maker)
          return (this.times[m & MASK] as number) <= atNs && isValid(this.los[m & MASK] as number);
      return false;
    }
    return false;
  }

  find(slot: number): number {
    for (let n = this.from; n < this.total; n++) {
      const at = n & MASK;
      if (this.slots[at] === slot && (this.times[at] as number) > this.viewNs) return at;
    }
    return -1;
  }

  lo(index: number): number {
    return this.los[index] as number;
  }

  hi(index: number): number {
    return this.his[index] as number;
  }

  /** The index from which on some stores may be later than `atNs`. */
  private firstAfter(atNs: number): number {
    const { oldest } = this;
    let n = this.total;
    while (n > oldest && (this.latest[(n - 1) & MASK] as number) > atNs) n--;
    return n;
  }

  private get oldest(): number {
    return Math.max(0, this.total - CAPACITY);
  }
}
