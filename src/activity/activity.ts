/**
 * An activity is what one thread did, folded from its events (fault episode, host operation, access run). Activities
 * are pooled: a consumer calls `release` when no replay needs one any more.
 */

import { ZERO } from "../double.js";

export const ActivityKind = {
  /** A stage-2 abort on guest memory, from the abort to the re-entry. */
  fault: 0,
  /** An abort outside all memslots: the VMM handles the access. It never counts as a fault. */
  mmio: 1,
  /** A map-like operation outside any fault episode. */
  hostOperation: 2,
  /** Individually known guest accesses (guest_access, guest_access_run). */
  accessRun: 3,
} as const;
export type ActivityKind = (typeof ActivityKind)[keyof typeof ActivityKind];

/** The kvm_pgtable_stage2_* function of an operation. */
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

/** One map-like operation as recorded. Times are in ns since the trace's first event; NaN = not recorded. */
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
  /** NaN if the return was not recorded. */
  endNs = ZERO;
  /** The thread's CPU time from entry to return; NaN without a return. */
  cpuNs = ZERO;
  /** When the VM's previous operation returned: the lock was held until then; -Infinity if there was none. */
  heldUntilNs = ZERO;
  /** CPU time from entry to s2_break, or to a map's flush by IPA; NaN if not recorded, as in the fields below. */
  toBreakNs = ZERO;
  /** CPU time from entry to the return of the first VMID flush. */
  toFlushedNs = ZERO;
  toInstallNs = ZERO;
  /** When s2_install came; NaN if not recorded. */
  installedNs = ZERO;
  /** Wall time from s2_break to s2_install: the recorded window. */
  windowNs = ZERO;
  /** Of an unmap: shortest time between consecutive flushes by IPA, of pages and of blocks (level 2); NaN if none. */
  pageSpacingNs = ZERO;
  blockSpacingNs = ZERO;

  /**
   * The recording walker's work, as the recorded-order table shows it (replay/reference.ts): its shape, and its work by
   * charge kind. A shape of -1 = unknown: no figure may be derived from this operation.
   */
  shape = -1;
  work: Float64Array | undefined;
  /** The walker's return value agrees with that work, so its duration may be used for such work. */
  isCredible = true;
  /** The work done before it broke the entry of its window, and before it installed the block there. */
  workToBreak: Float64Array | undefined;
  workToInstall: Float64Array | undefined;
  /** Of a coalesce: the trace shows the contents of its subtree. */
  knowsSubtree = true;
  /** Entries visited before the first was made invalid. */
  visitsToBreak = 0;
  /** Of a split: the level of the block's entry. */
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
  /** Position in trace order, which breaks ties between equal times. */
  sequence = 0;
  line = 0;
  /** Number of the epoch in which it began (see Barrier). */
  epoch = 0;
  /** First event of the activity. */
  startNs = ZERO;
  endNs = ZERO;
  /** The thread's CPU time from the end of its previous activity (or the epoch's start) to this start. */
  thinkCpuNs = ZERO;
  /** Wall time of the same interval. */
  thinkNs = ZERO;
  /** It began in one epoch and ended in another. */
  crossesBarrier = false;
  /** The thread's previous activity is a mapped fault of the same epoch: it only returned to the guest in between. */
  followsFault = false;
  /** CPU time from the start to the first operation (to the end if there is none). */
  beforeCpuNs = ZERO;
  /** CPU time from the last operation's end to the activity's end. */
  afterCpuNs = ZERO;
  /**
   * Time off the CPU, if the trace has sched events and each vCPU has a CPU; ns. It is split into before the first
   * operation (of the last lap), after the last one, and since the previous activity's end (or the epoch's start), each
   * with the part spent asleep; `preemptedNs` is the runnable time without a CPU in the whole activity.
   */
  beforeOffNs = ZERO;
  beforeSleptNs = ZERO;
  afterOffNs = ZERO;
  afterSleptNs = ZERO;
  thinkOffNs = ZERO;
  thinkSleptNs = ZERO;
  preemptedNs = ZERO;
  /** When the thread last got its CPU before the first operation; -Infinity = not seen. */
  cameNs = Number.NEGATIVE_INFINITY;
  /** Time off the CPU from the trace's start to the (last) abort; ns. */
  abortOffNs = ZERO;
  /** Shortest time between two of its events: the cost of a recorded line inside an interval; Infinity if unknown. */
  lineNs = Number.POSITIVE_INFINITY;
  /** Another episode of the VM overlaps the time before the first operation. */
  contended = false;
  /** Durations of the VM's deferred tear-downs that ended since its last activity. */
  readonly teardownNs: number[] = [];

  /** Faulting address: the event's page; the byte offset comes from the FAR if known. */
  ipa = ZERO;
  esr = 0;
  /** Only for access runs. */
  write = false;
  /**
   * Table state inferred from this abort's own status where nothing earlier showed it (replay/reference.ts): the level
   * of an invalid entry, or of a leaf; -2 = none.
   */
  inferredInvalid = NO_INFERENCE;
  inferredLeaf = NO_INFERENCE;
  /** Aborts of this one access: 1, plus one for each time that it got -EAGAIN and was retried. */
  laps = 1;
  /** For each lap but the first: when the previous lap ended, and when its own abort came. */
  readonly lapSinceNs: number[] = [];
  readonly lapNs: number[] = [];
  /** And the time off the CPU between the previous abort and its own; ns. */
  readonly lapOffNs: number[] = [];
  readonly operations: Operation[] = [];
  operationCount = 0;
  /** How much earlier than its exit path the access was made, as estimated from times (replay/access-time.ts); ns. */
  leadNs = ZERO;
  /** How often a block around the address was split earlier in the epoch (replay/splits.ts). */
  splitsBefore = 0;
  /** A return is missing, or events were lost in the middle. */
  incomplete = false;

  /** Created by the replay for an access of a run: the trace has no fault for it. */
  isSynthetic = false;
  /** Only for access runs. */
  stride = 0;
  count = 0;
  /** Time from one access to the next; NaN = take the profile's. */
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

/** Whether this is a fault with only fault-path operations, which hold the lock for read if faults share it. */
export function isFaultPath(activity: Activity): boolean {
  if (activity.kind !== ActivityKind.fault) return false;
  for (let n = 0; n < activity.operationCount; n++) {
    const { kind } = activity.operation(n);
    if (kind !== OperationKind.map && kind !== OperationKind.relaxPerms && kind !== OperationKind.makeYoung)
      return false;
  }
  return true;
}

/** Recycles activities: a replay of millions of episodes allocates only as many as are live at once. */
export class ActivityPool {
  private readonly free: Activity[] = [];
  /** Activities taken and not yet released. */
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
