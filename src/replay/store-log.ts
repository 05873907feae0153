import type { Overlay } from "../stage2/page-table.js";

const CAPACITY = 1024;
const MASK = CAPACITY - 1;

/**
 * The latest PTE stores of one table with their times. The table holds what it will be when the running
 * operation has ended; seen through this log it is what it was at a given time.
 */
export class StoreLog implements Overlay {
  private readonly slots = new Int32Array(CAPACITY);
  private readonly los = new Uint32Array(CAPACITY);
  private readonly his = new Uint32Array(CAPACITY);
  private readonly times = new Float64Array(CAPACITY);
  /** Stores ever logged; the last CAPACITY of them are there. */
  private total = 0;
  /** First store that is not visible at the time looked at. */
  private from = 0;

  add(slot: number, oldLo: number, oldHi: number, atNs: number): void {
    const at = this.total++ & MASK;
    this.slots[at] = slot;
    this.los[at] = oldLo;
    this.his[at] = oldHi;
    this.times[at] = atNs;
  }

  /** Moves the stores after `sinceNs` by `byNs`: the walker was interrupted there. */
  delay(sinceNs: number, byNs: number): void {
    for (let n = this.total - 1; n >= this.oldest; n--) {
      const atNs = this.times[n & MASK] as number;
      if (atNs <= sinceNs) return;
      this.times[n & MASK] = atNs + byNs;
    }
  }

  /** Looks at the table as of `atNs`. @returns undefined where that is the table as it is */
  asOf(atNs: number): Overlay | undefined {
    let n = this.total;
    const oldest = this.oldest;
    while (n > oldest && (this.times[(n - 1) & MASK] as number) > atNs) n--;
    if (n === this.total) return undefined;
    this.from = n;
    return this;
  }

  /** A time within each state that the table had in `(sinceNs, untilNs)` before the last store of that time, the newest first. */
  *statesBetween(sinceNs: number, untilNs: number): Generator<number> {
    let laterNs: number | undefined;
    for (let n = this.total - 1; n >= this.oldest; n--) {
      const atNs = this.times[n & MASK] as number;
      if (atNs > untilNs || atNs === laterNs) continue;
      if (laterNs !== undefined) yield Math.floor((Math.max(atNs, sinceNs) + laterNs) / 2);
      if (atNs <= sinceNs) return;
      laterNs = atNs;
    }
  }

  find(slot: number): number {
    for (let n = this.from; n < this.total; n++) if (this.slots[n & MASK] === slot) return n & MASK;
    return -1;
  }

  lo(index: number): number {
    return this.los[index] as number;
  }

  hi(index: number): number {
    return this.his[index] as number;
  }

  private get oldest(): number {
    return Math.max(0, this.total - CAPACITY);
  }
}
