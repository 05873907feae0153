import { ZERO } from "../double.js";
import { type EventBatch, Kind, NO_RET, NONE, Phase, type StringTable } from "../trace/event.js";
import { isRunnable } from "../trace/task-state.js";
import { AbortCount } from "./abort-count.js";
import { type Activity, ActivityKind, ActivityPool, type Operation, OperationKind } from "./activity.js";
import type { Barrier, BarrierCause } from "./epoch.js";
import { Identity } from "./identity.js";
import { Laps } from "./laps.js";
import { isMmioExit, MmioRule, mmioRule } from "./mmio.js";
import { CpuClock, type Thread, ThreadWork } from "./thread.js";
import type { SlotChange } from "./vm.js";
import type { Vm } from "./vm-table.js";

/** Receives the fold's results in trace order: an activity when it ends, a barrier when it is reached. */
export interface ActivitySink {
  /**
   * Called when `operation` returned, so in the order in which operations end; under an exclusive lock this is the
   * order in which they held it. `activity` is not finished yet.
   */
  operation(activity: Activity, operation: Operation): void;
  activity(activity: Activity): void;
  barrier(barrier: Barrier): void;
}

export interface FoldOptions {
  /** All vCPUs share one physical CPU. */
  readonly sharedCpu: boolean;
  /** A silence of this length cuts the trace; ns. */
  readonly epochGapNs: number;
  readonly pageBytes: number;
}

/** Operation kind by the event kind of its entry, and of its return; else -1. */
const entryOf = new Int8Array(64).fill(-1);
const returnOf = new Int8Array(64).fill(-1);
for (const [entry, ret, operation] of [
  [Kind.s2_map, Kind.s2_map_ret, OperationKind.map],
  [Kind.s2_unmap, Kind.s2_unmap_ret, OperationKind.unmap],
  [Kind.s2_wrprotect, Kind.s2_wrprotect_ret, OperationKind.writeProtect],
  [Kind.s2_flush, Kind.s2_flush_ret, OperationKind.flush],
  [Kind.s2_relax_perms, Kind.s2_relax_perms_ret, OperationKind.relaxPerms],
  [Kind.s2_mkyoung, -1, OperationKind.makeYoung],
  [Kind.s2_split, Kind.s2_split_ret, OperationKind.split],
  [Kind.s2_destroy, Kind.s2_destroy_ret, OperationKind.destroy],
] as const) {
  entryOf[entry] = operation;
  if (ret >= 0) returnOf[ret] = operation;
}

/** Folds events into activities and barriers in one pass; its state grows only with threads and VMs. */
export class ActivityFold {
  readonly pool = new ActivityPool();
  readonly threads: readonly Thread[];
  /** Episodes with an entry that has no return, a return that has no entry, or events lost in the middle. */
  incompleteEpisodes = 0;
  /** Time up to which every event has been folded. */
  foldedNs = ZERO;

  private readonly identity: Identity;
  private readonly aborts: AbortCount;
  private readonly laps: Laps;
  private readonly returnSeen = new Uint8Array(16);
  private readonly clock: CpuClock;
  private sequence = 0;
  /** The trace has map operations, so they were probed. */
  mapsSeen = false;
  /** The trace shows when threads had a CPU. */
  hasSwitches = false;
  private epoch = 0;
  private epochNs = ZERO;
  private lastEndNs = ZERO;

  constructor(
    private readonly options: FoldOptions,
    private readonly strings: StringTable,
    private readonly sink: ActivitySink,
  ) {
    this.identity = new Identity(strings, {
      left: (thread) => this.abandon(thread, this.foldedNs),
      moved: (from, to) => this.moveEpisode(from, to),
      merged: (from, to) => this.mergeMemory(from, to),
    });
    this.threads = this.identity.threads;
    this.aborts = new AbortCount(this.threads, this.vms);
    this.laps = new Laps(this.pool, this.aborts, (activity) => this.deliver(activity));
    this.clock = new CpuClock(options.sharedCpu, Kind.kvm_guest_fault, Kind.s2_map);
  }

  get vcpus(): number {
    return this.threads.reduce((sum, thread) => sum + (thread.isVcpu ? 1 : 0), 0);
  }

  get vms(): readonly Vm[] {
    return this.identity.vms.all;
  }

