import { type Activity, ActivityKind, type Operation, OperationKind } from "../../activity/activity.js";
import { ZERO } from "../../double.js";
import { FaultClass, faultClass } from "../../stage2/esr.js";
import { Shape } from "../plan.js";
import { type Baseline, Hold } from "./baseline.js";
import type { Judgement } from "./judgement.js";
import { type Learnt, ownKind } from "./learnt.js";

/**
 * A hand-off longer than usual is still one where the whole excess is so many times as long: that work of its own should
 * have ended just behind the release would be as unlikely.
 */
const COINCIDENCE = 64;

/** Holds of the window before that a wait may reach back to. */
const REACH = 64;

/** What is known of the machine that ran the record. */
export interface WaitConfig {
  readonly learnt: Learnt;
  readonly judgement: Judgement;
  /** One CPU ran everything: waits for the lock and for the CPU lie in one another. */
  readonly isOneStream: boolean;
  /** A waiter for the lock keeps its CPU. */
  readonly waitersSpin: boolean;
  /** The recording walker's fault path cleans before it calls map; ns a byte are `learnt`'s. */
  readonly recorderCleans: boolean;
  readonly pageBytes: number;
  readonly handlerNs: number;
}

/**
 * Tells waits from work. No trace shows the request for the lock, only the abort and the operation. Own time is what
 * the thread takes alone; of what an episode has beyond it, its excess, as much is a wait as an unbroken chain of holds
 * that ends at its operation explains. The rest is its own: page allocation, GUP, zeroing, and what sched events tell
 * apart, time off the CPU.
 */
export class Waits {
  /** The last holds of the window before, in the order in which they began: copies, as their baselines are used again. */
  private readonly before: Hold[] = [];
  /** By thread: the last chain that it is in. */
  private readonly chains: number[] = [];
  private chain = 0;
  /** Of that chain: since when it is unbroken, and when the last hold before the one at its end was over. */
  private sinceNs = ZERO;
  private lastReleaseNs = ZERO;

  constructor(private readonly config: WaitConfig) {}

  /** Learns from a window of baselines, then settles when each of its operations asked for the lock. */
  settle(window: readonly Baseline[]): void {
    const { learnt } = this.config;
    for (const baseline of window) this.learnOperations(baseline);
    learnt.settle();
    for (const baseline of window) {
      this.learnDurations(baseline);
      this.setClean(baseline);
    }
    const holds = this.inOrder(window);
    for (const baseline of window) this.learnOwn(baseline, holds);
    if (!this.config.isOneStream) for (const baseline of window) this.learnGap(baseline, holds);
    for (const baseline of window) this.setParts(baseline);
    for (const baseline of window) {
      if (!baseline.isFault || baseline.activity.operationCount === 0) continue;
      if (this.config.isOneStream) this.settleStream(baseline);
      else {
        this.settleChain(baseline, holds, baseline.hold(0).index);
        settleFollowed(baseline, holds);
      }
      if (!baseline.isCounted) continue;
      const matching = this.config.judgement.ofEpoch(baseline.epoch);
      matching.excessNs += baseline.excessNs;
      matching.explainedNs += baseline.explainedNs;
      matching.preemptedNs += baseline.preemptedNs;
      matching.sleptNs += baseline.sleptNs;
    }
    this.keep(holds.slice(-REACH));
  }

  private keep(holds: readonly Hold[]): void {
    const { before } = this;
    while (before.length < holds.length) before.push(new Hold());
    // There are never fewer than before.
    for (let n = 0; n < holds.length; n++) (before[n] as Hold).copy(holds[n] as Hold);
  }

  /** All holds of the window, and the last of the one before, in the order in which they began. */
  private inOrder(window: readonly Baseline[]): readonly Hold[] {
    const holds: Hold[] = [...this.before];
    for (const { activity, holds: own } of window)
      for (let n = 0; n < activity.operationCount; n++) {
        const hold = own[n] as Hold;
        noteCoalesce(hold, activity);
        let at = holds.length;
        holds.push(hold);
        for (; at > 0 && isAfter(holds[at - 1] as Hold, hold); at--) holds[at] = holds[at - 1] as Hold;
        holds[at] = hold;
      }
    for (let n = 0; n < holds.length; n++) (holds[n] as Hold).index = n;
    return holds;
  }

