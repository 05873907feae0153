import { type Activity, ActivityKind } from "./activity.js";
import { MmioRule } from "./mmio.js";
import type { Thread } from "./thread.js";
import type { Vm } from "./vm-table.js";

/** Counts each abort once, as a fault or as MMIO, for its thread, its VM and the trace. */
export class AbortCount {
  /** Aborts that were not memory faults, by MmioRule. */
  readonly mmioAborts = new Float64Array(Object.keys(MmioRule).length);

  constructor(
    private readonly threads: readonly Thread[],
    private readonly vms: readonly Vm[],
  ) {}

  countFault(activity: Activity): void {
    (this.threads[activity.thread] as Thread).faults++;
    if (activity.vm >= 0) (this.vms[activity.vm] as Vm).countFault(activity);
  }

  /** Counts an abort without an operation as what the rule says. */
  countBare(activity: Activity, rule: MmioRule): void {
    if (rule === MmioRule.none) {
      this.countFault(activity);
      return;
    }
    activity.kind = ActivityKind.mmio;
    this.mmioAborts[rule] = (this.mmioAborts[rule] as number) + 1;
    (this.threads[activity.thread] as Thread).mmioAborts++;
    if (activity.vm >= 0) (this.vms[activity.vm] as Vm).countMmio(rule);
  }
}
