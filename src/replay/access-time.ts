import { type Activity, ActivityKind } from "../activity/activity.js";
import { StreamMedian } from "./samples.js";

/**
 * When an access was made, where one CPU ran all vCPUs. The record has the abort, which the exit path prints, and in
 * between the CPU may have been others'. A vCPU that goes from page to page has next to nothing to do in the guest: it
 * makes its access as soon as it is back there, and what passes until the abort is other vCPUs' turns in the middle of
 * its exit path. One that works in the guest longer than it takes to leave it has its turns end there more often than
 * not: its access is taken to come right before the abort.
 */
export class AccessTimes {
  /** By thread: from one fault's end to the next abort where nobody else was seen in between, in this epoch. */
  private readonly thinks: StreamMedian[] = [];

  constructor(
    /** From the access to the handler and back; ns. */
    private readonly exitNs: number,
  ) {}

  /** Sets the activity's `leadNs`, by times alone; in trace order. */
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

  /** The guests go on to something else. */
  passBarrier(): void {
    this.thinks.length = 0;
  }

  private of(thread: number): StreamMedian {
    this.thinks[thread] ??= new StreamMedian();
    return this.thinks[thread];
  }
}
