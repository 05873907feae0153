import { ZERO } from "../../double.js";
import { type Due, EventQueue } from "../queue.js";
import type { Thread } from "./thread.js";

/** One access, in the clock's units. Rates are whole units per nanosecond, so progress is never rounded. */
const ACCESS = 2 ** 22;
/** A profile may give reads no time at all, but the clock needs some. */
const LEAST_NS = 2 ** -10;

/**
 * vCPUs that read memory at the same time slow each other down: the time of a read depends on how many read at that
 * moment. All of them read at the same pace, so one clock, which is slower the more there are, times them all: a
 * stretch of reads ends when the clock has advanced by its length, however often the pace changes meanwhile.
 */
export class GuestReads {
  /** By the clock value at which the stretch ends, which `dueNs` holds while a thread is here. */
  private readonly readers = new EventQueue<Thread>();
  /** Units per nanosecond, by number of readers. */
  private readonly rates: number[] = [];
  private progress = ZERO;
  private atNs = ZERO;

  /** @param readNs nanoseconds of a read while this many vCPUs read */
  constructor(private readonly readNs: (vcpus: number) => number) {}

  /**
   * The thread makes `accesses` reads from now on.
   * @param goesOn it has just ended a stretch, and this one begins where that ended, between two nanoseconds
   */
  begin(thread: Thread, accesses: number, atNs: number, goesOn: boolean): void {
    this.advance(atNs);
    if (this.readers.size === 0 && !goesOn) this.progress = 0;
    thread.dueNs = (goesOn ? thread.dueNs : this.progress) + accesses * ACCESS;
    this.readers.push(thread);
  }

  /** When the first stretch ends if nothing changes until then; Infinity if nobody reads. */
  nextNs(): number {
    const first = this.readers.peek();
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return this.atNs + Math.max(0, Math.ceil((first.dueNs - this.progress) / this.rate()));
  }

  /** Whether the reader comes before another event of the same time, by trace order. */
  isBefore(other: Due | undefined): boolean {
    const first = this.readers.peek();
    return first !== undefined && (other === undefined || first.sequence < other.sequence);
  }

  /** Takes the thread whose stretch ends first. */
  pop(atNs: number): Thread {
    this.advance(atNs);
    return this.readers.pop();
  }

  /** Ends the thread's stretch of `accesses` at the next access. @returns how many of them are left */
  cut(thread: Thread, accesses: number, atNs: number): number {
    this.advance(atNs);
    const left = Math.min(accesses, Math.floor((thread.dueNs - this.progress) / ACCESS));
    if (left <= 0) return 0;
    thread.dueNs -= left * ACCESS;
    this.readers.moveUp(thread);
    return left;
  }

  /** Units that the thread's stretch still takes. */
  left(thread: Thread, atNs: number): number {
    this.advance(atNs);
    return thread.dueNs - this.progress;
  }

  /** Delays everything by `byNs`. */
  delay(byNs: number): void {
    this.atNs += byNs;
  }

  private advance(atNs: number): void {
    if (this.readers.size > 0 && atNs > this.atNs) this.progress += (atNs - this.atNs) * this.rate();
    this.atNs = atNs;
  }

  private rate(): number {
    const readers = this.readers.size;
    for (let n = this.rates.length; n <= readers; n++)
      this.rates.push(Math.max(1, Math.round(ACCESS / Math.max(LEAST_NS, this.readNs(n)))));
    return this.rates[readers] as number;
  }
}
