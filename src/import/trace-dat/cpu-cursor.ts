/**
 * The events of one cpu, one behind the other, as the kernel's ring buffer lays them out: pages of a time, a commit
 * field and records; each record 5 bits of type or length, 27 of time since the one before it, then its data.
 * What they mean is in the kernel's include/linux/ring_buffer.h and in events/header_event.
 */

import type { DataEnd } from "../../trace/byte-source.js";
import { LineProblem } from "../../trace/ndjson/line-values.js";
import type { TraceClock } from "./clock.js";
import type { PageShape } from "./layout.js";
import { Damage } from "./metadata.js";
import type { PageRuns } from "./page-runs.js";

/** A record's type_len beyond those that are lengths, in words. */
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;
const MAX_WORDS = 28;

const DELTA_BITS = 27;
const DELTA_MASK = (1 << DELTA_BITS) - 1;
/** Of an absolute time the page's own supplies what 59 bits do not hold. */
const STAMP_HIGH_MASK = 0xf8000000;

/** Flags in the commit field, and the bits of it that are a length. */
const EVENTS_LOST = 0x80000000;
const LOSS_COUNTED = 0x40000000;
const COMMIT_MASK = (1 << 27) - 1;

/** What to do about damage at a byte of the file: throws, or lets it pass. */
export type Complain = (atByte: number, problem: LineProblem) => void;

export interface CursorOptions {
  readonly cpu: number;
  /** Among equal times, the lower comes first. */
  readonly rank: number;
  readonly pageSize: number;
  readonly page: PageShape;
  readonly bigEndian: boolean;
  readonly clock: TraceClock;
  readonly complain: Complain;
}

export class CpuCursor {
  readonly cpu: number;
  readonly rank: number;
  readonly littleEndian: boolean;
  /** When the event at hand was recorded. */
  seconds = 0;
  nanos = 0;
  /** Where its data lies in `view`, and how many bytes it takes, rounded up to words. */
  at = 0;
  length = 0;
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Losses before the event at hand that nobody took yet: how many events, where the page says. */
  readonly losses: (number | undefined)[] = [];
  private runLength = 0;
  private nextPage = 0;
  /** Where the next record is, and the page's last ends. */
  private next = 0;
  private end = 0;
  /** Time of the last record, as recorded. */
  private high = 0;
  private low = 0;

  constructor(
    readonly runs: PageRuns,
    readonly options: CursorOptions,
  ) {
    this.cpu = options.cpu;
    this.rank = options.rank;
    this.littleEndian = !options.bigEndian;
  }

  get cut(): DataEnd | undefined {
    return this.runs.cut;
  }

  /** Byte of the file where the event at hand is, or its chunk. */
  get fileByte(): number {
    return this.byteOf(this.at);
  }

  /** Goes to the next event of the pages at hand; false where they have no more. */
  advance(): boolean {
    for (;;) {
      while (this.next < this.end) if (this.step()) return true;
      if (this.nextPage >= this.runLength) return false;
      this.openPage();
    }
  }

  /** Gets more pages, and goes to their first event; false at the end. */
  async refill(): Promise<boolean> {
    for (;;) {
      const { runs } = this;
      let more = true;
      try {
        more = await runs.next();
      } catch (error) {
        if (!(error instanceof Damage)) throw error;
        this.refuse(error.atByte, error.problem);
      }
      this.runLength = more ? runs.length : 0;
      this.nextPage = 0;
      this.next = 0;
      this.end = 0;
      if (this.runLength > 0) {
        this.view = new DataView(runs.bytes.buffer, runs.bytes.byteOffset, this.runLength);
        if (this.advance()) return true;
      }
      if (!more) {
        if (runs.cut !== undefined) this.losses.push(undefined);
        return false;
      }
    }
  }

