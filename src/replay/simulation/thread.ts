import type { Activity } from "../../activity/activity.js";
import { ZERO } from "../../double.js";
import { Episode } from "../episode.js";
import type { Due } from "../queue.js";
import { RunProgress } from "./run-progress.js";

export const ThreadStep = {
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
  /** Has come to the head of an rwlock's queue, waits for a CPU to say so. */
  claim: 10,
} as const;
export type ThreadStep = (typeof ThreadStep)[keyof typeof ThreadStep];

/** Something that is done at a time: what the event queue is ordered by. */
export class Alarm implements Due {
  readonly rank = 0;
  dueNs = ZERO;

  /** @param vm whose table is to be looked at then */
  constructor(readonly vm: number) {}

  get sequence(): number {
    return 0;
  }
}

/** One thread of the host in one replay. Times are the replay's. */
export class Thread implements Due {
  readonly rank = 0;
  /** What it is at; this and all up to `isReading` is written by the Schedule, and by the CPUs that it has. */
  step: ThreadStep = ThreadStep.idle;
  /** When the step ends; what the event queue is ordered by. */
  dueNs = ZERO;
  /** CPU time that the step still needs. */
  leftNs = ZERO;
  /** When its present turn on a CPU began; while it has none in the middle of a hold, when that ended. */
  turnNs = ZERO;
  onCpu = false;
  /** When its CPU is to be another's, if it has not waited by then. */
  turnEndNs = ZERO;
  /** When the VMID flush of its hold is done, at which an emulated CPU's turn ends; NaN = none. */
  flushedNs = Number.NaN;
  /** Its hold goes on when it has a CPU again. */
  isInterrupted = false;
  /** It makes reads that slow each other down. */
  isReading = false;

  /** The activity under way, or the fault of its run; this and the next two are written by the FaultPath. */
  activity: Activity | undefined;
  /** It has waited for a split that does not come. */
  mayGoAhead = false;
  /** It holds, or waits for, the lock's read side. */
  sharesLock = false;
  /** The state of its fault or host operation. */
  readonly episode = new Episode();
  /** What its operations do under the lock. */
  readonly hold = new Hold();
  /** How far it is in an access run. */
  readonly run = new RunProgress();

  constructor(readonly index: number) {}

  /** Where ties between equal times are broken: the trace's order. */
  get sequence(): number {
    return this.activity?.sequence ?? 0;
  }
}

/** What a thread's operations do under the lock: written by Operations. */
class Hold {
  /** How long they take, if nothing interrupts them. */
  ns = ZERO;
  /** They changed the table. */
  hasStored = false;
  /** When the last VMID flush is done; NaN = none. */
  flushedNs = Number.NaN;
  /** Their numbers in the guest's log. */
  firstOperation = 0;
  lastOperation = 0;
}
