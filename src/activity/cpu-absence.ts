import { ZERO } from "../double.js";

/**
 * When a pid had no CPU, as sched events tell: one for all the threads that it becomes. What it had open when events were
 * lost is of unknown length, and not counted. Times add up over the trace; ns.
 */
export class CpuAbsence {
  /** Off the CPU in all, and of that asleep: neither running nor fit to. What follows a wake-up is waiting for a CPU. */
  totalNs = ZERO;
  sleptNs = ZERO;
  /** When it last came onto a CPU; -Infinity = not seen. */
  cameNs = Number.NEGATIVE_INFINITY;
  /** Both sums as they were when the epoch under way began. */
  epochTotalNs = ZERO;
  epochSleptNs = ZERO;
  /** NaN = it has a CPU, or nobody knows. */
  private leftNs = Number.NaN;
  /** When it was woken; NaN = it sleeps. */
  private wokenNs = Number.NaN;

  /** Fit to run, and without a CPU. */
  get preemptedNs(): number {
    return this.totalNs - this.sleptNs;
  }

  leave(atNs: number, isRunnable: boolean): void {
    this.leftNs = atNs;
    this.wokenNs = isRunnable ? atNs : Number.NaN;
  }

  wake(atNs: number): void {
    if (Number.isNaN(this.wokenNs)) this.wokenNs = atNs;
  }

  come(atNs: number): void {
    this.cameNs = atNs;
    if (Number.isNaN(this.leftNs)) return;
    this.totalNs += atNs - this.leftNs;
    this.sleptNs += this.asleepNs(atNs);
    this.leftNs = Number.NaN;
  }

  /** It runs, or events are missing: it is not known when it came. */
  forget(): void {
    this.leftNs = Number.NaN;
  }

  beginEpoch(atNs: number): void {
    const isOff = !Number.isNaN(this.leftNs);
    this.epochTotalNs = this.totalNs + (isOff ? atNs - this.leftNs : 0);
    this.epochSleptNs = this.sleptNs + (isOff ? this.asleepNs(atNs) : 0);
  }

  private asleepNs(untilNs: number): number {
    return (Number.isNaN(this.wokenNs) ? untilNs : this.wokenNs) - this.leftNs;
  }
}