  /** Display names of the VMs, by index. */
  get vmNames(): readonly string[] {
    return this.identity.vms.names;
  }

  /** Aborts that were not memory faults, by MmioRule. */
  get mmioAborts(): Float64Array {
    return this.aborts.mmioAborts;
  }

  /** VMs that took a fault. */
  get vmsWithFaults(): number {
    return this.identity.vms.withFaults;
  }

  /** Folds rows [from, end). */
  fold(batch: EventBatch, from = 0, end = batch.count): void {
    for (let i = from; i < end; i++) {
      const atNs = batch.atNs[i] as number;
      if ((batch.kind[i] as number) >= Kind.sched_switch) {
        if (!this.options.sharedCpu) this.reschedule(batch, i, atNs);
        continue;
      }
      this.laps.expire(this.threads, atNs);
      if (atNs - this.foldedNs >= this.options.epochGapNs) this.cut("silence", atNs, undefined, false);
      this.foldedNs = atNs;
      const kind = batch.kind[i] as number;
      const thread = this.identity.threadOf(batch, i);
      thread.away.forget();
      this.clock.advance(thread, kind, atNs, this.epoch, this.epochNs);
      if (Number.isNaN(thread.firstNs)) thread.firstNs = atNs;
      const { open } = thread;
      if (open !== undefined && atNs - thread.lastNs < open.lineNs) open.lineNs = atNs - thread.lastNs;
      thread.lastNs = atNs;
      thread.lastCpu = batch.cpu[i] as number;
      this.event(thread, kind, atNs, batch, i);
    }
  }

  /** A sched event only shows when threads had a CPU: it is not an event of its thread, and does not advance time. */
  private reschedule(batch: EventBatch, i: number, atNs: number): void {
    const other = this.identity.known(batch.slot[i] as number)?.away;
    if (batch.kind[i] === Kind.sched_waking) {
      other?.wake(atNs);
      return;
    }
    this.hasSwitches = true;
    const state = batch.text[i] as number;
    if (state !== NONE)
      this.identity.known(batch.pid[i] as number)?.away.leave(atNs, isRunnable(this.strings.text(state)));
    other?.come(atNs);
  }

  /** All activities that start before this time have been delivered. */
  frontierNs(): number {
    let frontier = this.foldedNs;
    for (const thread of this.threads) {
      if (thread.open !== undefined && thread.open.startNs < frontier) frontier = thread.open.startNs;
      if (thread.pending !== undefined && thread.pending.startNs < frontier)
        frontier = thread.pending.startNs;
    }
    return frontier;
  }

  /** Shortest time between two events of one thread: the cost of recording a line inside an interval; ns. */
  get lineNs(): number {
    return this.clock.lineNs;
  }

  /** Ends the trace: closes what is open and delivers a last barrier. */
  finish(): void {
    for (const thread of this.threads) {
      if (thread.open !== undefined) this.abandon(thread, this.foldedNs);
    }
    this.cut("end", this.foldedNs, undefined, false);
  }

