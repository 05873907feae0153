import { type Activity, type Operation, OperationKind } from "../../activity/activity.js";
import { FaultClass, faultClass } from "../../stage2/esr.js";
import { Charge } from "../../stage2/meter.js";
import { isMappedBefore, settleCause } from "../cause.js";
import { Cost } from "../counters.js";
import type { Episode } from "../episode.js";
import type { Guest } from "../guest.js";
import type { Guests } from "../guests.js";
import { Plan, Shape } from "../plan.js";
import type { WorkMeter } from "../work-meter.js";
import type { SimulationConfig } from "./config.js";
import type { Ledger } from "./ledger.js";
import type { Thread } from "./thread.js";

/** What the fault path does under the MMU lock, what it does before, and how long both take. */
export class Operations {
  private readonly plan = new Plan();

  constructor(
    private readonly config: SimulationConfig,
    private readonly guests: Guests,
    private readonly ledger: Ledger,
  ) {}

  /**
   * Exit path apart, the time from the abort to the request for the lock. What the trace gives up to the map
   * holds the wait too where waiters keep their CPU: then the median of uncontended faults is taken.
   */
  handlerNs(activity: Activity): number {
    const { config } = this;
    if (activity.operationCount === 0) return activity.beforeCpuNs;
    const operation = activity.operation(0);
    const cleanNs = this.recordedCleanNs(activity);
    let beforeNs = activity.beforeCpuNs;
    if (activity.contended && !Number.isFinite(config.pcpus)) {
      const median = config.timing.beforeNs(operation.bytes);
      if (median !== undefined) beforeNs = Math.min(beforeNs, median);
    }
    return Math.max(0, beforeNs - cleanNs);
  }

  /** What the recorded time before the map holds of the recording walker's clean. */
  private recordedCleanNs(activity: Activity): number {
    const { config } = this;
    if (!config.recorderCleans || config.fwb || activity.isSynthetic) return 0;
    const operation = activity.operation(0);
    if (operation.kind !== OperationKind.map || faultClass(activity.esr) !== FaultClass.translation) return 0;
    const cleanNs = config.timing.cleanNs(operation.bytes);
    // On a shared CPU a silent clean is put down to whoever was heard of last: then only the clock bounds it.
    const { beforeCpuNs } = activity;
    return Math.min(cleanNs, Math.max(beforeCpuNs, operation.startNs - activity.startNs));
  }

  /** The thread has the lock from `atNs` on: its operations run, each store logged at the time at which it is to come. */
  begin({ episode, hold }: Thread, activity: Activity, atNs: number): void {
    const guest = this.guests.of(activity.vm);
    guest.begin(activity.line);
    hold.firstOperation = guest.log.operations + 1;
    hold.hasStored = false;
    episode.lockedNs = atNs;
    let clock = atNs + this.cleanFirst(episode, activity);
    for (let n = 0; n < activity.operationCount; n++) {
      const operation = activity.operation(n);
      const shape = guest.shapeOf(operation);
      // Only a leaf that is there already lets the access through before the operation.
      if (episode.isFault && n === 0) settleCause(episode, shape, isMappedBefore(shape, activity, guest));
      clock = this.run(episode, operation, shape, guest, clock);
      if (guest.meter.counts[Charge.pteStore] !== 0) hold.hasStored = true;
    }
    hold.lastOperation = guest.log.operations;
    hold.ns = clock - atNs;
    hold.flushedNs = Math.round(guest.meter.flushedAtNs);
  }

  /** @returns when the operation ends */
  private run(episode: Episode, operation: Operation, shape: Shape, guest: Guest, atNs: number): number {
    const { config, plan } = this;
    const { meter } = guest;
    config.timing.plan(plan, shape, operation, config.units);
    if (!config.scale.isWhole) plan.scale(config.scale, shape);
    meter.begin(atNs, plan, operation.kind === OperationKind.map);
    guest.run(operation);
    const endNs = meter.atNs + plan.afterNs;
    if (shape === Shape.split) episode.splits++;
    if (meter.windows > 0) {
      episode.windows += meter.windows;
      episode.brokenNs = meter.brokenAtNs;
      episode.installedNs = meter.installedAtNs;
    }
    if (!Number.isNaN(meter.lastFreeAtNs)) noteTeardown(episode, meter, endNs);
    this.ledger.operation(episode, guest, plan, shape, operation.bytes);
    return endNs;
  }

  /** The fault path's own clean, under the lock and before the walk, where the strategy has one. @returns its time */
  private cleanFirst(episode: Episode, activity: Activity): number {
    const { config } = this;
    if (!config.strategy.faultPathCleans || config.fwb || !episode.isFault) return 0;
    const operation = activity.operation(0);
    if (operation.kind !== OperationKind.map || episode.faultClass !== FaultClass.translation) return 0;
    const recordedNs = this.recordedCleanNs(activity);
    const cleanNs = recordedNs > 0 ? recordedNs : config.timing.cleanNs(operation.bytes);
    const ns = cleanNs * config.scale.of(Cost.clean);
    this.ledger.clean(episode, ns, operation.bytes, config.timing.knowsClean);
    return ns;
  }

  /** The thread has no CPU from `sinceNs` on: its further stores are to come some time. */
  interrupt(activity: Activity, { hold }: Thread, sinceNs: number): void {
    this.guests.of(activity.vm).log.suspend(hold.firstOperation, hold.lastOperation, sinceNs);
  }

  /** It goes on, `byNs` later. */
  resume(activity: Activity, { hold, episode }: Thread, sinceNs: number, byNs: number): void {
    this.guests.of(activity.vm).log.resume(hold.firstOperation, hold.lastOperation, byNs);
    episode.delayEdges(sinceNs, byNs);
  }

  /** The operations have ended. */
  end({ episode }: Thread, activity: Activity): void {
    const guest = this.guests.of(activity.vm);
    const hasFreed = this.guests.end(
      activity,
      activity.operation(activity.operationCount - 1),
      episode.counted,
    );
    this.ledger.unlock(episode, hasFreed ? guest : undefined);
  }
}

/** The walk that ends at `endNs` has freed tables. A recorded one may end before the profile's costs do. */
function noteTeardown(episode: Episode, { firstPutAtNs, lastFreeAtNs }: WorkMeter, endNs: number): void {
  const sinceNs = Number.isNaN(firstPutAtNs) ? lastFreeAtNs : firstPutAtNs;
  if (sinceNs >= endNs) return;
  if (Number.isNaN(episode.teardownNs)) episode.teardownNs = sinceNs;
  episode.tornDownNs = Math.min(lastFreeAtNs, endNs);
}
