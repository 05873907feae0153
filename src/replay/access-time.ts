import { type Activity, ActivityKind } from "../activity/activity.js";
import { StreamMedian } from "./samples.js";

/**
 * Estimates when an access was made if one CPU ran all vCPUs. The record has only the abort, which the exit path
 * prints; others may have had the CPU in between. A vCPU that goes from page to page does almost nothing in the guest:
 * it makes its access as soon as it is back there, and the time until the abort is other vCPUs' turns in the middle of
 * its exit path. If a vCPU works in the guest longer than its exit takes, most of its turns end there: its access is
 * assumed to come right before the abort.
 */
export class AccessTimes {
  /** By thread: times from one fault's end to the next abort with no other thread in between, in this epoch. */
  private readonly thinks: StreamMedian[] = [];

  constructor(
    /** From the access to the handler and back; ns. */
    private readonly exitNs: number,
  ) {}

  /** Sets the activity's `leadNs` from times only; call it in trace order. */
  estimate(activity: Activity): void {
    const { kind, thread, followsFault, thinkNs, thinkCpuNs } = activity;
    if (kind !== ActivityKind.fault || !followsFault) return;
    if (thinkCpuNs === thinkNs) {
      this.of(thread).add(thinkNs);
      return;
    }
    const usualNs = this.of(thread).median;
    if (usualNs === undefined) return;
    const workNs = Math.max(0, usualNs - this.exitNs);
    if (workNs < this.exitNs) activity.leadNs = Math.max(0, thinkNs - this.exitNs - workNs);
  }

  /** The guests turn to other work. */
  passBarrier(): void {
    this.thinks.length = 0;
  }

  private of(thread: number): StreamMedian {
    this.thinks[thread] ??= new StreamMedian();
    return this.thinks[thread];
  }
}