  private event(thread: Thread, kind: number, atNs: number, batch: EventBatch, i: number): void {
    const entry = entryOf[kind] as number;
    if (entry >= 0) {
      this.beginOperation(thread, entry as OperationKind, atNs, batch, i);
      return;
    }
    const ret = returnOf[kind] as number;
    if (ret >= 0) {
      this.returnSeen[ret] = 1;
      this.endOperation(thread, ret as OperationKind, atNs, batch.ret[i] as number);
      return;
    }
    switch (kind) {
      case Kind.s2_abort:
        if (thread.open !== undefined) this.abandon(thread, atNs);
        this.beginEpisode(thread, atNs, batch, i);
        thread.sawAbort = true;
        return;
      case Kind.kvm_guest_fault:
        this.guestFault(thread, atNs, batch, i);
        return;
      case Kind.s2_abort_ret:
        if (thread.open?.kind === ActivityKind.fault) this.endEpisode(thread, atNs, batch.ret[i] as number);
        else this.incompleteEpisodes++;
        return;
      case Kind.kvm_entry:
        this.guestSide(thread);
        if (thread.open?.kind === ActivityKind.fault) this.endEpisode(thread, atNs, NO_RET);
        return;
      case Kind.s2_break:
        if (thread.operation !== undefined) this.meetBreak(thread, thread.operation, atNs);
        return;
      case Kind.s2_install:
        this.install(thread, atNs);
        return;
      case Kind.kvm_exit:
        this.guestSide(thread);
        return;
      case Kind.kvm_userspace_exit:
        if (thread.open?.kind === ActivityKind.fault && batch.text[i] !== NONE)
          thread.leftToVmm = isMmioExit(this.strings.text(batch.text[i] as number));
        return;
      case Kind.kvm_unmap_hva_range:
      case Kind.kvm_age_hva:
        thread.did |= ThreadWork.notifier;
        return;
      case Kind.s2_teardown:
        thread.did |= ThreadWork.teardown;
        thread.teardownCpuNs = thread.cpuNs;
        return;
      case Kind.s2_teardown_ret:
        if (thread.vm >= 0 && !Number.isNaN(thread.teardownCpuNs))
          this.vm(thread).teardownNs.push(thread.cpuNs - thread.teardownCpuNs);
        thread.teardownCpuNs = Number.NaN;
        return;
      case Kind.tlb_vmid:
      case Kind.tlb_ipa:
      case Kind.tlb_range:
        thread.did |= ThreadWork.tlbi;
        if (kind === Kind.tlb_ipa && thread.operation !== undefined)
          this.flushByIpa(thread, thread.operation, atNs, batch.level[i] as number);
        this.identity.invalidates(thread, batch.pgt[i] as number);
        return;
      case Kind.tlb_vmid_ret:
        if (thread.operation !== undefined && Number.isNaN(thread.operation.toFlushedNs))
          thread.operation.toFlushedNs = thread.cpuNs - thread.operationCpuNs;
        return;
      case Kind.memslot:
        this.resolveSlotChange(thread, atNs);
        thread.did |= ThreadWork.memslot;
        thread.slotKvm = batch.pgt[i] as number;
        thread.slotChange = {
          slot: batch.slot[i] as number,
          start: batch.addr[i] as number,
          bytes: Number.isNaN(batch.size[i] as number) ? 0 : (batch.size[i] as number),
          logging: ((batch.prot[i] as number) & 1) === 1,
          pageBytes: batch.phys[i] as number,
        };
        return;
      case Kind.memslot_ret:
        if ((batch.ret[i] as number) < 0 && batch.ret[i] !== NO_RET) thread.slotChange = undefined;
        this.resolveSlotChange(thread, atNs);
        return;
      case Kind.marker: {
        thread.did |= ThreadWork.marker;
        const phase = batch.phase[i];
        const label = this.strings.text(batch.text[i] as number);
        if (phase === Phase.end) this.cut("marker", atNs, undefined, true);
        else this.cut("marker", atNs, label, false);
        return;
      }
      case Kind.gap:
        this.gap(atNs, batch.amount[i] as number);
        return;
      case Kind.lost_events:
        this.loss(batch.slot[i] as number, atNs);
        return;
      case Kind.guest_access:
      case Kind.guest_access_run:
        this.accessRun(thread, atNs, batch, i);
        return;
    }
  }

  private guestSide(thread: Thread): void {
    thread.isVcpu = true;
    thread.did |= ThreadWork.entry;
  }

  private beginEpisode(thread: Thread, atNs: number, batch: EventBatch, i: number): void {
    this.resolveSlotChange(thread, atNs);
    this.identity.beginEpisode(thread);
    this.begin(thread, ActivityKind.fault, atNs, batch, i);
    thread.did |= ThreadWork.fault;
    if (Number.isNaN(thread.firstFaultNs)) thread.firstFaultNs = atNs;
    thread.sawAbort = false;
    thread.sawGuestFault = false;
    thread.leftToVmm = false;
    if (thread.vm >= 0) this.identity.joinEpisodes(thread, thread.vm);
  }

