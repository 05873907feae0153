import { ZERO } from "../double.js";
import { type EventBatch, Kind, NO_RET, NONE, Phase, type StringTable } from "../trace/event.js";
import { type Activity, ActivityKind, ActivityPool, type Operation, OperationKind } from "./activity.js";
import type { Barrier, BarrierCause } from "./epoch.js";
import { CpuClock, Thread } from "./thread.js";
import type { SlotChange, VmMemory } from "./vm.js";
import { VmTable } from "./vm-table.js";

/** Who takes what the fold makes, in trace order (an activity when it ends, a barrier when it is met). */
export interface ActivitySink {
  /**
   * `operation` returned: called in the order in which operations end, which under an exclusive lock is
   * the order in which they held it. `activity` is still under way.
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

/** Errno that a walker answers where the guest shall simply fault again. */
const EAGAIN = -11;
/** An -EAGAIN episode whose access is tried again is followed by the next lap within this time. */
const LAP_WITHIN_NS = 1_000_000;

/** Operation kind and whether the event is its entry, by event kind. */
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

/** Folds events into activities and barriers, one pass, with state for each thread and VM only. */
export class ActivityFold {
  readonly pool = new ActivityPool();
  readonly threads: Thread[] = [];
  /** Episodes with an entry that has no return, a return that has no entry, or events lost in the middle. */
  incompleteEpisodes = 0;
  /** Time up to which every event has been folded. */
  foldedNs = ZERO;

  private readonly byPid = new Map<number, Thread>();
  private readonly vms: VmTable;
  private readonly returnSeen = new Uint8Array(16);
  private readonly clock: CpuClock;
  private sequence = 0;
  /** The trace has map operations: they were probed. */
  mapsSeen = false;
  private epoch = 0;
  private epochNs = ZERO;
  private lastEndNs = ZERO;

  constructor(
    private readonly options: FoldOptions,
    private readonly strings: StringTable,
    private readonly sink: ActivitySink,
  ) {
    this.vms = new VmTable(strings);
    this.clock = new CpuClock(options.sharedCpu, Kind.kvm_guest_fault, Kind.s2_map);
  }

  get vcpus(): number {
    return this.threads.reduce((sum, thread) => sum + (thread.isVcpu ? 1 : 0), 0);
  }

  /** Display names of the VMs, by index. */
  get vmNames(): readonly string[] {
    return this.vms.names;
  }

  /** VMs that took a fault. */
  get vmsWithFaults(): number {
    return this.vms.withFaults;
  }

  /** Folds rows [from, end). */
  fold(batch: EventBatch, from = 0, end = batch.count): void {
    for (let i = from; i < end; i++) {
      const atNs = batch.atNs[i] as number;
      if (atNs - this.foldedNs >= this.options.epochGapNs) this.cut("silence", atNs, undefined, false);
      this.foldedNs = atNs;
      const kind = batch.kind[i] as number;
      const thread = this.threadOf(batch, i);
      this.clock.advance(thread, kind, atNs, this.epoch, this.epochNs);
      thread.lastCpu = batch.cpu[i] as number;
      this.event(thread, kind, atNs, batch, i);
    }
    for (const thread of this.threads) {
      const pending = thread.pending;
      if (pending !== undefined && this.foldedNs - pending.endNs > LAP_WITHIN_NS) this.deliverPending(thread);
    }
  }

  /** Every activity that starts before this time has been delivered. */
  frontierNs(): number {
    let frontier = this.foldedNs;
    for (const thread of this.threads) {
      if (thread.open !== undefined && thread.open.startNs < frontier) frontier = thread.open.startNs;
      if (thread.pending !== undefined && thread.pending.startNs < frontier)
        frontier = thread.pending.startNs;
    }
    return frontier;
  }

  /** Shortest time between two events of one thread: what recording a line costs inside an interval; ns. */
  get lineNs(): number {
    return this.clock.lineNs;
  }

