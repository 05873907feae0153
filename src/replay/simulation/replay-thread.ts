import { Activity } from "../../activity/activity.js";
import { ZERO } from "../../double.js";
import { costs } from "../counters.js";

export const Step = {
  /** Nothing to do until the trace says more. */
  idle: 0,
  /** Waits for a point in time, without a CPU. */
  timer: 1,
  /** Guest (or VMM) work before the next access. */
  think: 2,
  /** From the access to the request for the MMU lock. */
  handler: 3,
  /** In the lock's queue. */
  waiting: 4,
  /** Has the lock, waits for a CPU. */
  granted: 5,
  hold: 6,
  /** Under the read lock it met an entry that another fault holds: back to the guest, which faults again. */
  retry: 7,
  /** From the operation's return to the re-entry, when nothing follows yet. */
  tail: 8,
  /** Ahead of the record: its access comes behind another thread's split. */
  ahead: 9,
  /** No thread's: a valid entry is changed now, under runs that may be going through it (access-runs.ts). */
  change: 10,
  /** Has come to the head of an rwlock's queue, waits for a CPU to say so. */
  claim: 11,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

/** One thread of the host in one replay. Times are the replay's. */
export class ReplayThread {
  readonly rank = 0;
  step: Step = Step.idle;
  /** When the step ends; what the event queue is ordered by. */
  dueNs = ZERO;
  /** CPU time that the step still needs. */
  leftNs = ZERO;
  /** When its present turn on a CPU began; while it has none in the middle of a hold, when that ended. */
  turnNs = ZERO;
  onCpu = false;
  /** When its CPU is to be another's, if it has not waited by then. */
  turnEndNs = ZERO;
  /** Its hold goes on when it has a CPU again. */
  isInterrupted = false;
  /** It has waited for a split that does not come. */
  mayGoAhead = false;
  /** It has had runs of accesses. */
  hasRuns = false;
  activity: Activity | undefined;
  private readonly queue: Activity[] = [];
  private head = 0;

  /** End of its last activity, and the same in the trace. */
  endNs = ZERO;
  recordedEndNs = ZERO;
  /** Epoch (counted by the replay) of that activity. */
  epoch = -1;

  /** The access run under way, the access of it that comes next, and that access's fault. */
  run: Activity | undefined;
  runIndex = 0;
  /** Index of the access that faulted last; -1 = none. How often it has. */
  runFaulted = -1;
  runFaults = 0;
  readonly runFault = new Activity();
  /** Accesses before `runIndex` that the table let through at once, and that are being made; 0 = none are. */
  stretch = 0;
  /** What each of them takes; NaN = what a read takes while so many vCPUs read (guest-reads.ts). */
  stretchAccessNs = Number.NaN;

  /** Whether the result counts the activity under way. */
  counted = false;
  /** When the access was first attempted, and the lock asked for. */
  accessNs = ZERO;
  requestNs = ZERO;
  /** It holds, or waits for, the lock's read side. */
  sharesLock = false;
  /** Time for which others kept it from the lock. */
  lockWaitNs = ZERO;
  /** Time in laps beyond the first fault. */
  retryNs = ZERO;
  /** When the lock was its own. */
  lockedNs = ZERO;
  /** Where its time went, by Cost; of operations, only what they did under the lock. */
  readonly costNs = new Float64Array(costs.length);
  /** Parts of the fault: exit and re-entry, handler before the lock, work under the lock. */
  exitNs = ZERO;
  handlerNs = ZERO;
  holdNs = ZERO;
  /** FaultClass of the abort, or HIT. */
  faultClass = 0;
  /** Level at which the walk for the access ended. */
  faultLevel = 0;
  /** A Cause; -1 while open. */
  cause = 0;
  laps = 1;
  /** Its operations changed the table. */
  hasStored = false;
  /** Numbers of its operations in the guest's log. */
  firstOperation = 0;
  lastOperation = 0;
  /** Table -> block replacements of the hold, and the window of the last. */
  windows = 0;
  brokenAtNs = ZERO;
  installedAtNs = ZERO;
  /** Block -> table replacements of the hold. */
  splits = 0;
  /** From the first put to the last free of the hold's tear-down; NaN = no table was freed. */
  teardownNs = Number.NaN;
  tornDownNs = Number.NaN;
  /** When the VMID flush of the hold is done, at which an emulated CPU's turn ends; NaN = none. */
  flushedNs = Number.NaN;

  constructor(readonly index: number) {}

  get queued(): number {
    return this.queue.length - this.head;
  }

  push(activity: Activity): void {
    this.queue.push(activity);
  }

  peek(): Activity | undefined {
    return this.queue[this.head];
  }

  shift(): Activity | undefined {
    const activity = this.queue[this.head];
    if (activity === undefined) return undefined;
    this.head++;
    if (this.head >= 256) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    return activity;
  }

  /** Where ties between equal times are broken: the trace's order. */
  get sequence(): number {
    return this.activity?.sequence ?? 0;
  }
}
