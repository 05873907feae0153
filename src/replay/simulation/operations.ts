import { type Activity, OperationKind } from "../../activity/activity.js";
import { FaultClass } from "../../stage2/esr.js";
import { Charge } from "../../stage2/meter.js";
import { isMappedBefore, settleCause } from "../cause.js";
import { Cost } from "../counters.js";
import type { Episode } from "../episode.js";
import type { Guest } from "../guest.js";
import type { Guests } from "../guests.js";
import { Shape } from "../plan.js";
import type { WorkMeter } from "../work-meter.js";
import type { SimulationConfig } from "./config.js";
import type { Ledger } from "./ledger.js";
import type { OperationTime } from "./operation-time.js";
import type { Thread } from "./thread.js";

/** The fault path's work under the MMU lock and before it, and its durations. */
export class Operations {
  constructor(
    private readonly config: SimulationConfig,
    private readonly guests: Guests,
    private readonly ledger: Ledger,
    private readonly time: OperationTime,
  ) {}

  /** From the abort to the request for the lock, without exit path and clean; ns. */
  handlerNs(activity: Activity): number {
    return this.time.handlerNs(activity);
  }

  /** The thread has the lock from `atNs` on: runs its operations, with each store logged at its future time. */
  begin({ episode, hold }: Thread, activity: Activity, atNs: number): void {
    const guest = this.guests.of(activity.vm);
    guest.begin(activity.line);
    hold.firstOperation = guest.log.operations + 1;
    hold.hasStored = false;
    episode.lockedNs = atNs;
    let clock = atNs + this.cleanFirst(episode, activity);
    for (let n = 0; n < activity.operationCount; n++) {
      const shape = guest.shapeOf(activity.operation(n));
      // Only a leaf that already exists permits the access before the operation.
      if (episode.isFault && n === 0) settleCause(episode, shape, isMappedBefore(shape, activity, guest));
      clock = this.run(episode, activity, n, shape, guest, clock);
      if (guest.meter.counts[Charge.pteStore] !== 0) hold.hasStored = true;
    }
    hold.lastOperation = guest.log.operations;
    hold.ns = clock - atNs;
    hold.flushedNs = Math.round(guest.meter.flushedAtNs);
  }

  /** @returns when the operation ends */
  private run(
    episode: Episode,
    activity: Activity,
    n: number,
    shape: Shape,
    guest: Guest,
    atNs: number,
  ): number {
    const { meter } = guest;
    const endNs = this.time.run(episode, activity, n, shape, guest, atNs);
    if (shape === Shape.split) episode.splits++;
    if (meter.windows > 0) {
      episode.windows += meter.windows;
      episode.brokenNs = meter.brokenAtNs;
      episode.installedNs = meter.installedAtNs;
    }
    if (!Number.isNaN(meter.lastFreeAtNs)) noteTeardown(episode, meter);
    this.ledger.work(episode, guest, shape, activity.operation(n).bytes);
    return endNs;
  }

  /** The fault path's own clean, under the lock and before the walk, if the strategy has one. @returns its time */
  private cleanFirst(episode: Episode, activity: Activity): number {
    const { config } = this;
    if (!config.strategy.faultPathCleans || config.fwb || !episode.isFault) return 0;
    const operation = activity.operation(0);
    if (operation.kind !== OperationKind.map || episode.faultClass !== FaultClass.translation) return 0;
    const ns = this.time.cleanNs(activity) * config.scale.of(Cost.clean);
    this.ledger.clean(episode, ns, operation.bytes, this.time.knowsClean);
    return ns;
  }

  /** The thread has no CPU from `sinceNs` on: the times of its later stores are unknown. */
  interrupt(activity: Activity, { hold }: Thread, sinceNs: number): void {
    this.guests.of(activity.vm).log.suspend(hold.firstOperation, hold.lastOperation, sinceNs);
  }

  /** The thread resumes, `byNs` later. */
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

/** Notes the tear-down of a walk that has freed tables. */
function noteTeardown(episode: Episode, { firstPutAtNs, lastFreeAtNs }: WorkMeter): void {
  if (Number.isNaN(episode.teardownNs))
    episode.teardownNs = Number.isNaN(firstPutAtNs) ? lastFreeAtNs : firstPutAtNs;
  episode.tornDownNs = lastFreeAtNs;
}