  /** Ends the trace: what is open is closed, and a last barrier delivered. */
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
        if (thread.open?.kind === ActivityKind.fault) this.endEpisode(thread, atNs, NO_RET);
        return;
      case Kind.s2_break:
        if (thread.operation !== undefined && Number.isNaN(thread.operation.toBreakNs)) {
          thread.operation.toBreakNs = thread.cpuNs - thread.operationCpuNs;
          thread.breakNs = atNs;
        }
        return;
      case Kind.s2_install:
        this.install(thread, atNs);
        return;
      case Kind.tlb_vmid_ret:
        if (thread.operation !== undefined && Number.isNaN(thread.operation.toFlushedNs))
          thread.operation.toFlushedNs = thread.cpuNs - thread.operationCpuNs;
        return;
      case Kind.memslot:
        this.resolveSlotChange(thread, atNs);
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

  private threadOf(batch: EventBatch, i: number): Thread {
    const pid = batch.pid[i] as number;
    let thread = this.byPid.get(pid);
    if (thread === undefined) {
      thread = new Thread(this.threads.length, pid, batch.comm[i] as number);
      this.threads.push(thread);
      this.byPid.set(pid, thread);
    }
    const vm = batch.vm[i] as number;
    if (vm !== NONE) this.setVm(thread, this.vms.named(vm));
    return thread;
  }

  private beginEpisode(thread: Thread, atNs: number, batch: EventBatch, i: number): void {
    this.resolveSlotChange(thread, atNs);
    const activity = this.begin(thread, ActivityKind.fault, atNs, batch, i);
    thread.isVcpu = true;
    thread.sawAbort = false;
    thread.sawGuestFault = false;
    if (thread.vm >= 0) {
      activity.contended = this.vms.hasOpenEpisode(thread.vm);
      thread.episodesAtStart = this.vms.beginEpisode(thread.vm);
    }
    activity.vm = thread.vm;
  }

  private begin(thread: Thread, kind: ActivityKind, atNs: number, batch: EventBatch, i: number): Activity {
    const activity = this.pool.take();
    activity.kind = kind;
    activity.thread = thread.index;
    activity.vm = thread.vm;
    activity.line = batch.line[i] as number;
    activity.startNs = atNs;
    thread.open = activity;
    thread.openEpoch = this.epoch;
    thread.startCpuNs = thread.cpuNs;
    thread.operation = undefined;
    thread.operationEndCpuNs = Number.NaN;
    if (thread.endEpoch === this.epoch) {
      activity.thinkNs = atNs - thread.endNs;
      activity.thinkCpuNs = thread.cpuNs - thread.endCpuNs;
    } else {
      activity.thinkNs = atNs - this.epochNs;
      activity.thinkCpuNs = thread.cpuNs - thread.cpuAtEpochNs;
    }
    return activity;
  }

