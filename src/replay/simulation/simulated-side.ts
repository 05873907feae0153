import { type Activity, ActivityKind, OperationKind } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import type { Baseline } from "../record/baseline.js";
import type { Replayer } from "../record/record-host.js";
import type { Simulation } from "./simulation.js";
import type { TraceTiming } from "./trace-timing.js";

/** A simulation of activities that a trace has, on another machine than recorded it. */
export class SimulatedSide implements Replayer {
  private readonly baselines = new Map<Activity, Baseline>();

  constructor(
    private readonly simulation: Simulation,
    private readonly ended: (baseline: Baseline) => void,
  ) {}

  feed(baseline: Baseline): void {
    this.baselines.set(baseline.activity, baseline);
    this.simulation.feed(baseline.activity);
  }

  feedBarrier(barrier: Barrier): void {
    this.simulation.feed(barrier);
  }

  pump(frontierNs: number): void {
    while (!this.simulation.pump(frontierNs));
  }

  /** The simulation needs the activity no more. */
  done(activity: Activity): void {
    const baseline = this.baselines.get(activity) as Baseline;
    this.baselines.delete(activity);
    this.ended(baseline);
  }
}

/** Learns what the trace tells about durations, before the simulations of a window begin. */
export class TimingLearner implements Replayer {
  constructor(
    private readonly timing: TraceTiming,
    /** CPU times are the threads' own, contended or not. */
    private readonly sharedCpu: boolean,
    private readonly ended: (baseline: Baseline) => void,
  ) {}

  feed(baseline: Baseline): void {
    const { activity } = baseline;
    for (let n = 0; n < activity.operationCount; n++) {
      const operation = activity.operation(n);
      if (operation.isCredible) this.timing.learn(operation);
    }
    this.learnBefore(activity);
    this.ended(baseline);
  }

  feedBarrier(): void {}

  pump(): void {}

  private learnBefore(activity: Activity): void {
    if (activity.kind !== ActivityKind.fault || activity.operationCount !== 1) return;
    const operation = activity.operation(0);
    if (operation.kind !== OperationKind.map || !operation.isCredible) return;
    const beforeNs = operation.startNs - activity.startNs;
    this.timing.learnClean(operation.bytes, beforeNs, operation.startNs - operation.heldUntilNs);
    const isAlone = this.sharedCpu ? beforeNs === activity.beforeCpuNs : !activity.contended;
    if (isAlone) this.timing.learnBefore(operation.bytes, activity.beforeCpuNs);
  }
}