  private begin(thread: Thread, kind: ActivityKind, atNs: number, batch: EventBatch, i: number): Activity {
    const activity = this.pool.take();
    activity.kind = kind;
    activity.thread = thread.index;
    activity.vm = thread.vm;
    activity.line = batch.line[i] as number;
    activity.startNs = atNs;
    // Its end is its start until a later event of it is seen.
    activity.endNs = atNs;
    activity.ipa = 0;
    activity.epoch = this.epoch;
    thread.open = activity;
    thread.openEpoch = this.epoch;
    thread.startCpuNs = thread.cpuNs;
    thread.startSleptNs = thread.away.sleptNs;
    activity.abortOffNs = thread.away.totalNs;
    activity.preemptedNs = -thread.away.preemptedNs;
    thread.operation = undefined;
    thread.operationEndCpuNs = Number.NaN;
    if (thread.endEpoch === this.epoch) {
      activity.thinkNs = atNs - thread.endNs;
      activity.thinkCpuNs = thread.cpuNs - thread.endCpuNs;
      activity.thinkOffNs = activity.abortOffNs - thread.endOffNs;
      activity.thinkSleptNs = thread.startSleptNs - thread.endSleptNs;
      activity.followsFault = thread.endedFault;
    } else {
      activity.thinkNs = atNs - this.epochNs;
      activity.thinkCpuNs = thread.cpuNs - thread.cpuAtEpochNs;
      activity.thinkOffNs = activity.abortOffNs - thread.away.epochTotalNs;
      activity.thinkSleptNs = thread.startSleptNs - thread.away.epochSleptNs;
    }
    return activity;
  }

  private guestFault(thread: Thread, atNs: number, batch: EventBatch, i: number): void {
    if (thread.open !== undefined && !(thread.sawAbort && !thread.sawGuestFault)) {
      // Without s2_abort_ret and kvm_entry, the next fault ends an episode.
      if (thread.open.kind === ActivityKind.fault && thread.operation === undefined && !thread.sawAbort)
        this.endEpisode(thread, thread.open.endNs, NO_RET);
      else this.abandon(thread, atNs);
    }
    if (thread.open === undefined) this.beginEpisode(thread, atNs, batch, i);
    const activity = thread.open as unknown as Activity;
    thread.sawGuestFault = true;
    const page = batch.addr[i] as number;
    activity.esr = batch.esr[i] as number;
    activity.ipa = page;
    activity.endNs = atNs;
    this.laps.meet(thread, activity);
  }

  private beginOperation(pid: Thread, kind: OperationKind, atNs: number, batch: EventBatch, i: number): void {
    const thread = this.identity.ofOperation(pid, kind, batch, i);
    thread.did |= ThreadWork.operation;
    this.resolveSlotChange(thread, atNs);
    if (thread.operation !== undefined) this.closeOperation(thread, atNs);
    if (kind === OperationKind.map) this.mapsSeen = true;
    const ipa = batch.addr[i] as number;
    const bytes = batch.size[i] as number;
    if (thread.open === undefined) {
      this.operationBarrier(thread, kind, ipa, bytes, atNs);
      this.begin(thread, ActivityKind.hostOperation, atNs, batch, i);
    }
    const activity = thread.open as unknown as Activity;
    activity.vm = thread.vm;
    if (activity.operationCount === 0) {
      activity.beforeCpuNs = thread.cpuNs - thread.startCpuNs;
      this.noteBefore(thread, activity);
      if (thread.vm >= 0 && this.vm(thread).episodes !== thread.episodesAtStart) activity.contended = true;
    }
    const operation = activity.addOperation();
    operation.kind = kind;
    operation.ipa = Number.isNaN(ipa) ? 0 : ipa;
    operation.bytes = Number.isNaN(bytes) ? this.options.pageBytes : bytes;
    operation.phys = batch.phys[i] as number;
    operation.prot = batch.prot[i] as number;
    operation.ret = NO_RET;
    operation.startNs = atNs;
    operation.endNs = operation.cpuNs = Number.NaN;
    operation.toBreakNs = operation.toFlushedNs = operation.toInstallNs = Number.NaN;
    operation.installedNs = operation.windowNs = Number.NaN;
    operation.pageSpacingNs = operation.blockSpacingNs = Number.NaN;
    thread.flushLevel = NONE;
    operation.shape = -1;
    operation.heldUntilNs = thread.vm < 0 ? Number.NEGATIVE_INFINITY : this.vm(thread).lastOperationNs;
    thread.operation = operation;
    thread.operationCpuNs = thread.cpuNs;
    thread.operationEndOffNs = thread.away.totalNs;
    thread.operationEndSleptNs = thread.away.sleptNs;
    activity.endNs = atNs;
    if (kind === OperationKind.destroy) this.identity.destroy(thread.vm);
  }