  /** Gives whether the record is an event. */
  private step(): boolean {
    const { view, littleEndian } = this;
    const start = this.next;
    const end = this.end;
    if (start + 4 > end) return this.refuseRest(start, "a record that is cut short");
    const word = view.getUint32(start, littleEndian);
    const type = littleEndian ? word & 31 : word >>> DELTA_BITS;
    const delta = littleEndian ? word >>> 5 : word & DELTA_MASK;
    if (type !== 0 && type <= MAX_WORDS) {
      this.at = start + 4;
      this.length = type * 4;
    } else {
      if (type === PADDING && delta === 0) {
        this.next = end; // Nothing more on this page.
        return false;
      }
      if (start + 8 > end) return this.refuseRest(start, "a record that is cut short");
      const first = view.getUint32(start + 4, littleEndian);
      if (type === TIME_EXTEND) {
        this.pass(first >>> 5, ((first << DELTA_BITS) | delta) >>> 0);
        this.next = start + 8;
        return false;
      }
      if (type === TIME_STAMP) {
        this.high = ((this.high & STAMP_HIGH_MASK) | (first >>> 5)) >>> 0;
        this.low = ((first << DELTA_BITS) | delta) >>> 0;
        this.next = start + 8;
        return false;
      }
      if (type === PADDING) {
        this.pass(0, delta);
        this.next = start + 4 + first;
        if (this.next > end) return this.refuseRest(start, "padding that is longer than its page");
        return false;
      }
      if (first < 4) return this.refuseRest(start, "a record without a length");
      this.at = start + 8;
      this.length = Math.ceil((first - 4) / 4) * 4;
    }
    const next = this.at + this.length;
    if (next > end) return this.refuseRest(start, "a record that is longer than its page");
    this.next = next;
    this.pass(0, delta);
    this.options.clock.set(this, this.high, this.low);
    return true;
  }

  /** Adds to the time; 64 bits that wrap. */
  private pass(high: number, low: number): void {
    const sum = this.low + low;
    this.low = sum >>> 0;
    const carry = sum > 0xffffffff ? 1 : 0;
    if (high !== 0 || carry !== 0) this.high = (this.high + high + carry) >>> 0;
  }

  private openPage(): void {
    const { view, littleEndian } = this;
    const { page, pageSize } = this.options;
    const start = this.nextPage;
    this.nextPage = start + pageSize;
    this.next = 0;
    this.end = 0;
    if (start + pageSize > this.runLength) {
      this.refuse(this.byteOf(start), `expected whole pages of ${pageSize} bytes`);
      return;
    }
    this.low = view.getUint32(littleEndian ? start : start + 4, littleEndian);
    this.high = view.getUint32(littleEndian ? start + 4 : start, littleEndian);
    const commit = commitOf(view, start, page, littleEndian);
    const size = commit & COMMIT_MASK;
    if (page.dataOffset + size > pageSize) {
      this.refuse(this.byteOf(start), `expected a page of at most ${pageSize} bytes, got ${size}`);
      return;
    }
    const loss = lossOf(view, start, page, pageSize, littleEndian);
    if (loss !== 0) this.losses.push(loss);
    this.next = start + page.dataOffset;
    this.end = this.next + size;
  }

  private refuse(atByte: number, problem: string): void {
    this.options.complain(atByte, new LineProblem("damaged page", problem));
    this.losses.push(undefined);
  }

  private refuseRest(at: number, problem: string): false {
    this.next = this.end;
    this.refuse(this.byteOf(at), problem);
    return false;
  }

  private byteOf(at: number): number {
    return this.runs.packed ? this.runs.at : this.runs.at + at;
  }
}

/** The lower half of a page's commit field. */
function commitOf(view: DataView, start: number, { longSize }: PageShape, littleEndian: boolean): number {
  return view.getUint32(start + (longSize === 8 && !littleEndian ? 12 : 8), littleEndian);
}

/** Events that were lost before a page: 0 for none, undefined where it does not say how many. */
export function lossOf(
  view: DataView,
  start: number,
  page: PageShape,
  pageSize: number,
  littleEndian: boolean,
): number | undefined {
  const commit = commitOf(view, start, page, littleEndian);
  if ((commit & EVENTS_LOST) === 0) return 0;
  // The count stands behind the last record, where there was room for it.
  const at = page.dataOffset + (commit & COMMIT_MASK);
  if ((commit & LOSS_COUNTED) === 0 || at + page.longSize > pageSize) return undefined;
  const first = view.getUint32(start + at, littleEndian);
  if (page.longSize === 4) return first || undefined;
  const second = view.getUint32(start + at + 4, littleEndian);
  const count = littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  return count > 0 && Number.isSafeInteger(count) ? count : undefined;
}