  private learnOperations({ activity, holds }: Baseline): void {
    const { learnt } = this.config;
    learnt.learnLine(activity.lineNs);
    for (const ns of activity.teardownNs) learnt.learnTeardown(ns);
    for (let n = 0; n < activity.operationCount; n++) {
      const operation = activity.operation(n);
      const hold = holds[n] as Hold;
      if (operation.isCredible && isUndisturbed(operation, hold)) learnt.learnOperation(operation, hold.ns);
    }
    for (let n = 0; n < activity.lapNs.length; n++)
      learnt.learnLap(
        (activity.lapNs[n] as number) -
          (n === 0 ? activity.startNs : (activity.lapNs[n - 1] as number)) -
          (activity.lapOffNs[n] as number),
      );
    if (activity.kind !== ActivityKind.fault || activity.operationCount !== 1 || activity.laps > 1) return;
    const operation = activity.operation(0);
    learnt.learnTail(activity.endNs - (holds[0] as Hold).releasedNs - activity.afterOffNs);
    if (activity.beforeOffNs > 0) return;
    if (!this.config.recorderCleans || operation.kind !== OperationKind.map || !operation.isCredible) return;
    const beforeNs = operation.startNs - activity.startNs;
    learnt.learnBefore(operation.bytes, beforeNs, operation.startNs - operation.heldUntilNs);
  }

  private learnDurations({ activity, holds }: Baseline): void {
    for (let n = 0; n < activity.operationCount; n++) {
      const operation = activity.operation(n);
      const hold = holds[n] as Hold;
      if (operation.isCredible && isUndisturbed(operation, hold))
        this.config.learnt.learnDuration(operation, hold.ns);
    }
  }

  /** The fault path's own clean is in the time before the map, and under the lock. */
  private setClean({ activity, holds }: Baseline): void {
    const { learnt, recorderCleans } = this.config;
    if (!recorderCleans || activity.kind !== ActivityKind.fault || activity.operationCount === 0) return;
    const operation = activity.operation(0);
    if (operation.kind !== OperationKind.map || faultClass(activity.esr) !== FaultClass.translation) return;
    const hold = holds[0] as Hold;
    const sinceNs = activity.lapNs.at(-1) ?? activity.startNs;
    // Of a silent clean where one CPU runs all, only the clock bounds it.
    hold.cleanNs = Math.round(Math.min(operation.bytes * learnt.cleanByteNs, operation.startNs - sinceNs));
    hold.heldNs = hold.requestNs = operation.startNs - hold.cleanNs;
  }

  /** What each operation whose work is known is made of. */
  private setParts({ activity, holds }: Baseline): void {
    for (let n = 0; n < activity.operationCount; n++) {
      const { operation, parts, ns } = holds[n] as Hold;
      parts.knowsClean = this.config.learnt.knowsClean;
      if (operation.shape >= 0) parts.set(operation, ns, this.config.learnt);
    }
  }

  private learnOwn({ activity, holds: own }: Baseline, holds: readonly Hold[]): void {
    const { learnt, isOneStream, pageBytes } = this.config;
    if (activity.kind !== ActivityKind.fault || activity.operationCount === 0 || activity.laps > 1) return;
    const hold = own[0] as Hold;
    const ns =
      hold.heldNs - activity.startNs - Math.min(activity.beforeOffNs, hold.heldNs - activity.startNs);
    const isAlone = isOneStream
      ? activity.operation(0).startNs - activity.startNs === activity.beforeCpuNs
      : !isContended(holds, hold.index, activity.startNs);
    if (isAlone) learnt.learnOwn(ownKind(activity.operation(0), pageBytes), ns);
  }

