import { type Activity, ActivityKind, type Operation } from "../../activity/activity.js";
import { ZERO } from "../../double.js";
import { Cause } from "../counters.js";
import { HoldParts } from "./hold-parts.js";

/** What the record, read through the reference, says of one operation: a hold of the MMU lock. */
export class Hold {
  operation!: Operation;
  /** Index of the thread: who holds it. */
  thread = 0;
  /** Its place among the holds that are looked at together (see Waits). */
  index = 0;
  /** The lock was asked for; that is when it was held where nothing explains a wait. Record's clock, as below. */
  requestNs = ZERO;
  /** The hold began, with the fault path's own clean where the recording walker has one; and it ended. */
  heldNs = ZERO;
  releasedNs = ZERO;
  /** The part of the hold before the operation: the fault path's clean. */
  cleanNs = ZERO;
  /** From the release that it waited for to its beginning; NaN = it did not wait. */
  handoffNs = Number.NaN;
  /** It shared the lock under the recording walker: faults that hold it for read. */
  isShared = false;
  /** Under the recording walker's shared lock: another fault had the entry, and nothing was done. */
  hasLost = false;
  /** The reference's table shows that, too. */
  isTaken = false;
  /** Where one CPU ran everything: until when another operation held the lock. */
  heldUntilNs = Number.NEGATIVE_INFINITY;
  /** The same, as the reference has it: when the last hold that had ended by then did. */
  freeNs = ZERO;
  /** What its time is made of, where its work is known. */
  readonly parts = new HoldParts();
  /** From the break to the install of the recording walker's own walk; NaN = it opened no window. */
  windowNs = Number.NaN;
  /** Deferred frees ran when it had ended, and what work that was. */
  hasFreed = false;
  freed: Float64Array | undefined;
  /**
   * Of an interrupted walk: its stores up to the one that would be due at `doneDueNs` are known to have been made by
   * `doneNs`, both from the operation's entry on; NaN where nothing tells.
   */
  doneNs = Number.NaN;
  doneDueNs = Number.NaN;
  /** Time in the middle of it in which others had the CPU. */
  awayNs = ZERO;
  /** Of a fault's coalesce: since when its thread had been in the guest; NaN = it is none. */
  inGuestNs = Number.NaN;
  /** What it coalesces: from there on, and so much. */
  ipa = 0;
  bytes = 0;
  /** What may be taken for the operation's duration: recorded, or up to the next line where no return was. */
  get ns(): number {
    return this.releasedNs - this.heldNs - this.cleanNs - this.awayNs;
  }

  /** Takes over what its neighbours in the lock's order are told by. */
  copy({ thread, heldNs, releasedNs, isShared, inGuestNs, ipa, bytes }: Hold): void {
    this.thread = thread;
    this.heldNs = heldNs;
    this.releasedNs = releasedNs;
    this.isShared = isShared;
    this.inGuestNs = inGuestNs;
    this.ipa = ipa;
    this.bytes = bytes;
  }

  begin(operation: Operation, thread: number): void {
    const { startNs, endNs, cpuNs, heldUntilNs } = operation;
    this.operation = operation;
    this.thread = thread;
    this.requestNs = this.heldNs = startNs;
    this.releasedNs = Number.isNaN(endNs) ? startNs : endNs;
    this.cleanNs = 0;
    this.doneNs = this.doneDueNs = Number.NaN;
    this.handoffNs = Number.NaN;
    this.isShared = this.hasLost = this.isTaken = this.hasFreed = false;
    this.windowNs = this.inGuestNs = Number.NaN;
    this.heldUntilNs = heldUntilNs;
    this.awayNs = Number.isNaN(cpuNs) ? 0 : Math.max(0, this.releasedNs - startNs - cpuNs);
  }
}

/**
 * What the record, read through the reference, says of one activity, once for all sides: when its access was made and
 * what it met, when its operations asked for the lock and held it. All times are the record's.
 */
export class Baseline {
  activity!: Activity;
  /** The stretch of the record that it is settled with. */
  window: unknown;
  /** Number of the epoch that it began in: of the host's own. */
  epoch = 0;
  /** Whether results count it. */
  isCounted = false;
  /** From the access to the abort, at most. */
  exitNs = ZERO;
  /** Exit path included: from here on the guest waits. */
  accessNs = ZERO;
  /** When the table is asked: the access, or before it, where others had the CPU in the middle of the exit path. */
  lookNs = ZERO;
  /** What the reference's table answered then: HIT or a FaultClass, and the level where the walk ended. */
  answer = 0;
  level = 0;
  /** How often a block around the address had been split in the epoch by then. */
  splitsBefore = 0;
  /**
   * It caught up with a thread that coalesced its block, and others while it was in the guest: that thread, and since when
   * that one had been in the guest; NaN = with none.
   */
  followed = 0;
  followedNs = Number.NaN;
  /** Whose status no state of the reference's table explains. */
  isUnexplained = false;
  /** The recorded abort's class, and why it came: noted where a side is the record. */
  faultClass = 0;
  cause: number = Cause.unexplained;
  /** Of each further lap: when its access was made, and what the table answered (answer * 8 + level). */
  readonly lapLookNs: number[] = [];
  readonly lapAnswers: number[] = [];
  /** One for each operation. */
  readonly holds: Hold[] = [];
  /** From the abort to the request: exit path and clean apart. */
  ownNs = ZERO;
  /**
   * What passed between abort and operation beyond the thread's own time; the part of it that holds explain; and the
   * parts before the request in which the thread had no CPU: fit to run, and asleep.
   */
  excessNs = ZERO;
  explainedNs = ZERO;
  preemptedNs = ZERO;
  sleptNs = ZERO;

  begin(activity: Activity, exitNs: number): this {
    this.activity = activity;
    this.exitNs = exitNs;
    this.isUnexplained = false;
    this.splitsBefore = 0;
    this.followedNs = Number.NaN;
    if (this.lapLookNs.length > 0) this.lapLookNs.length = this.lapAnswers.length = 0;
    this.answer = this.level = 0;
    this.ownNs = this.excessNs = this.explainedNs = this.preemptedNs = this.sleptNs = 0;
    this.accessNs = this.lookNs = activity.startNs;
    for (let n = 0; n < activity.operationCount; n++) {
      this.holds[n] ??= new Hold();
      this.hold(n).begin(activity.operation(n), activity.thread);
    }
    return this;
  }

  hold(n: number): Hold {
    return this.holds[n] as Hold;
  }

  get endNs(): number {
    const { activity } = this;
    const last = activity.operationCount - 1;
    return last < 0 ? activity.endNs : Math.max(activity.endNs, this.hold(last).releasedNs);
  }

  get isFault(): boolean {
    return this.activity.kind === ActivityKind.fault;
  }
}

/** Recycles baselines. */
export class BaselinePool {
  private readonly free: Baseline[] = [];

  take(activity: Activity, exitNs: number): Baseline {
    return (this.free.pop() ?? new Baseline()).begin(activity, exitNs);
  }

  release(baseline: Baseline): void {
    this.free.push(baseline);
  }
}
