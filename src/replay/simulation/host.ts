import { type Activity, ActivityKind, isFaultPath, OperationKind } from "../../activity/activity.js";
import type { SlotChange, VmMemory } from "../../activity/vm.js";
import { FaultClass, faultClass, isGuestTableWalk } from "../../stage2/esr.js";
import { Charge, chargeKinds } from "../../stage2/meter.js";
import { causeSeen, isMappedBefore, loseRace, settleCause } from "../cause.js";
import { Cost } from "../counters.js";
import { Guest, HIT } from "../guest.js";
import { costOfCharge, Plan, Shape } from "../plan.js";
import { hearsEach, type Observer, type RunConfig } from "../run-config.js";
import type { WorkMeter } from "../work-meter.js";
import type { EndedEpoch } from "./epoch-clock.js";
import { MmuLock } from "./lock.js";
import type { ReplayThread } from "./replay-thread.js";

/** The host's side of one replay: what KVM does for an access, an abort and an operation, and what that costs. */
export class Host {
  /** By VM index + 1: activities whose VM is not known share the first. */
  private readonly guests: (Guest | undefined)[] = [];
  private readonly locks: MmuLock[] = [];
  private readonly plan = new Plan();
  private epochFaults = 0;
  /** Each fault is told of, with what is mapped by then. */
  private readonly isWatched: boolean;
  /** Somebody is told of episodes, and with them of what each cost. */
  private readonly tellsCosts: boolean;

  constructor(
    private readonly config: RunConfig,
    observer: Observer | undefined,
  ) {
    this.isWatched = hearsEach(observer);
    this.tellsCosts = observer?.ended !== undefined;
  }

  memory(vm: number): VmMemory {
    return this.guest(vm).memory;
  }

  lock(vm: number): MmuLock {
    for (let known = this.locks.length; known <= vm + 1; known++)
      this.locks.push(new MmuLock(this.config.scale.locksAreFree, this.config.claimsLate));
    return this.locks[vm + 1] as MmuLock;
  }

  changeSlot(vm: number, change: SlotChange): void {
    this.guest(vm).memory.change(change);
  }

  /** A barrier: all of the epoch is done. */
  passBarrier(): void {
    for (const guest of this.guests) guest?.splits.clear();
  }

  /** Whether a block around the access had been split in the record, and has not been here. */
  isAhead(activity: Activity): boolean {
    if (activity.splitsBefore === 0) return false;
    return this.guest(activity.vm).splits.by(activity.ipa, Number.POSITIVE_INFINITY) < activity.splitsBefore;
  }

  /** The activity's splits are done, or were not needed. */
  noteSplits(activity: Activity): void {
    this.guest(activity.vm).splits.note(activity);
  }

  /** From here on the tables may be anything: tracing was off, or events were lost. */
  forget(): void {
    for (const guest of this.guests) guest?.meter.flags.forget();
  }

  /** Whether the activity holds the lock for read: a fault, where the strategy's faults do, or nobody excludes anybody. */
  sharesLock(activity: Activity): boolean {
    const { strategy, scale } = this.config;
    if (strategy.lockRegime === "exclusive" && !scale.locksAreFree) return false;
    return isFaultPath(activity);
  }

  /** Until when a fault that holds the lock for read finds its entry taken by another one; at most `atNs`: it does not. */
  takenUntilNs(activity: Activity, atNs: number): number {
    return this.guest(activity.vm).takenUntilNs(activity, atNs);
  }

  /** The guest tries its access again. @returns whether it goes through now */
  retries(activity: Activity, atNs: number): boolean {
    return this.guest(activity.vm).access(activity, atNs) === HIT;
  }

  /** The guest attempts its access. @returns whether it faults; the thread has why */
  attempt(thread: ReplayThread, activity: Activity, atNs: number): boolean {
    const { config } = this;
    const { counters } = config;
    const guest = this.guest(activity.vm);
    if (activity.hasInference) guest.infer(activity);
    // A replay that shares the CPUs itself has its own turns between an access and its abort.
    const leadNs = Number.isFinite(config.pcpus) ? 0 : activity.leadNs;
    const answer = guest.access(activity, atNs - leadNs);
    if (thread.counted && !activity.isSynthetic) counters.recorded += activity.laps;
    thread.faultClass = answer;
    thread.faultLevel = guest.seen.level;
    if (answer === HIT) {
      if (thread.counted && !activity.isSynthetic) counters.avoided += activity.laps;
      return false;
    }
    thread.cause = causeSeen(guest, thread.faultClass, activity, atNs);
    thread.handlerNs = this.handlerNs(activity);
    return true;
  }

  /** The activity's own time from its last operation's return to the guest. */
  tailNs(activity: Activity): number {
    return activity.afterCpuNs * this.config.scale.of(Cost.handler);
  }

