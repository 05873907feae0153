import { type Activity, ActivityKind } from "../activity/activity.js";
import { ZERO } from "../double.js";
import { LAST_LEVEL } from "../stage2/granule.js";
import { Cause, Cost, costs } from "./counters.js";

/** The side of a run that is none of the result's: the recording strategy's self-replay, beside replays elsewhere. */
export const NO_SIDE = -1;

/**
 * A fault or a host operation of one replay, as it ended. An observer copies what it keeps of one: it is used
 * again. Times: ns since the trace's first event, on the replay's clock, not rounded; NaN = there was none.
 */
export class Episode {
  /** Index among the strategies of the result, or NO_SIDE. */
  side = NO_SIDE;
  /** The result counts it. */
  counted = false;
  /** Else an operation of the host. */
  isFault = false;
  /** Index of the thread (see Thread), and of the VM; -1 = unknown. */
  thread = 0;
  vm = -1;
  /** Of the trace, where it begins; for an access of a run, where that begins. */
  line = 0;
  /** Of the epoch; undefined where nothing names it. */
  epoch: string | undefined;
  /** Counts epochs, the same ones on every side; and when it began. */
  epochNumber = 0;
  epochStartNs = ZERO;
  /** Faulting address; of a host operation, where its first one begins. */
  ipa = ZERO;
  /** ESR_EL2 as recorded; 0 for operations. */
  esr = 0;
  /** FaultClass and level of the abort that the replayed table gives. */
  faultClass = 0;
  faultLevel = 0;
  cause: number = Cause.unexplained;
  /** Aborts that it took. */
  laps = 1;
  /** OperationKind of its last operation, the range that it was for, and how many there were; -1 = none. */
  operation = -1;
  operationIpa = ZERO;
  operationBytes = ZERO;
  operations = 0;
  /** The access; of an operation, the request for the lock. */
  startNs = ZERO;
  /** The re-entry; of an operation, the unlock. */
  endNs = ZERO;
  /** The MMU lock was asked for (the last time, where there were several), and held. */
  requestedNs = Number.NaN;
  lockedNs = Number.NaN;
  unlockedNs = Number.NaN;
  /** Table -> block replacements, and the window of the last, from its entry's break to its install. */
  windows = 0;
  brokenNs = Number.NaN;
  installedNs = Number.NaN;
  /** Block -> table replacements. */
  splits = 0;
  /** From the first page put to the last table freed, where a table was; within the hold. */
  teardownNs = Number.NaN;
  tornDownNs = Number.NaN;
  /** What the VM has mapped when it ended, by level of the leaf; 0 where the observer hears of repetitions. */
  readonly mappedBytes = new Float64Array(LAST_LEVEL + 1);
  /** By Cost. Of a fault they sum to its stall, but for rounding; of an operation, exit, handler and retry are 0. */
  readonly costNs = new Float64Array(costs.length);

  /** An activity begins: of what it came to, nothing is known. */
  begin(
    activity: Activity,
    counted: boolean,
    epochNumber: number,
    epoch: string | undefined,
    epochStartNs: number,
  ): void {
    const isFault = activity.kind === ActivityKind.fault;
    const count = activity.operationCount;
    const last = count === 0 ? undefined : activity.operation(count - 1);
    this.counted = counted;
    this.isFault = isFault;
    this.thread = activity.thread;
    this.vm = activity.vm;
    this.line = activity.line;
    this.epoch = epoch;
    this.epochNumber = epochNumber;
    this.epochStartNs = epochStartNs;
    this.ipa = isFault || count === 0 ? activity.ipa : activity.operation(0).ipa;
    this.esr = isFault ? activity.esr : 0;
    this.faultClass = this.faultLevel = 0;
    this.cause = Cause.unexplained;
    this.laps = isFault ? 1 : 0;
    this.operation = last?.kind ?? -1;
    this.operationIpa = last?.ipa ?? Number.NaN;
    this.operationBytes = last?.bytes ?? Number.NaN;
    this.operations = count;
    this.requestedNs = this.lockedNs = this.unlockedNs = Number.NaN;
    this.windows = this.splits = 0;
    this.brokenNs = this.installedNs = this.teardownNs = this.tornDownNs = Number.NaN;
    this.costNs.fill(0);
  }

  /** The walk was interrupted at `sinceNs`: what it was to do after that comes so much later. */
  delayEdges(sinceNs: number, byNs: number): void {
    if (this.brokenNs > sinceNs) this.brokenNs += byNs;
    if (this.installedNs > sinceNs) this.installedNs += byNs;
    if (this.teardownNs > sinceNs) this.teardownNs += byNs;
    if (this.tornDownNs > sinceNs) this.tornDownNs += byNs;
  }

  /** All that it has come to so far is so much later. */
  delay(byNs: number): void {
    this.startNs += byNs;
    this.requestedNs += byNs;
    this.lockedNs += byNs;
  }

  /** So much more of its time goes there. */
  spend(cost: number, ns: number): void {
    this.costNs[cost] = (this.costNs[cost] as number) + ns;
  }

  /** Of a fault: from the access to the re-entry. */
  get stallNs(): number {
    return this.endNs - this.startNs;
  }

  get lockWaitNs(): number {
    return this.costNs[Cost.lockWait] as number;
  }
}
