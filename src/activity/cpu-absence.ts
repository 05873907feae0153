import { ZERO } from "../double.js";

/**
 * Tracks when a pid had no CPU, from sched events; the threads of one pid share it. An absence during which events were
 * lost has an unknown length and is not counted. Times add up over the trace; ns.
 */
export class CpuAbsence {
  /** Total time off the CPU, and the part asleep, that is, not runnable. After a wake-up the thread waits for a CPU. */
  totalNs = ZERO;
  sleptNs = ZERO;
  /** When it last got a CPU; -Infinity = not seen. */
  cameNs = Number.NEGATIVE_INFINITY;
  /** Both sums when the current epoch began. */
  epochTotalNs = ZERO;
  epochSleptNs = ZERO;
  /** NaN = it has a CPU, or this is unknown. */
  private leftNs = Number.NaN;
  /** When it was woken; NaN = it sleeps. */
  private wokenNs = Number.NaN;

  /** Runnable, but without a CPU. */
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

  /** It runs, or events are missing, so it is unknown when it got the CPU. */
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
