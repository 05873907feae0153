import { type Activity, ActivityKind, type Operation, OperationKind } from "../activity/activity.js";
import type { Barrier } from "../activity/epoch.js";
import { chargeKinds } from "../stage2/meter.js";
import { Errno, type Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import { Guest } from "./guest.js";
import { Plan, Shape } from "./plan.js";

/**
 * The tables as the recorded operations left them, in recorded order and without time. It determines the work of each
 * recorded operation, and what the trace only implies about tables that existed before it began.
 */
export class Reference {
  /** Entries and tables known only from a fault's own status. */
  inferredEntries = 0;
  /** Coalesces over subtrees whose contents the trace does not show. */
  unknownSubtrees = 0;
  private readonly guests = new Map<number, Guest>();
  private readonly plan = new Plan();

  constructor(
    private readonly config: Stage2Config,
    private readonly strategy: Strategy,
  ) {}

  /** An operation returned. Fills in its shape and work. */
  operation(activity: Activity, operation: Operation): void {
    if (activity.vm < 0) return;
    if (operation.kind === OperationKind.destroy) {
      this.guests.delete(activity.vm);
      return;
    }
    const guest = this.guest(activity.vm);
    const isFault = activity.kind === ActivityKind.fault;
    if (isFault && activity.operationCount === 1 && guest.learn(activity, 0)) this.inferredEntries++;
    const shape = guest.shapeOf(operation);
    if (shape === Shape.coalesce && !guest.shapeIsKnown) this.unknownSubtrees++;
    operation.splitLevel = guest.shapeLevel;
    // Under the read lock the loser of a race returns first: the winner's work, which it asked for, is yet to come.
    if (
      this.strategy.lockRegime === "shared" &&
      operation.ret === Errno.EAGAIN &&
      shape !== Shape.unchanged
    ) {
      operation.shape = -1;
      return;
    }
    guest.meter.begin(0, this.plan, operation.kind === OperationKind.map);
    guest.run(operation);
    const isUsable = isCredible(operation, shape);
    operation.shape = isUsable ? shape : -1;
    if (isUsable) {
      operation.work ??= new Float64Array(chargeKinds);
      operation.work.set(guest.meter.counts);
      operation.visitsToBreak = guest.meter.visitsToBreak;
    }
    guest.stage2.endOperation();
  }

  barrier(barrier: Barrier): void {
    if (barrier.tablesUnknown) for (const guest of this.guests.values()) guest.meter.flags.forget();
  }

  private guest(vm: number): Guest {
    let guest = this.guests.get(vm);
    if (guest === undefined) {
      guest = new Guest(this.config, this.strategy, false);
      this.guests.set(vm, guest);
    }
    return guest;
  }
}

/** Whether the recorded return value agrees with the work that this table shows; false for an unknown shape (-1). */
export function isCredible({ kind, ret }: Operation, shape: number): boolean {
  if (shape < 0) return false;
  if (kind !== OperationKind.map) return true;
  if (ret !== 0 && ret !== Errno.EAGAIN) return false;
  return ret === 0 || shape === Shape.unchanged;
}