  private guestFault(thread: Thread, atNs: number, batch: EventBatch, i: number): void {
    if (thread.open !== undefined && !(thread.sawAbort && !thread.sawGuestFault)) {
      // Without s2_abort_ret and kvm_entry the next fault is what ends an episode.
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
    const pending = thread.pending;
    if (pending !== undefined && !isSameAccess(pending, activity)) this.deliverPending(thread);
  }

  private beginOperation(
    thread: Thread,
    kind: OperationKind,
    atNs: number,
    batch: EventBatch,
    i: number,
  ): void {
    const pgt = batch.pgt[i] as number;
    if (pgt !== NONE && batch.vm[i] === NONE) this.setVm(thread, this.vms.ofPgt(pgt));
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
      if (thread.vm >= 0 && this.vms.episodes(thread.vm) !== thread.episodesAtStart)
        activity.contended = true;
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
    operation.toBreakNs = operation.toFlushedNs = operation.toInstallNs = operation.windowNs = Number.NaN;
    operation.shape = -1;
    operation.heldUntilNs = this.vms.lastOperationNs(thread.vm);
    thread.operation = operation;
    thread.operationCpuNs = thread.cpuNs;
    activity.endNs = atNs;
  }

  /** A write-protect of a whole slot, and the end of a table, cut the trace. */
  private operationBarrier(
    thread: Thread,
    kind: OperationKind,
    ipa: number,
    bytes: number,
    atNs: number,
  ): void {
    const memory = this.vms.memory(thread.vm);
    if (kind === OperationKind.writeProtect && memory?.coversSlot(ipa, ipa + bytes))
      this.cut("write-protect", atNs, undefined, false);
  }

  private install(thread: Thread, atNs: number): void {
    const operation = thread.operation;
    if (operation === undefined || !Number.isNaN(operation.toInstallNs)) return;
    operation.toInstallNs = thread.cpuNs - thread.operationCpuNs;
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
    this.vms.endOperation(thread.vm, atNs);
    this.closeOperation(thread, atNs);
    if (kind === OperationKind.destroy) this.forgetVm(thread);
  }

  /** Ends the open operation, with its return or (where its kind never shows one) without. */
  private closeOperation(thread: Thread, atNs: number): void {
    const operation = thread.operation;
    const activity = thread.open;
    if (operation === undefined || activity === undefined) return;
    thread.operation = undefined;
    thread.operationEndCpuNs = thread.cpuNs;
    if (Number.isNaN(operation.endNs) && this.returnSeen[operation.kind] === 1) activity.incomplete = true;
    activity.endNs = Number.isNaN(operation.endNs) ? operation.startNs : operation.endNs;
    if (thread.vm >= 0) this.learn(this.vms.memory(thread.vm) as VmMemory, operation);
    this.sink.operation(activity, operation);
    if (activity.kind === ActivityKind.hostOperation) this.close(thread, Math.min(activity.endNs, atNs));
  }

  private endEpisode(thread: Thread, atNs: number, ret: number): void {
    const activity = thread.open as Activity;
    if (thread.operation !== undefined) this.closeOperation(thread, atNs);
    if (!thread.sawGuestFault) {
      // s2_abort alone: no address, nothing to replay.
      activity.incomplete = true;
    }
    activity.afterCpuNs = Number.isNaN(thread.operationEndCpuNs)
      ? 0
      : thread.cpuNs - thread.operationEndCpuNs;
    if (activity.operationCount === 0) {
      activity.beforeCpuNs = thread.cpuNs - thread.startCpuNs;
      const memory = this.vms.memory(activity.vm)?.isMemory(activity.ipa);
      // Without a return value, or slots, an abort that nothing was mapped for is MMIO only where maps are traced.
      if (ret === 0 || memory === false || (ret === NO_RET && memory === undefined && this.mapsSeen))
        activity.kind = ActivityKind.mmio;
    }
    this.close(thread, atNs);
  }

  /** Something of the open activity is missing from the trace. */
  private abandon(thread: Thread, atNs: number): void {
    const activity = thread.open as Activity;
    if (activity.kind === ActivityKind.hostOperation) {
      this.closeOperation(thread, atNs);
      return;
    }
    activity.incomplete = true;
    this.endEpisode(thread, activity.endNs, NO_RET);
  }

  private close(thread: Thread, endNs: number): void {
    const activity = thread.open as Activity;
    thread.open = undefined;
    thread.operation = undefined;
    activity.endNs = endNs;
    if (activity.incomplete) this.incompleteEpisodes++;
    if (activity.kind !== ActivityKind.hostOperation && activity.vm >= 0) this.vms.endEpisode(activity.vm);
    if (thread.openEpoch !== this.epoch) {
      // It began before the barrier that was met meanwhile: it is the first of the new epoch.
      activity.thinkNs = activity.thinkCpuNs = 0;
    }
    thread.endEpoch = this.epoch;
    thread.endNs = endNs;
    thread.endCpuNs = thread.cpuNs;
    const pending = thread.pending;
    if (pending !== undefined && activity.kind === ActivityKind.fault && isSameAccess(pending, activity)) {
      this.mergeLap(pending, activity);
      if (lastRet(pending) !== EAGAIN) this.deliverPending(thread);
      return;
    }
    if (pending !== undefined) this.deliverPending(thread);
    if (activity.kind === ActivityKind.fault && lastRet(activity) === EAGAIN) thread.pending = activity;
    else this.deliver(activity);
  }

  /** `again` is the same access as `first`, tried once more: what counts is its operation. */
  private mergeLap(first: Activity, again: Activity): void {
    first.laps += again.laps;
    first.endNs = again.endNs;
    first.afterCpuNs = again.afterCpuNs;
    first.incomplete ||= again.incomplete;
    if (again.operationCount > 0) {
      const swap = first.operation(0);
      first.operations[0] = again.operation(0);
      again.operations[0] = swap;
    }
    again.holders = 1;
    this.pool.release(again);
  }

  private deliverPending(thread: Thread): void {
    const pending = thread.pending as Activity;
    thread.pending = undefined;
    this.deliver(pending);
  }

  private deliver(activity: Activity): void {
    activity.sequence = this.sequence++;
    if (activity.endNs > this.lastEndNs) this.lastEndNs = activity.endNs;
    this.sink.activity(activity);
  }

  private learn(memory: VmMemory, operation: Operation): void {
    if (operation.kind === OperationKind.writeProtect)
      memory.noteWriteProtect(operation.ipa, operation.ipa + operation.bytes);
    else if (operation.kind === OperationKind.map && operation.bytes > this.options.pageBytes)
      memory.noteBlockMap(operation.ipa);
  }

  /** The table is gone; a pointer of the same value is another VM's from now on. */
  private forgetVm(thread: Thread): void {
    this.vms.destroy(thread.vm);
  }

  private setVm(thread: Thread, vm: number): void {
    if (thread.vm === vm) return;
    const open = thread.open;
    if (open !== undefined && open.kind !== ActivityKind.hostOperation) {
      if (thread.vm >= 0) this.vms.endEpisode(thread.vm);
      open.contended ||= this.vms.hasOpenEpisode(vm);
      thread.episodesAtStart = this.vms.beginEpisode(vm);
    }
    thread.vm = vm;
  }

  /** A memslot line belongs to the VM of the nearest map-like event of its thread: the one inside its bracket, if any. */
  private resolveSlotChange(thread: Thread, atNs: number): void {
    const change = thread.slotChange;
    if (change === undefined) return;
    thread.slotChange = undefined;
    if (thread.vm < 0) thread.vm = this.vms.unnamed();
    this.vms.memory(thread.vm)?.change(change);
    this.cut("memslot", atNs, undefined, false, thread.vm, change);
  }

  private gap(atNs: number, untilNs: number): void {
    this.cut("gap", Math.max(atNs, untilNs), undefined, false);
    this.foldedNs = Math.max(atNs, untilNs);
  }

  private loss(cpu: number, atNs: number): void {
    for (const thread of this.threads)
      if (thread.open !== undefined && (cpu < 0 || thread.lastCpu === cpu)) thread.open.incomplete = true;
    this.cut("loss", atNs, undefined, false);
  }

  private accessRun(thread: Thread, atNs: number, batch: EventBatch, i: number): void {
    if (thread.open !== undefined) this.abandon(thread, atNs);
    const activity = this.begin(thread, ActivityKind.accessRun, atNs, batch, i);
    const isRun = batch.kind[i] === Kind.guest_access_run;
    thread.isVcpu = true;
    if (thread.vm >= 0) this.vms.beginEpisode(thread.vm);
    activity.ipa = batch.addr[i] as number;
    activity.stride = isRun ? (batch.size[i] as number) : 0;
    activity.count = isRun ? (batch.amount[i] as number) : 1;
    // Without think_ns an access takes what the profile says of a read while so many vCPUs read.
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
    for (const thread of this.threads) if (thread.pending !== undefined) this.deliverPending(thread);
    const idleNs = Math.max(0, atNs - Math.max(this.lastEndNs, this.epochNs));
    this.epoch++;
    this.epochNs = atNs;
    this.sink.barrier({
      cause,
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

function lastRet(activity: Activity): number {
  return activity.operationCount === 0 ? NO_RET : activity.operation(activity.operationCount - 1).ret;
}

/** The same abort on the same page: class, level and address agree. */
function isSameAccess(a: Activity, b: Activity): boolean {
  return a.ipa === b.ipa && a.esr % 64 === b.esr % 64;
}
