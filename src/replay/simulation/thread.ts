import type { Activity } from "../../activity/activity.js";
import { ZERO } from "../../double.js";
import { Episode } from "../episode.js";
import type { Due } from "../queue.js";
import { RunProgress } from "./run-progress.js";

export const ThreadStep = {
  /** Nothing to do until more of the trace is known. */
  idle: 0,
  /** It waits for a point in time, without a CPU. */
  timer: 1,
  /** Guest (or VMM) work before the next access. */
  think: 2,
  /** From the access to the request for the MMU lock. */
  handler: 3,
  /** It is in the lock's queue. */
  waiting: 4,
  /** It has the lock and waits for a CPU. */
  granted: 5,
  hold: 6,
  /** Under the read lock it hit an entry held by another fault: it returns to the guest, which faults again. */
  retry: 7,
  /** From the operation's return to the re-entry, if nothing follows yet. */
  tail: 8,
  /** Ahead of the record: its access comes after another thread's split. */
  ahead: 9,
  /** It is the head of an rwlock's queue, and waits for a CPU to mark the lock as wanted. */
  claim: 10,
} as const;
export type ThreadStep = (typeof ThreadStep)[keyof typeof ThreadStep];

/** Something that is done at a given time; an element of the event queue. */
export class Alarm implements Due {
  readonly rank = 0;
  dueNs = ZERO;

  /** @param vm VM whose table is to be checked then */
  constructor(readonly vm: number) {}

  get sequence(): number {
    return 0;
  }
}

/** One thread of the host in one replay. Times are the replay's. */
export class Thread implements Due {
  readonly rank = 0;
  /** Current step; the Schedule and the Cpus write this field and all fields up to `isReading`. */
  step: ThreadStep = ThreadStep.idle;
  /** When the step ends; orders the event queue. */
  dueNs = ZERO;
  /** CPU time that the step still needs. */
  leftNs = ZERO;
  /** When its current turn on a CPU began; or, without a CPU in the middle of a hold, when that turn ended. */
  turnNs = ZERO;
  onCpu = false;
  /** When it must give up its CPU, if it has not waited by then. */
  turnEndNs = ZERO;
  /** When the VMID flush of its hold is done, at which an emulated CPU's turn ends; NaN = none. */
  flushedNs = Number.NaN;
  /** Its hold continues when it has a CPU again. */
  isInterrupted = false;
  /** It makes reads that slow each other down. */
  isReading = false;

  /** The current activity, or the fault of its run; the FaultPath writes this and the next two fields. */
  activity: Activity | undefined;
  /** It has waited for a split that does not come. */
  mayGoAhead = false;
  /** It holds, or waits for, the lock for read. */
  sharesLock = false;
  /** The state of its fault or host operation. */
  readonly episode = new Episode();
  /** Its operations under the lock. */
  readonly hold = new Hold();
  /** Its progress in an access run. */
  readonly run = new RunProgress();

  constructor(readonly index: number) {}

  /** Breaks ties between equal times: the trace's order. */
  get sequence(): number {
    return this.activity?.sequence ?? 0;
  }
}

/** A thread's operations under the lock, written by Operations. */
class Hold {
  /** Their duration, if nothing interrupts them. */
  ns = ZERO;
  /** Whether they changed the table. */
  hasStored = false;
  /** When the VMID flush of the last operation is done; NaN = none. */
  flushedNs = Number.NaN;
  /** Their numbers in the guest's log. */
  firstOperation = 0;
  lastOperation = 0;
}
