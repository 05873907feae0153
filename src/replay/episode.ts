import { type Activity, ActivityKind } from "../activity/activity.js";
import { ZERO } from "../double.js";
import { LAST_LEVEL } from "../stage2/granule.js";
import { Cause, Cost, costs } from "./counters.js";

/** Side number of a replay that is no side of the result: the recording strategy's self-replay beside simulations. */
export const NO_SIDE = -1;

/**
 * A fault or a host operation of one replay, as it ended. An observer must copy what it keeps, since the object is
 * reused. Times: ns since the trace's first event, on the replay's clock, not rounded; NaN = none.
 */
export class Episode {
  /** Index among the strategies of the result, or NO_SIDE. */
  side = NO_SIDE;
  /** Whether the result counts it. */
  counted = false;
  /** A fault; else a host operation. */
  isFault = false;
  /** Index of the thread (see Thread), and of the VM; -1 = unknown. */
  thread = 0;
  vm = -1;
  /** Line of the trace where it begins; for an access of a run, where the run begins. */
  line = 0;
  /** Label of the epoch; undefined if it has none. */
  epoch: string | undefined;
  /** Number of the epoch, the same on every side; and when it began. */
  epochNumber = 0;
  epochStartNs = ZERO;
  /** Faulting address; for a host operation, the start of its first one. */
  ipa = ZERO;
  /** ESR_EL2 as recorded; 0 for operations. */
  esr = 0;
  /** FaultClass and level of the abort that the replayed table causes. */
  faultClass = 0;
  faultLevel = 0;
  cause: number = Cause.unexplained;
  /** Number of aborts. */
  laps = 1;
  /** OperationKind and range of its last operation, and the number of operations; -1 = none. */
  operation = -1;
  operationIpa = ZERO;
  operationBytes = ZERO;
  operations = 0;
  /** The access; for an operation, the request for the lock. */
  startNs = ZERO;
  /** The re-entry; for an operation, the unlock. */
  endNs = ZERO;
  /** When the MMU lock was requested (the last time, if there were several), taken, and dropped. */
  requestedNs = Number.NaN;
  lockedNs = Number.NaN;
  unlockedNs = Number.NaN;
  /** Table -> block replacements, and the last one's window, from its entry's break to its install. */
  windows = 0;
  brokenNs = Number.NaN;
  installedNs = Number.NaN;
  /** Block -> table replacements. */
  splits = 0;
  /** From the first page put to the last table freed, if a table was freed; within the hold. */
  teardownNs = Number.NaN;
  tornDownNs = Number.NaN;
  /** Bytes that the VM had mapped when it ended, by leaf level; 0 if the observer accepts repetitions. */
  readonly mappedBytes = new Float64Array(LAST_LEVEL + 1);
  /** By Cost. For a fault they sum to its stall, up to rounding; for an operation, exit, handler and retry are 0. */
  readonly costNs = new Float64Array(costs.length);

  /** An activity begins: resets all results. */
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

  /** The walk was interrupted at `sinceNs`: delays its later steps by `byNs`. */
  delayEdges(sinceNs: number, byNs: number): void {
    if (this.brokenNs > sinceNs) this.brokenNs += byNs;
    if (this.installedNs > sinceNs) this.installedNs += byNs;
    if (this.teardownNs > sinceNs) this.teardownNs += byNs;
    if (this.tornDownNs > sinceNs) this.tornDownNs += byNs;
  }

  /** Delays everything so far by `byNs`. */
  delay(byNs: number): void {
    this.startNs += byNs;
    this.requestedNs += byNs;
    this.lockedNs += byNs;
  }

  /** Adds time to a cost. */
  spend(cost: number, ns: number): void {
    this.costNs[cost] = (this.costNs[cost] as number) + ns;
  }

  /** For a fault: from the access to the re-entry. */
  get stallNs(): number {
    return this.endNs - this.startNs;
  }

  get lockWaitNs(): number {
    return this.costNs[Cost.lockWait] as number;
  }
}
