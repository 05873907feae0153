import { ZERO } from "../double.js";
import { NONE } from "../trace/event.js";
import type { Activity, Operation } from "./activity.js";
import type { SlotChange } from "./vm.js";

/** A thread of the host, as far as its events have been folded. */
export class Thread {
  /** Index of the VM that its nearest map-like event named; -1 = none yet. */
  vm = NONE;
  /** True once it took a stage-2 abort: it runs a vCPU. */
  isVcpu = false;
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

  /** The activity under way: a fault episode, or a host operation. */
  open: Activity | undefined;
  openEpoch = 0;
  startCpuNs = ZERO;
  sawAbort = false;
  sawGuestFault = false;
  operation: Operation | undefined;
  operationCpuNs = ZERO;
  breakNs = ZERO;
  /** CPU clock at the end of the last operation of the open activity. */
  operationEndCpuNs = ZERO;
  /** Episodes of the VM started when this one was: more of them by the first operation means overlap. */
  episodesAtStart = 0;

  /** A whole episode answered with -EAGAIN: the next one may be the same access tried again. */
  pending: Activity | undefined;
  /** A memslot change whose VM is not known yet. */
  slotChange: SlotChange | undefined;

  constructor(
    readonly index: number,
    readonly pid: number,
    /** Interned comm. */
    readonly comm: number,
  ) {}
}

/**
 * CPU time by thread. On a machine with a CPU for each vCPU a thread's clock is the trace's clock. Where all
 * share one physical CPU (`pcpus` 1) each stretch between two events belongs to the thread that ran: the one
 * of the later event, but for what the earlier one still had to do before it waited for the lock.
 */
export class CpuClock {
  private last: Thread | undefined;
  private lastNs = ZERO;
  /** Shortest time seen from kvm_guest_fault to the map on one thread with nothing in between: the handler. */
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
      thread.cpuAtEpochNs = this.shared ? thread.cpuNs : epochNs;
    }
    if (!this.shared) {
      thread.cpuNs = atNs;
    } else if (last !== undefined) {
      const gap = atNs - this.lastNs;
      if (last === thread) {
        thread.cpuNs += gap;
        if (last.lastKind === this.guestFaultKind && kind === this.mapKind && gap < this.handlerNs)
          this.handlerNs = gap;
      } else {
        const tail = last.lastKind === this.guestFaultKind ? Math.min(gap, this.handlerNs) : 0;
        last.cpuNs += tail;
        thread.cpuNs += gap - tail;
      }
    }
    this.last = thread;
    this.lastNs = atNs;
    thread.lastKind = kind;
  }
}