  /** The thread got the lock at `atNs`: its operations run. Fills in when the hold ends, if nothing interrupts it. */
  beginHold(thread: ReplayThread, activity: Activity, atNs: number): void {
    const guest = this.guest(activity.vm);
    const { config, plan } = this;
    const isFault = activity.kind === ActivityKind.fault;
    guest.begin(activity.line);
    thread.firstOperation = guest.log.operations + 1;
    thread.lockedNs = atNs;
    thread.windows = thread.splits = 0;
    thread.teardownNs = thread.tornDownNs = Number.NaN;
    thread.hasStored = false;
    let clock = atNs + (isFault ? this.cleanFirst(thread, activity) : 0);
    let shape: Shape = Shape.other;
    let isMapped = false;
    for (let n = 0; n < activity.operationCount; n++) {
      const operation = activity.operation(n);
      const itsShape = guest.shapeOf(operation);
      if (n === 0) {
        shape = itsShape;
        // Only a leaf that is there already lets the access through before the operation.
        isMapped = isFault && isMappedBefore(shape, activity, guest);
      }
      config.timing.plan(plan, itsShape, operation, config.units);
      if (!config.scale.isWhole) plan.scale(config.scale, itsShape);
      guest.meter.begin(clock, plan, operation.kind === OperationKind.map);
      guest.run(operation);
      clock = guest.meter.atNs + plan.afterNs;
      thread.lastOperation = guest.log.operations;
      thread.windows += guest.meter.windows;
      if (guest.meter.counts[Charge.pteStore] !== 0) thread.hasStored = true;
      if (itsShape === Shape.split) thread.splits++;
      thread.brokenAtNs = guest.meter.brokenAtNs;
      thread.installedAtNs = guest.meter.installedAtNs;
      if (!Number.isNaN(guest.meter.lastFreeAtNs)) noteTeardown(thread, guest.meter, clock);
      if (thread.counted) {
        this.account(thread, guest, itsShape, isFault);
        if (itsShape === Shape.coalesce && !config.fwb && !config.strategy.faultPathCleans)
          config.counters.noteUnclean(guest.meter.counts, operation.bytes, guest.pageBytes);
      }
      if (operation.kind === OperationKind.destroy) this.guests[activity.vm + 1] = undefined;
    }
    thread.holdNs = clock - atNs;
    thread.flushedNs = config.waitersSleep ? Math.round(guest.meter.flushedAtNs) : Number.NaN;
    if (isFault) settleCause(thread, shape, isMapped);
  }

  /** The thread has no CPU from `sinceNs` on: its further stores are to come some time. */
  interrupt(thread: ReplayThread, sinceNs: number): void {
    const { log } = this.guest((thread.activity as Activity).vm);
    log.suspend(thread.firstOperation, thread.lastOperation, sinceNs);
  }

  /** It goes on, `byNs` later. */
  resume(thread: ReplayThread, sinceNs: number, byNs: number): void {
    const { log } = this.guest((thread.activity as Activity).vm);
    log.resume(thread.firstOperation, thread.lastOperation, byNs);
    this.delayEdges(thread, sinceNs, byNs);
  }

  private delayEdges(thread: ReplayThread, sinceNs: number, byNs: number): void {
    if (thread.brokenAtNs > sinceNs) thread.brokenAtNs += byNs;
    if (thread.installedAtNs > sinceNs) thread.installedAtNs += byNs;
    if (thread.teardownNs > sinceNs) thread.teardownNs += byNs;
    if (thread.tornDownNs > sinceNs) thread.tornDownNs += byNs;
  }

  endHold(thread: ReplayThread, activity: Activity, atNs: number, tailNs: number): void {
    const guest = this.guest(activity.vm);
    if (guest.end(thread.counted)) this.config.counters.addWork(guest.meter.counts);
    if (thread.windows > 0 && thread.counted)
      this.config.counters.window(thread.installedAtNs - thread.brokenAtNs, false);
    if (activity.kind === ActivityKind.fault) this.countFault(thread, activity, atNs + tailNs);
  }

  /** Another fault's operation has made the access possible: it went through when it was tried again. */
  endRetried(thread: ReplayThread, activity: Activity, atNs: number): void {
    thread.holdNs = 0;
    loseRace(thread);
    this.countFault(thread, activity, atNs);
  }

  /** An abort that the trace shows no operation for: the handler ran, and found nothing to map. */
  endWithoutOperation(thread: ReplayThread, activity: Activity, atNs: number): void {
    thread.holdNs = 0;
    this.countFault(thread, activity, atNs);
  }

  /** Faults that were taken as done (see Lockstep). */
  addEpochFaults(faults: number): void {
    this.epochFaults += faults;
  }

  closeEpoch(epoch: EndedEpoch): void {
    this.config.counters.closeEpoch(epoch, this.epochFaults);
    this.epochFaults = 0;
  }

  guest(vm: number): Guest {
    return this.guests[vm + 1] ?? this.newGuest(vm);
  }

