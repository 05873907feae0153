import { type Activity, ActivityKind, type Operation, OperationKind } from "../activity/activity.js";
import type { Barrier } from "../activity/epoch.js";
import { FaultClass, faultClass, faultLevel } from "../stage2/esr.js";
import { chargeKinds } from "../stage2/meter.js";
import { isValid } from "../stage2/pte.js";
import { Errno, type Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import { Guest } from "./guest.js";
import { Plan, type Shape, Shape as Shapes } from "./plan.js";
import { SlotFlag } from "./slot-flags.js";
import type { TraceTiming } from "./trace-timing.js";

/**
 * The tables as the recorded operations left them, in recorded order and without time. It tells how much work
 * each recorded operation was, and what the trace only implies about tables that existed before it began.
 */
export class Reference {
  /** Entries and tables that only a fault's own status told. */
  inferredEntries = 0;
  /** Coalesces over subtrees whose population the trace does not show. */
  unknownSubtrees = 0;
  private readonly guests = new Map<number, Guest>();
  private readonly plan = new Plan();
  /** In the epoch under way. */
  private hasSplits = false;

  constructor(
    private readonly config: () => Stage2Config,
    private readonly strategy: Strategy,
    private readonly timing: Pick<TraceTiming, "learn" | "learnBefore" | "learnClean">,
    /** CPU times are the threads' own, contended or not. */
    private readonly sharedCpu: boolean,
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
    if (isFault && activity.operationCount === 1) this.infer(guest, activity);
    const shape = guest.shapeOf(operation);
    if (shape === Shapes.coalesce && !guest.shapeIsKnown) this.unknownSubtrees++;
    operation.splitLevel = guest.shapeLevel;
    // Under the read lock who loses returns first: what it asked for is the winner's work, which is still to come.
    if (
      this.strategy.lockRegime === "shared" &&
      operation.ret === Errno.EAGAIN &&
      shape !== Shapes.unchanged
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
    if (!isUsable) return;
    this.timing.learn(operation);
    const beforeNs = operation.startNs - activity.startNs;
    const isAlone = this.sharedCpu ? beforeNs === activity.beforeCpuNs : !activity.contended;
    if (isFault && operation.kind === OperationKind.map && activity.operationCount === 1)
      this.timing.learnClean(operation.bytes, beforeNs, operation.startNs - operation.heldUntilNs);
    if (isFault && isAlone && operation.kind === OperationKind.map && activity.operationCount === 1)
      this.timing.learnBefore(operation.bytes, activity.beforeCpuNs);
  }

  /** An activity ended. Fills in what had to happen before it. */
  activity(activity: Activity): void {
    const guest = this.guests.get(activity.vm);
    if (guest === undefined) return;
    if (this.hasSplits && activity.kind === ActivityKind.fault)
      activity.splitsBefore = guest.splits.by(activity.ipa, activity.startNs);
    // Noted where the replays note them, at the activity's end: one that ends behind a barrier is of the epoch there.
    if (guest.splits.note(activity)) activity.hasSplit = this.hasSplits = true;
  }

  barrier(barrier: Barrier): void {
    this.hasSplits = false;
    for (const guest of this.guests.values()) {
      guest.splits.clear();
      if (barrier.tablesUnknown) guest.meter.flags.forget();
    }
  }

  /** Tells from a fault's own status what the table held, where nothing replayed so far says so. */
  private infer(guest: Guest, activity: Activity): void {
    const level = faultLevel(activity.esr);
    const expected = guest.access(activity, 0);
    const { seen } = guest;
    if ((guest.meter.flags.of(seen.slot) & SlotFlag.known) !== 0 || seen.slot < 0) return;
    const recorded = faultClass(activity.esr);
    const { granule } = guest.stage2.table;
    if (level < granule.startLevel || level > 3) return;
    if (recorded === FaultClass.translation) {
      if (level === seen.level && !isValid(seen.lo)) return;
      activity.inferredInvalid = level;
    } else if (recorded === FaultClass.permission && granule.allowsLeafAt(level)) {
      if (expected === recorded && level === seen.level) return;
      activity.inferredLeaf = level;
    } else return;
    this.inferredEntries++;
    guest.infer(activity);
  }

  private guest(vm: number): Guest {
    let guest = this.guests.get(vm);
    if (guest === undefined) {
      guest = new Guest(this.config(), this.strategy, false);
      this.guests.set(vm, guest);
    }
    return guest;
  }
}

/** Whether what the recorded walker answered agrees with what this table says it did. */
function isCredible(operation: Operation, shape: Shape): boolean {
  if (operation.kind !== OperationKind.map) return true;
  if (operation.ret !== 0 && operation.ret !== Errno.EAGAIN) return false;
  return operation.ret === 0 || shape === Shapes.unchanged;
}
