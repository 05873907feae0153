/**
 * An activity: what one thread did, folded from its events (fault episode, host operation,
 * access run). Activities are pooled: who consumes one calls `release` when no replay needs it any more.
 */

import { ZERO } from "../double.js";

export const ActivityKind = {
  /** A stage-2 abort on guest memory, from the abort to the re-entry. */
  fault: 0,
  /** An abort outside every memslot: the VMM handles the access. Never a fault. */
  mmio: 1,
  /** A map-like operation outside any episode. */
  hostOperation: 2,
  /** Guest accesses known one by one (guest_access, guest_access_run). */
  accessRun: 3,
} as const;
export type ActivityKind = (typeof ActivityKind)[keyof typeof ActivityKind];

/** Which kvm_pgtable_stage2_* function an operation was. */
export const OperationKind = {
  map: 0,
  unmap: 1,
  writeProtect: 2,
  flush: 3,
  relaxPerms: 4,
  makeYoung: 5,
  split: 6,
  destroy: 7,
} as const;
export type OperationKind = (typeof OperationKind)[keyof typeof OperationKind];

/** One map-like operation with what was recorded of it. Times: ns since the trace's first event; NaN = not recorded. */
export class Operation {
  kind: OperationKind = OperationKind.map;
  ipa = ZERO;
  bytes = ZERO;
  /** Output address of a map. */
  phys = ZERO;
  /** enum kvm_pgtable_prot bits of a map or relax. */
  prot = 0;
  /** Errno as a negative number, 0, or NO_RET. */
  ret = 0;
  startNs = ZERO;
  /** NaN where the return was not recorded. */
  endNs = ZERO;
  /** The thread's CPU time from entry to return; NaN without a return. */
  cpuNs = ZERO;
  /** When the VM's operation before this one returned: until then the lock was held; -Infinity without one. */
  heldUntilNs = ZERO;
  /** CPU time from entry to s2_break, else to a map's flush by IPA; NaN where not recorded. The same for the ones below. */
  toBreakNs = ZERO;
  /** CPU time from entry to the return of the first VMID flush. */
  toFlushedNs = ZERO;
  toInstallNs = ZERO;
  /** When s2_install came; NaN where not recorded. */
  installedNs = ZERO;
  /** Wall time from s2_break to s2_install: the recorded window. */
  windowNs = ZERO;
  /** Of an unmap, the least time between two flushes by IPA in a row, of pages (level 3) and of blocks (level 2); NaN where there is none. */
  pageSpacingNs = ZERO;
  blockSpacingNs = ZERO;

  /**
   * What the recording walker did, as the recorded-order table tells (replay/reference.ts): its shape, and its
   * work by charge kind. A shape of -1 = not known: no figure may be taken from this operation.
   */
  shape = -1;
  work: Float64Array | undefined;
  /** What the walker answered agrees with that: its duration tells something of such work. */
  isCredible = true;
  /** The work that it had done when it broke the entry whose window it opened, and when it installed the block there. */
  workToBreak: Float64Array | undefined;
  workToInstall: Float64Array | undefined;
  /** Of a coalesce: the trace shows what its subtree holds. */
  knowsSubtree = true;
  /** Entries visited before the first one was made invalid. */
  visitsToBreak = 0;
  /** Of a split, the level of the block's entry. */
  splitLevel = 0;
}

/** Nothing was inferred. */
export const NO_INFERENCE = -2;

export class Activity {
  kind: ActivityKind = ActivityKind.fault;
  /** Index of the thread (see Thread). */
  thread = 0;
  /** Index of the VM; -1 while unknown. */
  vm = -1;
  /** Trace order: ties between equal times are broken by it. */
  sequence = 0;
  line = 0;
  /** Number of the epoch in which it began (see Barrier). */
  epoch = 0;
  /** First event of the activity. */
  startNs = ZERO;
  endNs = ZERO;
  /** CPU time the thread had from the end of its previous activity (or the epoch's start) to this start. */
  thinkCpuNs = ZERO;
  /** Wall time over the same stretch. */
  thinkNs = ZERO;
  /** It began in one epoch and ended in another. */
  crossesBarrier = false;
  /** The thread's previous activity is a fault that was mapped, of the same epoch: it went back to the guest, no farther. */
  followsFault = false;
  /** CPU time from the start to the first operation (to the end where there is none). */
  beforeCpuNs = ZERO;
  /** CPU time from the last operation's end to the activity's end. */
  afterCpuNs = ZERO;
  /**
   * Time off the CPU, where sched events tell it and each vCPU has a CPU: before the first operation (of the last lap),
   * behind the last one, and since the end of the previous activity (or the epoch's start), each also the part asleep;
   * and in all of the activity, fit to run; ns.
   */
  beforeOffNs = ZERO;
  beforeSleptNs = ZERO;
  afterOffNs = ZERO;
  afterSleptNs = ZERO;
  thinkOffNs = ZERO;
  thinkSleptNs = ZERO;
  preemptedNs = ZERO;
  /** When the thread last came onto its CPU before the first operation; -Infinity = not seen. */
  cameNs = Number.NEGATIVE_INFINITY;
  /** Off the CPU by the (last) abort, since the trace's start; ns. */
  abortOffNs = ZERO;
  /** Shortest time between two events of it: what recording a line costs inside an interval; Infinity with fewer. */
  lineNs = Number.POSITIVE_INFINITY;
  /** True where another episode of the VM overlaps the time before the first operation. */
  contended = false;
  /** How long the VM's deferred tear-downs took that ended since its last activity. */
  readonly teardownNs: number[] = [];

