import { type Activity, type Operation, OperationKind } from "../../activity/activity.js";
import type { CostProfile } from "../../cost/profile.js";
import { Charge, chargeKinds } from "../../stage2/meter.js";
import type { CostScale } from "../cost-scale.js";
import { Cost } from "../counters.js";
import type { Episode } from "../episode.js";
import type { Guest } from "../guest.js";
import { costOfCharge, Plan, type Shape } from "../plan.js";
import type { Baseline, Hold } from "../record/baseline.js";
import { type HoldTime, heldCosts } from "../record/hold-time.js";
import type { Learnt } from "../record/learnt.js";
import type { Ledger } from "./ledger.js";

/** The durations of the fault path. */
export interface OperationTime {
  /** From the abort to the request for the lock, without exit path and clean; ns. */
  handlerNs(activity: Activity): number;
  /** The fault path's own clean, before the activity's first operation; ns. */
  cleanNs(activity: Activity): number;
  /** Whether the clean's cost comes from the trace. */
  readonly knowsClean: boolean;
  /**
   * Runs the activity's n-th operation: logs each store at its own time, and spends the time of each part. The meter
   * then has the work and the times of its steps.
   * @returns when it ends
   */
  run(episode: Episode, activity: Activity, n: number, shape: Shape, guest: Guest, atNs: number): number;
}

/** For described accesses: there is no record, and all times are the profile's. */
export class ProfileTime implements OperationTime {
  readonly knowsClean = false;
  private readonly plan = new Plan();

  constructor(
    private readonly profile: CostProfile,
    /** Unit costs of the walker. */
    private readonly units: Float64Array,
    private readonly scale: CostScale,
    private readonly ledger: Ledger,
  ) {}

  handlerNs(activity: Activity): number {
    return activity.beforeCpuNs;
  }

  cleanNs(activity: Activity): number {
    return activity.operation(0).bytes * (this.units[Charge.cleanByte] as number);
  }

  run(episode: Episode, activity: Activity, n: number, shape: Shape, guest: Guest, atNs: number): number {
    const { plan, ledger } = this;
    const { meter } = guest;
    const operation = activity.operation(n);
    plan.set(this.units);
    plan.beforeNs = this.profile.figure("mapFixedNs");
    if (!this.scale.isWhole) plan.scale(this.scale, shape);
    meter.begin(atNs, plan, operation.kind === OperationKind.map);
    guest.run(operation);
    for (let kind = 0; kind < chargeKinds; kind++) {
      const ns = (meter.counts[kind] as number) * (plan.unitNs[kind] as number);
      if (ns !== 0) ledger.spend(episode, costOfCharge(kind, shape), ns, 0);
    }
    ledger.spend(episode, Cost.walk, plan.beforeNs, 0);
    return meter.atNs;
  }
}

/** For recorded activities: the same times as on the trace's own sides (see HoldTime), on another machine. */
export class RecordTime implements OperationTime {
  private readonly plan = new Plan();

  constructor(
    private readonly learnt: Learnt,
    private readonly time: HoldTime,
    private readonly ledger: Ledger,
    private readonly baselineOf: (activity: Activity) => Baseline,
    /** An operation of this shape that the record has on the same entry. */
    private readonly like: (baseline: Baseline, operation: Operation, shape: Shape) => Hold | undefined,
  ) {
    this.plan.setFlat(0);
  }

  /** Its sleep belongs to the fault; the time when others had its CPU does not. */
  handlerNs(activity: Activity): number {
    const { ownNs, preemptedNs } = this.baselineOf(activity);
    return activity.operationCount === 0 ? activity.beforeCpuNs : ownNs - preemptedNs;
  }

  cleanNs(activity: Activity): number {
    const recordedNs = this.baselineOf(activity).hold(0).cleanNs;
    return recordedNs > 0 ? recordedNs : activity.operation(0).bytes * this.learnt.cleanByteNs;
  }

  get knowsClean(): boolean {
    return this.learnt.knowsClean;
  }

  run(episode: Episode, activity: Activity, n: number, shape: Shape, guest: Guest, atNs: number): number {
    const { time, ledger } = this;
    const { meter, log } = guest;
    const operation = activity.operation(n);
    meter.begin(atNs, this.plan, operation.kind === OperationKind.map);
    guest.run(operation);
    const baseline = this.baselineOf(activity);
    const own = operation.shape >= 0 ? baseline.hold(n) : undefined;
    const like = operation.shape === shape ? undefined : this.like(baseline, operation, shape);
    time.set(meter, operation, shape, own, like);
    const endNs = atNs + time.ns;
    log.retime(log.operations, meter.brokenSlot, atNs + time.breakNs, atNs + time.installNs, endNs);
    const [flushNs, teardownNs] = [time.costNs[Cost.tlbi] as number, time.costNs[Cost.teardown] as number];
    meter.retime(atNs + time.breakNs, flushNs, atNs + time.installNs, teardownNs, endNs);
    for (const cost of heldCosts)
      ledger.spend(episode, cost, time.costNs[cost] as number, time.recorded[cost] as number);
    return endNs;
  }
}