  private learnGap({ activity, holds: own }: Baseline, holds: readonly Hold[]): void {
    if (activity.kind !== ActivityKind.fault || activity.operationCount === 0) return;
    const hold = own[0] as Hold;
    const before = lastBefore(holds, hold.index);
    if (before !== undefined && this.mayAskSinceNs(activity) < before.releasedNs)
      this.config.learnt.learnGap(hold.heldNs - before.releasedNs);
  }

  /** A waiter that spins keeps its CPU: it has not been asking since before it came onto it. */
  private mayAskSinceNs({ lapNs, startNs, cameNs }: Activity): number {
    const abortNs = lapNs.at(-1) ?? startNs;
    return this.config.waitersSpin ? Math.max(abortNs, cameNs) : abortNs;
  }

  private settleChain(baseline: Baseline, holds: readonly Hold[], at: number): void {
    const { activity } = baseline;
    const hold = baseline.hold(0);
    const abortNs = activity.lapNs.at(-1) ?? activity.startNs;
    const beforeNs = hold.heldNs - abortNs;
    const offNs = Math.min(beforeNs, activity.beforeOffNs);
    const ownNs = Math.min(beforeNs - offNs, this.usualOwnNs(baseline));
    baseline.excessNs = beforeNs - ownNs;
    // All that a thread which spins was off its CPU lies before its request.
    const offBeforeNs = this.config.waitersSpin ? offNs : 0;
    this.follow(hold, holds, at, (baseline.excessNs - offBeforeNs) / COINCIDENCE);
    const { sinceNs, lastReleaseNs } = this;
    const askedNs = Math.max(abortNs + ownNs + offBeforeNs, this.mayAskSinceNs(activity));
    const requestNs = Math.round(Math.max(askedNs, sinceNs));
    // Without a hold that ends after it has asked it does not wait.
    if (requestNs < lastReleaseNs) {
      hold.requestNs = requestNs;
      hold.handoffNs = hold.heldNs - lastReleaseNs;
      baseline.explainedNs = hold.heldNs - requestNs;
    } else {
      hold.requestNs = hold.heldNs;
      hold.handoffNs = Number.NaN;
    }
    baseline.ownNs = hold.requestNs - abortNs;
    // A waiter that sleeps is off its CPU while it waits: that is a wait.
    const restNs = Math.min(offNs, baseline.excessNs - baseline.explainedNs);
    baseline.preemptedNs = Math.min(restNs, activity.beforeOffNs - activity.beforeSleptNs);
    baseline.sleptNs = restNs - baseline.preemptedNs;
  }

  /** The unbroken chain of conflicting holds that ends where the hold begins. */
  private follow(hold: Hold, holds: readonly Hold[], at: number, lastGapNs: number): void {
    const { chains } = this;
    const { handoffLimitNs } = this.config.learnt;
    let limitNs = Math.max(handoffLimitNs, lastGapNs);
    let sinceNs = hold.heldNs;
    let lastReleaseNs = Number.NEGATIVE_INFINITY;
    // A queue lets each thread in once before who waits in it.
    const chain = ++this.chain;
    chains[hold.thread] = chain;
    for (let n = at - 1; n >= 0; n--) {
      const earlier = holds[n] as Hold;
      if (earlier.isShared && hold.isShared) continue;
      if (earlier.releasedNs <= hold.heldNs) lastReleaseNs = Math.max(lastReleaseNs, earlier.releasedNs);
      // It ran beside this one, or beside one of the chain: the lock did not keep them apart.
      if (earlier.releasedNs > sinceNs) continue;
      if (sinceNs - earlier.releasedNs > limitNs || chains[earlier.thread] === chain) break;
      chains[earlier.thread] = chain;
      sinceNs = earlier.heldNs;
      limitNs = handoffLimitNs;
    }
    this.sinceNs = sinceNs;
    this.lastReleaseNs = lastReleaseNs;
  }