  /** Faulting address: page of the event, byte offset from the FAR where known. */
  ipa = ZERO;
  esr = 0;
  /** Of an access run. */
  write = false;
  /**
   * Inferred table state, learnt from this abort's own status where nothing before it told (replay/reference.ts):
   * the level of an invalid entry, or of a leaf; -2 = none.
   */
  inferredInvalid = NO_INFERENCE;
  inferredLeaf = NO_INFERENCE;
  /** Aborts of this one access: 1, and one more for each time it was answered with -EAGAIN and tried again. */
  laps = 1;
  /** Of each lap but the first: when the one before it had ended, and when its abort came. */
  readonly lapSinceNs: number[] = [];
  readonly lapNs: number[] = [];
  /** And the time off the CPU from the abort before to its own; ns. */
  readonly lapOffNs: number[] = [];
  readonly operations: Operation[] = [];
  operationCount = 0;
  /** How much earlier than its exit path the access was made: told by times (replay/access-time.ts); ns. */
  leadNs = ZERO;
  /** How often a block around the address had been split in the epoch before it began (replay/splits.ts). */
  splitsBefore = 0;
  /** An entry without its return, or events lost in the middle. */
  incomplete = false;

  /** Made by the replay for an access of a run: the trace has no fault for it. */
  isSynthetic = false;
  /** Access run. */
  stride = 0;
  count = 0;
  /** From one access to the next; NaN = what the profile says. */
  accessThinkNs = ZERO;

  /** Consumers that still need this activity. */
  holders = 0;

  get hasInference(): boolean {
    return this.inferredInvalid !== NO_INFERENCE || this.inferredLeaf !== NO_INFERENCE;
  }

  addOperation(): Operation {
    let operation = this.operations[this.operationCount];
    if (operation === undefined) {
      operation = new Operation();
      this.operations.push(operation);
    }
    this.operationCount++;
    return operation;
  }

  /** The operation at `index`, which must exist. */
  operation(index: number): Operation {
    return this.operations[index] as Operation;
  }
}

/** A fault whose operations are the fault path's: they hold the lock for read where faults share it. */
export function isFaultPath(activity: Activity): boolean {
  if (activity.kind !== ActivityKind.fault) return false;
  for (let n = 0; n < activity.operationCount; n++) {
    const { kind } = activity.operation(n);
    if (kind !== OperationKind.map && kind !== OperationKind.relaxPerms && kind !== OperationKind.makeYoung)
      return false;
  }
  return true;
}

/** Recycles activities, so that a replay of millions of episodes allocates only as many as it holds at once. */
export class ActivityPool {
  private readonly free: Activity[] = [];
  /** Activities handed out and not yet released. */
  live = 0;

  take(): Activity {
    this.live++;
    const activity = this.free.pop() ?? new Activity();
    activity.operationCount = 0;
    activity.leadNs = 0;
    activity.followsFault = false;
    activity.splitsBefore = 0;
    activity.crossesBarrier = false;
    activity.lineNs = Number.POSITIVE_INFINITY;
    activity.incomplete = false;
    activity.contended = false;
    if (activity.teardownNs.length > 0) activity.teardownNs.length = 0;
    activity.laps = 1;
    if (activity.lapNs.length > 0)
      activity.lapSinceNs.length = activity.lapNs.length = activity.lapOffNs.length = 0;
    activity.beforeOffNs = activity.beforeSleptNs = activity.afterOffNs = activity.afterSleptNs = 0;
    activity.thinkOffNs = activity.thinkSleptNs = activity.preemptedNs = 0;
    activity.cameNs = Number.NEGATIVE_INFINITY;
    activity.holders = 0;
    activity.esr = 0;
    activity.write = false;
    activity.inferredInvalid = activity.inferredLeaf = NO_INFERENCE;
    return activity;
  }

  release(activity: Activity): void {
    if (--activity.holders > 0) return;
    this.live--;
    this.free.push(activity);
  }
}
