import { ZERO } from "../double.js";
import { NONE } from "../trace/event.js";
import type { Activity, Operation } from "./activity.js";
import { CpuAbsence } from "./cpu-absence.js";
import type { SlotChange } from "./vm.js";
import { VmEvidence } from "./vm-table.js";

/** Bits that say what a thread did; it is recognised by them. */
export const ThreadWork = {
  /** It took a stage-2 abort. */
  fault: 1,
  /** It entered or left the guest. */
  entry: 2,
  /** Its accesses are recorded. */
  access: 4,
  memslot: 8,
  operation: 16,
  /** A notifier of its address space ran on it. */
  notifier: 32,
  tlbi: 64,
  teardown: 128,
  marker: 256,
} as const;

/** A host thread, as far as its events have been folded. */
export class Thread {
  /** Index of the VM that it works for; -1 = none yet. identity.ts finds it. */
  vm = NONE;
  tie: VmEvidence = VmEvidence.none;
  /** It faulted in this VM, as an operation or an event's `vm` showed: the VM is its own. */
  isProven = false;
  /** VMs that it worked for earlier. */
  readonly pastVms: number[] = [];
  /** The table of its VM was destroyed. */
  isVmGone = false;
  /** Whether it has taken a stage-2 abort or entered the guest: it runs a vCPU. */
  isVcpu = false;
  /** vCPU number from its events; -1 = none. */
  vcpu = NONE;
  tgid = NONE;
  /** The last comm seen, interned. */
  comm = NONE;
  /** Bits of ThreadWork. */
  did = 0;
  firstNs = Number.NaN;
  firstFaultNs = Number.NaN;
  lastNs = ZERO;
  /** Aborts on memory, with each lap counted; and MMIO aborts. */
  faults = 0;
  mmioAborts = 0;
  /** The same pid's thread for work for another VM than its vCPU's; and, in that thread, the vCPU's thread. */
  aside: Thread | undefined;
  asideOf: Thread | undefined;
  /** All vCPUs of the pid, this one included, if it has several. */
  siblings: Thread[] | undefined;
  /** When its pid has no CPU. */
  away = new CpuAbsence();
  /** CPU time so far, ns: the thread's own clock (see CpuClock). */
  cpuNs = ZERO;
  /** Kind of its last event. */
  lastKind = -1;
  lastCpu = NONE;
  /** Epoch of its last event, and its CPU clock when that epoch began. */
  epoch = -1;
  cpuAtEpochNs = ZERO;

  /** Epoch in which its last activity ended, with the times of that end. */
  endEpoch = -1;
  endNs = ZERO;
  endCpuNs = ZERO;
  /** Time off the CPU by then, and the part asleep. */
  endOffNs = ZERO;
  endSleptNs = ZERO;
  /** That activity was a mapped fault. */
  endedFault = false;

  /** The open activity: a fault episode, or a host operation. */
  open: Activity | undefined;
  openEpoch = 0;
  startCpuNs = ZERO;
  startSleptNs = ZERO;
  sawAbort = false;
  sawGuestFault = false;
  /** The open episode returned to the VMM for an MMIO access. */
  leftToVmm = false;
  operation: Operation | undefined;
  operationCpuNs = ZERO;
  breakNs = ZERO;
  /** Time and level of the open operation's last flush by IPA; NONE = no flush yet. */
  flushNs = ZERO;
  flushLevel = NONE;
  /** CPU clock at the end of the last operation of the open activity. */
  operationEndCpuNs = ZERO;
  /** Time off the CPU by then, and the part asleep. */
  operationEndOffNs = ZERO;
  operationEndSleptNs = ZERO;
  /** CPU clock when a deferred tear-down began; NaN = none is running. */
  teardownCpuNs = Number.NaN;
  /** The VM's count of episodes when this one started: if it has grown by the first operation, they overlap. */
  episodesAtStart = 0;