  /** Bytes mapped in the VM by leaves of each level, or undefined where nobody counts them. */
  mappedBytes(vm: number, level: number): number {
    const { meter, stage2 } = this.guest(vm);
    return (meter.leaves?.[level] ?? 0) * stage2.table.granule.bytesAt(level);
  }

  private newGuest(vm: number): Guest {
    const { stage2, strategy, sanitizers } = this.config;
    const guest = new Guest(stage2(), strategy, sanitizers !== undefined);
    if (this.isWatched) guest.meter.countLeaves();
    if (guest.sanitizer !== undefined) sanitizers?.push(guest.sanitizer);
    while (this.guests.length <= vm + 1) this.guests.push(undefined);
    this.guests[vm + 1] = guest;
    return guest;
  }

  /**
   * Exit path apart, the time from the abort to the request for the lock. What the trace gives up to the map
   * holds the wait too where waiters keep their CPU: then the median of uncontended faults is taken.
   */
  private handlerNs(activity: Activity): number {
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

  /** The fault path's own clean, under the lock and before the walk, where the strategy has one. @returns its time */
  private cleanFirst(thread: ReplayThread, activity: Activity): number {
    const { config } = this;
    const operation = activity.operation(0);
    if (!config.strategy.faultPathCleans || config.fwb || thread.faultClass !== FaultClass.translation)
      return 0;
    if (operation.kind !== OperationKind.map) return 0;
    const recordedNs = this.recordedCleanNs(activity);
    const cleanNs = recordedNs > 0 ? recordedNs : config.timing.cleanNs(operation.bytes);
    const ns = cleanNs * config.scale.of(Cost.clean);
    if (thread.counted) {
      this.spend(thread, Cost.clean, ns, config.timing.knowsClean ? 1 : 0);
      config.counters.charge(Charge.cleanByte, operation.bytes);
    }
    return ns;
  }

  private account(thread: ReplayThread, guest: Guest, shape: Shape, isStall: boolean): void {
    const { plan } = this;
    const { counts, windows } = guest.meter;
    for (let kind = 0; kind < chargeKinds; kind++) {
      const n = counts[kind] as number;
      if (n === 0) continue;
      this.config.counters.charge(kind, n);
      // Visits up to the break are in the time before it.
      const timed = kind === Charge.entryVisit && plan.reachesBreak ? n - guest.meter.visitsToBreak : n;
      const ns = timed * (plan.unitNs[kind] as number);
      if (ns !== 0) this.spend(thread, costOfCharge(kind, shape), ns, plan.recorded[kind] as number, isStall);
    }
    const fixedNs = plan.beforeNs + plan.afterNs + (windows > 0 ? plan.installNs : 0);
    this.spend(thread, Cost.walk, fixedNs, plan.fixedRecorded ? 1 : 0, isStall);
  }

  /** Time of the thread's; as part of a guest's stall it is the result's too. */
  private spend(thread: ReplayThread, cost: number, ns: number, recordedShare: number, isStall = true): void {
    if (this.tellsCosts) thread.costNs[cost] = (thread.costNs[cost] as number) + ns;
    if (isStall) this.config.counters.spend(cost, ns, recordedShare);
  }

  private countFault(thread: ReplayThread, activity: Activity, endNs: number): void {
    const stallNs = endNs - thread.accessNs;
    const { lockWaitNs } = thread;
    if (!thread.counted) return;
    if (activity.isSynthetic) this.config.counters.ofRuns += thread.laps;
    this.epochFaults += thread.laps;
    const { counters } = this.config;
    if (!activity.isSynthetic) counters.avoided += Math.max(0, activity.laps - thread.laps);
    const handlerNs = thread.handlerNs + this.tailNs(activity);
    counters.fault(thread.faultClass, thread.cause, thread.laps, isGuestTableWalk(activity.esr));
    this.spend(thread, Cost.exit, thread.exitNs, 0);
    this.spend(thread, Cost.handler, handlerNs, activity.isSynthetic ? 0 : 1);
    this.spend(thread, Cost.lockWait, lockWaitNs, 0);
    this.spend(thread, Cost.retry, thread.retryNs, 0);
    const workNs = thread.exitNs + handlerNs + thread.retryNs + thread.holdNs;
    this.spend(thread, Cost.cpuWait, Math.max(0, stallNs - lockWaitNs - workNs), 0);
    counters.stall(stallNs);
  }
}

/** The walk that has just ended at `endNs` freed tables. A recorded hold may end before the profile's costs do. */
function noteTeardown(thread: ReplayThread, { firstPutAtNs, lastFreeAtNs }: WorkMeter, endNs: number): void {
  const sinceNs = Number.isNaN(firstPutAtNs) ? lastFreeAtNs : firstPutAtNs;
  if (sinceNs >= endNs) return;
  if (Number.isNaN(thread.teardownNs)) thread.teardownNs = sinceNs;
  thread.tornDownNs = Math.min(lastFreeAtNs, endNs);
}
