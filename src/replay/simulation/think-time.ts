import { type Activity, ActivityKind } from "../../activity/activity.js";
import type { SimulationConfig } from "./config.js";

/** When a thread gets to its next activity: after its recorded CPU time before it, less the exit path in that time. */
export class ThinkTime {
  constructor(private readonly config: SimulationConfig) {}

  /** In a recorded fault, the time before its abort includes the exit from the guest, which follows the access. */
  exitNs(activity: Activity): number {
    const { exitNs } = this.config;
    if (activity.kind !== ActivityKind.fault) return 0;
    return activity.isSynthetic ? exitNs : Math.min(exitNs, thinkCpuNs(activity));
  }

  /** CPU time from the thread's previous activity to this one. */
  ns(activity: Activity): number {
    const { kind, beforeCpuNs, afterCpuNs } = activity;
    const thinkNs = Math.max(0, ownThinkNs(activity) - this.exitNs(activity) + this.offsetNs(activity));
    return kind === ActivityKind.mmio ? thinkNs + beforeCpuNs + afterCpuNs : thinkNs;
  }

  /** How much later than recorded the guest gets to the activity's (first) access. */
  private offsetNs(activity: Activity): number {
    const { arrivals } = this.config;
    const { kind, sequence } = activity;
    const isAccess = kind === ActivityKind.fault || kind === ActivityKind.accessRun;
    if (arrivals === undefined || !isAccess) return 0;
    return arrivals.offsetNs(sequence, ownThinkNs(activity) - this.exitNs(activity));
  }
}

/** An activity that began before a barrier and ended after it is the first of the new epoch. */
function thinkCpuNs(activity: Activity): number {
  return activity.crossesBarrier ? 0 : activity.thinkCpuNs;
}

/** CPU time before the access: the time between it and its abort was others' turns. */
function ownThinkNs(activity: Activity): number {
  const { thinkNs, leadNs } = activity;
  const ownNs = thinkCpuNs(activity);
  return leadNs > 0 ? Math.min(ownNs, thinkNs - leadNs) : ownNs;
}