  /** On one CPU the thread's own time is its CPU time; it asks then, and who has the lock keeps it. */
  private settleStream(baseline: Baseline): void {
    const { activity } = baseline;
    const hold = baseline.hold(0);
    const abortNs = activity.lapNs.at(-1) ?? activity.startNs;
    const beforeNs = Math.max(0, hold.heldNs - abortNs);
    const ownNs = Math.min(beforeNs, Math.max(0, activity.beforeCpuNs - hold.cleanNs));
    baseline.ownNs = Math.round(
      activity.lapNs.length > 0 ? Math.min(beforeNs, this.usualOwnNs(baseline)) : ownNs,
    );
    baseline.excessNs = beforeNs - baseline.ownNs;
    hold.requestNs = abortNs + baseline.ownNs;
    const untilNs = hold.isShared ? hold.requestNs : Math.min(hold.heldNs, hold.heldUntilNs);
    baseline.explainedNs = Math.max(0, untilNs - hold.requestNs);
  }

  private usualOwnNs({ activity }: Baseline): number {
    const { learnt, pageBytes, handlerNs } = this.config;
    return Math.round(learnt.ownNs(ownKind(activity.operation(0), pageBytes)) ?? handlerNs);
  }
}

/** A hold that lasted as long as its record says, with nobody else in between. */
function isUndisturbed(operation: Operation, hold: Hold): boolean {
  return !Number.isNaN(operation.endNs) && hold.awayNs === 0;
}

function isAfter(a: Hold, b: Hold): boolean {
  return a.heldNs > b.heldNs || (a.heldNs === b.heldNs && a.releasedNs > b.releasedNs);
}

function noteCoalesce(hold: Hold, { kind, startNs, thinkNs }: Activity): void {
  const { shape, ipa, bytes } = hold.operation;
  if (kind !== ActivityKind.fault || shape !== Shape.coalesce) return;
  hold.inGuestNs = startNs - thinkNs;
  hold.ipa = ipa;
  hold.bytes = bytes;
}

/**
 * Whether the fault met another thread's coalesce of its block, and that one had coalesced other blocks while this one was
 * in the guest. Had it read them, it left no line of it.
 */
function settleFollowed(baseline: Baseline, holds: readonly Hold[]): void {
  const { activity, lookNs } = baseline;
  const own = baseline.hold(0);
  if (own.operation.shape !== Shape.unchanged) return;
  const sinceNs = activity.startNs - activity.thinkNs;
  let met: Hold | undefined;
  for (let n = own.index - 1; n >= Math.max(0, own.index - REACH); n--) {
    const hold = holds[n] as Hold;
    if (hold.heldNs < sinceNs) return;
    if (hold.thread === own.thread || Number.isNaN(hold.inGuestNs)) continue;
    const isIts = activity.ipa >= hold.ipa && activity.ipa < hold.ipa + hold.bytes;
    if (isIts && met === undefined && hold.inGuestNs <= lookNs && hold.releasedNs > lookNs) met = hold;
    if (isIts || hold.thread !== met?.thread) continue;
    baseline.followed = met.thread;
    baseline.followedNs = met.inGuestNs;
    return;
  }
}

/** Whether another hold lies between `sinceNs` and the beginning of the one at `at`, in whole or in part. */
function isContended(holds: readonly Hold[], at: number, sinceNs: number): boolean {
  const { thread } = holds[at] as Hold;
  for (let n = at - 1; n >= Math.max(0, at - REACH); n--) {
    const earlier = holds[n] as Hold;
    if (earlier.releasedNs > sinceNs && earlier.thread !== thread) return true;
  }
  return false;
}

/** The last hold that ended before the one at `at` began. */
function lastBefore(holds: readonly Hold[], at: number): Hold | undefined {
  const hold = holds[at] as Hold;
  for (let n = at - 1; n >= Math.max(0, at - REACH); n--) {
    const earlier = holds[n] as Hold;
    if (earlier.isShared && hold.isShared) continue;
    if (earlier.releasedNs <= hold.heldNs) return earlier.thread === hold.thread ? undefined : earlier;
  }
  return undefined;
}