  private noteBefore({ away, startSleptNs }: Thread, activity: Activity): void {
    activity.beforeOffNs = away.totalNs - activity.abortOffNs;
    activity.beforeSleptNs = away.sleptNs - startSleptNs;
    activity.cameNs = away.cameNs;
  }

  /** A write-protect of a whole slot cuts the trace. */
  private operationBarrier(
    thread: Thread,
    kind: OperationKind,
    ipa: number,
    bytes: number,
    atNs: number,
  ): void {
    if (kind !== OperationKind.writeProtect || thread.vm < 0) return;
    if (this.vm(thread).memory.coversSlot(ipa, ipa + bytes))
      this.cut("write-protect", atNs, undefined, false, thread.vm);
  }

  private flushByIpa(thread: Thread, operation: Operation, atNs: number, level: number): void {
    // A map that flushes one entry has just broken it.
    if (operation.kind === OperationKind.map) this.meetBreak(thread, operation, atNs);
    if (operation.kind !== OperationKind.unmap || level < 0) return;
    const sinceNs = atNs - thread.flushNs;
    if (level === thread.flushLevel) {
      if (level === 3 && !(sinceNs >= operation.pageSpacingNs)) operation.pageSpacingNs = sinceNs;
      if (level === 2 && !(sinceNs >= operation.blockSpacingNs)) operation.blockSpacingNs = sinceNs;
    }
    thread.flushNs = atNs;
    thread.flushLevel = level;
  }

  private meetBreak(thread: Thread, operation: Operation, atNs: number): void {
    if (!Number.isNaN(operation.toBreakNs)) return;
    operation.toBreakNs = thread.cpuNs - thread.operationCpuNs;
    thread.breakNs = atNs;
  }

  private install(thread: Thread, atNs: number): void {
    const operation = thread.operation;
    if (operation === undefined || !Number.isNaN(operation.toInstallNs)) return;
    operation.toInstallNs = thread.cpuNs - thread.operationCpuNs;
    operation.installedNs = atNs;
    if (!Number.isNaN(operation.toBreakNs)) operation.windowNs = atNs - thread.breakNs;
  }

  private endOperation(thread: Thread, kind: OperationKind, atNs: number, ret: number): void {
    const operation = thread.operation;
    if (operation === undefined || operation.kind !== kind) {
      this.incompleteEpisodes++;
      if (thread.open !== undefined) thread.open.incomplete = true;
      return;
    }
    operation.endNs = atNs;
    operation.cpuNs = thread.cpuNs - thread.operationCpuNs;
    operation.ret = ret;
    thread.operationEndOffNs = thread.away.totalNs;
    thread.operationEndSleptNs = thread.away.sleptNs;
    if (thread.vm >= 0) this.vm(thread).lastOperationNs = atNs;
    this.closeOperation(thread, atNs);
  }

  /** Ends the open operation, with its return or (if its kind never shows one) without. */
  private closeOperation(thread: Thread, atNs: number): void {
    const operation = thread.operation;
    const activity = thread.open;
    if (operation === undefined || activity === undefined) return;
    thread.operation = undefined;
    thread.operationEndCpuNs = thread.cpuNs;
    if (Number.isNaN(operation.endNs) && this.returnSeen[operation.kind] === 1) activity.incomplete = true;
    activity.endNs = Number.isNaN(operation.endNs) ? operation.startNs : operation.endNs;
    if (thread.vm >= 0) this.learn(this.vm(thread), operation);
    this.sink.operation(activity, operation);
    if (activity.kind === ActivityKind.hostOperation) this.close(thread, Math.min(activity.endNs, atNs));
  }