  /** A complete episode that got -EAGAIN or no operation: the next one may be a retry of the same access. */
  pending: Activity | undefined;
  /** Nothing was mapped for the pending episode: it was MMIO unless a retry is mapped. */
  isPendingBare = false;
  /** A memslot change whose VM is not known yet, and the interned struct kvm that it names. */
  slotChange: SlotChange | undefined;
  slotKvm = NONE;

  constructor(
    readonly index: number,
    readonly pid: number,
  ) {}

  /** Continues the clock of `before`, which has the same pid. */
  follow(before: Thread): void {
    this.away = before.away;
    this.cpuNs = before.cpuNs;
    this.epoch = before.epoch;
    this.cpuAtEpochNs = before.cpuAtEpochNs;
    this.lastKind = before.lastKind;
    this.lastCpu = before.lastCpu;
    this.lastNs = before.lastNs;
    this.firstNs = Number.isNaN(this.firstNs) ? before.lastNs : this.firstNs;
  }

  /** Its VM is about to change. */
  leaveVm(): void {
    this.isVmGone = false;
    this.isProven = false;
    if (!this.pastVms.includes(this.vm)) this.pastVms.push(this.vm);
  }

  /** Takes over the episode that `from` began. */
  takeEpisode(from: Thread): void {
    this.open = from.open;
    this.openEpoch = from.openEpoch;
    this.startCpuNs = from.startCpuNs;
    this.startSleptNs = from.startSleptNs;
    this.sawAbort = from.sawAbort;
    this.sawGuestFault = from.sawGuestFault;
    this.leftToVmm = from.leftToVmm;
    this.operation = from.operation;
    this.operationCpuNs = from.operationCpuNs;
    this.operationEndCpuNs = from.operationEndCpuNs;
    this.operationEndOffNs = from.operationEndOffNs;
    this.operationEndSleptNs = from.operationEndSleptNs;
    from.open = undefined;
    from.operation = undefined;
  }
}

/**
 * CPU time of each thread. If each vCPU has a CPU, a thread's clock is the trace's clock without the time that sched
 * events show it off its CPU. If all share one physical CPU (`pcpus` 1), each interval between two events belongs to
 * the thread that ran: the one of the later event, apart from what the earlier one still had to do before it waited for
 * the lock.
 */
export class CpuClock {
  private last: Thread | undefined;
  private lastNs = ZERO;
  /** Shortest time from kvm_guest_fault to the map on one thread with nothing in between: the handler's time. */
  private handlerNs = Number.POSITIVE_INFINITY;
  /** Shortest time between two consecutive events of one thread. */
  lineNs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly shared: boolean,
    private readonly guestFaultKind: number,
    private readonly mapKind: number,
  ) {}

  /** Advances to an event of `thread` at `atNs`. */
  advance(thread: Thread, kind: number, atNs: number, epoch: number, epochNs: number): void {
    const last = this.last;
    if (last === thread && atNs - this.lastNs < this.lineNs) this.lineNs = atNs - this.lastNs;
    if (thread.epoch !== epoch) {
      thread.epoch = epoch;
      thread.cpuAtEpochNs = this.shared ? thread.cpuNs : epochNs - thread.away.epochTotalNs;
    }
    if (!this.shared) {
      thread.cpuNs = atNs - thread.away.totalNs;
    } else if (last !== undefined) {
      const gap = atNs - this.lastNs;
      if (last === thread) {
        thread.cpuNs += gap;
        if (last.lastKind === this.guestFaultKind && kind === this.mapKind && gap < this.handlerNs)
          this.handlerNs = gap;
      } else {
        // Until a handler was seen alone, assume next to nothing: all of it may be the later thread's clean.
        const handlerNs = this.handlerNs < Number.POSITIVE_INFINITY ? this.handlerNs : this.lineNs;
        const tail = last.lastKind === this.guestFaultKind ? Math.min(gap, handlerNs) : 0;
        last.cpuNs += tail;
        thread.cpuNs += gap - tail;
      }
    }
    this.last = thread;
    this.lastNs = atNs;
    thread.lastKind = kind;
  }
}
