import { type Activity, ActivityKind, type Operation } from "../../activity/activity.js";
import { ZERO } from "../../double.js";
import { Cause } from "../counters.js";
import { HoldParts } from "./hold-parts.js";

/** What the record, interpreted by the reference, says about one operation: one hold of the MMU lock. */
export class Hold {
  operation!: Operation;
  /** Index of the thread that holds it. */
  thread = 0;
  /** Its index among the holds that are examined together (see Waits). */
  index = 0;
  /** When the lock was requested: when it was taken, if nothing explains a wait. Times are the record's, as below. */
  requestNs = ZERO;
  /** When the hold began (with the fault path's own clean, if the recording walker has one) and when it ended. */
  heldNs = ZERO;
  releasedNs = ZERO;
  /** The part of the hold before the operation: the fault path's clean. */
  cleanNs = ZERO;
  /** From the release that it waited for to its start; NaN = it did not wait. */
  handoffNs = Number.NaN;
  /** It shared the lock under the recording walker: a fault that held it for read. */
  isShared = false;
  /** Under the recording walker's shared lock: another fault had the entry, and nothing was done. */
  hasLost = false;
  /** The reference's table also shows the entry as taken. */
  isTaken = false;
  /** If one CPU ran everything: until when another operation held the lock. */
  heldUntilNs = Number.NEGATIVE_INFINITY;
  /** The same according to the reference: the end of the last hold that had ended by then. */
  freeNs = ZERO;
  /** The parts of its time, if its work is known. */
  readonly parts = new HoldParts();
  /** From the break to the install in the recording walker's own walk; NaN = it opened no window. */
  windowNs = Number.NaN;
  /** Whether deferred frees ran when it had ended, and their work. */
  hasFreed = false;
  freed: Float64Array | undefined;
  /**
   * For an interrupted walk: its stores up to the one due at `doneDueNs` are known to have been made by `doneNs`, both
   * relative to the operation's entry; NaN if unknown.
   */
  doneNs = Number.NaN;
  doneDueNs = Number.NaN;
  /** Time within it in which others had the CPU. */
  awayNs = ZERO;
  /** For a fault's coalesce: when its thread had entered the guest; NaN for other operations. */
  inGuestNs = Number.NaN;
  /** The range that it coalesces. */
  ipa = 0;
  bytes = 0;
  /** The operation's assumed duration: as recorded, or up to the next line if no return was recorded. */
  get ns(): number {
    return this.releasedNs - this.heldNs - this.cleanNs - this.awayNs;
  }

  /** Copies the fields that are compared with neighbours in the lock's order. */
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
 * What the record, interpreted by the reference, says about one activity, once for all sides: when its access was made
 * and what it hit, when its operations requested the lock and held it. All times are the record's.
 */
export class Baseline {
  activity!: Activity;
  /** The window of the record that it is settled with. */
  window: unknown;
  /** Number of the host's epoch in which it began. */
  epoch = 0;
  /** Whether results count it. */
  isCounted = false;
  /** From the access to the abort, at most. */
  exitNs = ZERO;
  /** Start of the exit path: the guest waits from here on. */
  accessNs = ZERO;
  /** When the table is looked up: at the access, or earlier if others had the CPU in the middle of the exit path. */
  lookNs = ZERO;
  /** The reference table's answer then: HIT or a FaultClass, and the level at which the walk ended. */
  answer = 0;
  level = 0;
  /** How often a block around the address had been split by then in the epoch. */
  splitsBefore = 0;
  /**
   * It caught up with a thread that was coalescing its block, and that had coalesced other blocks while this one was in
   * the guest: that thread, and when it had entered the guest; NaN = none.
   */
  followed = 0;
  followedNs = Number.NaN;
  /** No state of the reference's table explains its status. */
  isUnexplained = false;
  /** The recorded abort's class and cause: noted only if a side is the record. */
  faultClass = 0;
  cause: number = Cause.unexplained;
  /** For each further lap: when the table is looked up, and its answer (answer * 8 + level). */
  readonly lapLookNs: number[] = [];
  readonly lapAnswers: number[] = [];
  /** One for each operation. */
  readonly holds: Hold[] = [];
  /** From the abort to the request, without exit path and clean. */
  ownNs = ZERO;
  /**
   * The time between abort and operation beyond the thread's own time; the part of it that holds explain; and the parts
   * before the request in which the thread had no CPU: runnable, and asleep.
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