  private endEpisode(thread: Thread, atNs: number, ret: number): void {
    const activity = thread.open as Activity;
    if (thread.operation !== undefined) this.closeOperation(thread, atNs);
    if (!thread.sawGuestFault) {
      // Only s2_abort was seen: there is no address, so nothing to replay.
      activity.incomplete = true;
    }
    activity.afterCpuNs = Number.isNaN(thread.operationEndCpuNs)
      ? 0
      : thread.cpuNs - thread.operationEndCpuNs;
    if (activity.operationCount > 0) {
      activity.afterOffNs = thread.away.totalNs - thread.operationEndOffNs;
      activity.afterSleptNs = thread.away.sleptNs - thread.operationEndSleptNs;
      if (thread.sawGuestFault) this.aborts.countFault(activity);
      this.close(thread, atNs);
      return;
    }
    activity.beforeCpuNs = thread.cpuNs - thread.startCpuNs;
    this.noteBefore(thread, activity);
    const rule = this.ruleOf(thread, activity, ret);
    // The access may be retried, and mapped then.
    if (rule !== MmioRule.noMap && (rule !== MmioRule.none || thread.sawGuestFault))
      this.aborts.countBare(activity, rule);
    this.close(thread, atNs, rule === MmioRule.noMap);
  }

  /** The rule by which an abort without an operation is MMIO. */
  private ruleOf(thread: Thread, activity: Activity, ret: number): MmioRule {
    const memory = activity.vm < 0 ? undefined : (this.vms[activity.vm] as Vm).memory;
    return mmioRule({
      esr: activity.esr,
      ret,
      isMemory: thread.sawGuestFault ? memory?.isMemory(activity.ipa) : undefined,
      leftToVmm: thread.leftToVmm,
      wouldShowMap: this.mapsSeen && !activity.incomplete,
    });
  }

  /** Ends the open activity, of which events are missing. */
  private abandon(thread: Thread, atNs: number): void {
    const activity = thread.open as Activity;
    if (activity.kind === ActivityKind.hostOperation) {
      this.closeOperation(thread, atNs);
      return;
    }
    activity.incomplete = true;
    this.endEpisode(thread, activity.endNs, NO_RET);
  }

  private close(thread: Thread, endNs: number, isBare = false): void {
    const activity = thread.open as Activity;
    thread.open = undefined;
    thread.operation = undefined;
    activity.endNs = endNs;
    if (activity.incomplete) this.incompleteEpisodes++;
    if (activity.vm >= 0) {
      if (activity.kind !== ActivityKind.hostOperation) this.identity.endEpisode(activity.vm);
      this.identity.vms.at(activity.vm).seen(activity.startNs, endNs);
    }
    activity.crossesBarrier = thread.openEpoch !== this.epoch;
    thread.endEpoch = this.epoch;
    thread.endNs = endNs;
    thread.endCpuNs = thread.cpuNs;
    thread.endOffNs = thread.away.totalNs;
    thread.endSleptNs = thread.away.sleptNs;
    activity.preemptedNs += thread.away.preemptedNs;
    thread.endedFault = activity.kind === ActivityKind.fault && activity.operationCount > 0;
    this.laps.add(thread, activity, isBare);
  }

  private deliver(activity: Activity): void {
    activity.sequence = this.sequence++;
    if (activity.endNs > this.lastEndNs) this.lastEndNs = activity.endNs;
    if (activity.vm >= 0) {
      const { teardownNs } = this.vms[activity.vm] as Vm;
      activity.teardownNs.push(...teardownNs);
      teardownNs.length = 0;
    }
    this.sink.activity(activity);
  }

  private learn({ memory }: Vm, operation: Operation): void {
    // A device (bit 3 of prot) may be mapped without a slot, as GICv2's CPU interface is.
    const isMapped =
      operation.kind === OperationKind.map && (operation.ret === 0 || operation.ret === NO_RET);
    if (isMapped && memory.slots.length > 0 && !isDevice(operation.prot)) memory.noteMemory(operation.ipa);
    if (operation.kind === OperationKind.writeProtect)
      memory.noteWriteProtect(operation.ipa, operation.ipa + operation.bytes);
    else if (operation.kind === OperationKind.map && operation.bytes > this.options.pageBytes)
      memory.noteBlockMap(operation.ipa);
  }

  private vm(thread: Thread): Vm {
    return this.vms[thread.vm] as Vm;
  }

  /** The open episode belongs to another vCPU of the same pid. */
  private moveEpisode(from: Thread, to: Thread): void {
    const activity = from.open as Activity;
    to.takeEpisode(from);
    if (from.vm >= 0) this.identity.endEpisode(from.vm);
    activity.thread = to.index;
    activity.vm = to.vm;
    activity.contended = false;
    this.identity.joinEpisodes(to, to.vm);
    const isSameEpoch = to.endEpoch === to.openEpoch;
    activity.thinkNs = activity.startNs - (isSameEpoch ? to.endNs : this.epochNs);
    activity.thinkCpuNs = to.startCpuNs - (isSameEpoch ? to.endCpuNs : to.cpuAtEpochNs);
    activity.thinkOffNs = activity.abortOffNs - (isSameEpoch ? to.endOffNs : to.away.epochTotalNs);
    activity.thinkSleptNs = to.startSleptNs - (isSameEpoch ? to.endSleptNs : to.away.epochSleptNs);
  }

  /** Two VMs turn out to be one: the slots recorded for `from` belong to `to` from now on. */
  private mergeMemory(from: Vm, to: Vm): void {
    for (const { slot, start, end, logging, mapBytes } of from.memory.slots) {
      const change = { slot, start, bytes: end - start, logging, pageBytes: mapBytes || Number.NaN };
      to.changeSlot(change);
      this.cut("memslot", this.foldedNs, undefined, false, to.index, change);
    }
  }

  /** A slot change belongs to the VM that its `kvm` names, or to the VM of the operation inside its bracket. */
  private resolveSlotChange(thread: Thread, atNs: number): void {
    const change = thread.slotChange;
    if (change === undefined) return;
    thread.slotChange = undefined;
    const vm = this.identity.ofSlotChange(thread, thread.slotKvm);
    vm.changeSlot(change);
    vm.seen(atNs, atNs);
    this.cut("memslot", atNs, undefined, false, vm.index, change);
  }

  private gap(atNs: number, untilNs: number): void {
    for (const { away } of this.threads) away.forget();
    this.cut("gap", Math.max(atNs, untilNs), undefined, false);
    this.foldedNs = Math.max(atNs, untilNs);
  }

  private loss(cpu: number, atNs: number): void {
    for (const thread of this.threads) {
      thread.away.forget();
      if (thread.open !== undefined && (cpu < 0 || thread.lastCpu === cpu)) thread.open.incomplete = true;
    }
    this.cut("loss", atNs, undefined, false);
  }

  private accessRun(thread: Thread, atNs: number, batch: EventBatch, i: number): void {
    if (thread.open !== undefined) this.abandon(thread, atNs);
    const activity = this.begin(thread, ActivityKind.accessRun, atNs, batch, i);
    const isRun = batch.kind[i] === Kind.guest_access_run;
    thread.isVcpu = true;
    thread.did |= ThreadWork.access;
    if (thread.vm >= 0) this.identity.joinEpisodes(thread, thread.vm);
    activity.ipa = batch.addr[i] as number;
    activity.stride = isRun ? (batch.size[i] as number) : 0;
    activity.count = isRun ? (batch.amount[i] as number) : 1;
    // Without think_ns, an access takes the profile's time of a read with that many reading vCPUs.
    activity.accessThinkNs = isRun ? (batch.thinkNs[i] as number) : 0;
    activity.write = batch.write[i] === 1;
    activity.beforeCpuNs = activity.afterCpuNs = 0;
    this.close(thread, atNs + activity.count * (activity.accessThinkNs || 0));
  }

  private cut(
    cause: BarrierCause,
    atNs: number,
    label: string | undefined,
    closes: boolean,
    vm = NONE,
    slotChange?: SlotChange,
  ): void {
    for (const thread of this.threads) {
      thread.away.beginEpoch(atNs);
      if (vm === NONE || thread.vm === vm) this.laps.end(thread);
    }
    const idleNs = Math.max(0, atNs - Math.max(this.lastEndNs, this.epochNs));
    this.epoch++;
    this.epochNs = atNs;
    this.sink.barrier({
      cause,
      number: this.epoch,
      atNs,
      idleNs,
      label,
      closes,
      vm,
      slotChange,
      tablesUnknown: cause === "gap" || cause === "loss",
    });
  }
}

/** KVM_PGTABLE_PROT_DEVICE. */
function isDevice(prot: number): boolean {
  return prot !== NONE && Math.floor(prot / 8) % 2 === 1;
}
