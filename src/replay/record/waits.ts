import { type Activity, ActivityKind, type Operation, OperationKind } from "../../activity/activity.js";
import { ZERO } from "../../double.js";
import { FaultClass, faultClass } from "../../stage2/esr.js";
import { Shape } from "../plan.js";
import { type Baseline, Hold } from "./baseline.js";
import type { Judgement } from "./judgement.js";
import { type Learnt, ownKind } from "./learnt.js";

/**
 * A hand-off may be longer than usual if the whole excess is this many times as long: it would be just as unlikely that
 * other work happened to end right after the release.
 */
const COINCIDENCE = 64;

/** Holds of the previous window that a wait may reach back to. */
const REACH = 64;

/** What is known about the recording machine. */
export interface WaitConfig {
  readonly learnt: Learnt;
  readonly judgement: Judgement;
  /** One CPU ran everything: waits for the lock and waits for the CPU overlap. */
  readonly isOneStream: boolean;
  /** A waiter for the lock keeps its CPU. */
  readonly waitersSpin: boolean;
  /** The recording walker's fault path cleans before it calls map; `learnt` has the ns per byte. */
  readonly recorderCleans: boolean;
  readonly pageBytes: number;
  readonly handlerNs: number;
}

/**
 * Separates waits from work. No trace shows the request for the lock, only the abort and the operation. Own time is
 * what the thread takes when alone; an episode's time beyond it is its excess. The excess is a wait as far as an
 * unbroken chain of holds that ends at its operation explains it. The rest is the episode's own: page allocation, GUP,
 * zeroing, and time off the CPU, which sched events show.
 */
export class Waits {
  /** The last holds of the previous window, by start: copies, since their baselines are reused. */
  private readonly before: Hold[] = [];
  /** By thread: the last chain that it is part of. */
  private readonly chains: number[] = [];
  private chain = 0;
  /** The start of that chain, and the end of the last hold before the one at the chain's end. */
  private sinceNs = ZERO;
  private lastReleaseNs = ZERO;

  constructor(private readonly config: WaitConfig) {}

  /** Learns from a window of baselines, then settles when each of its operations requested the lock. */
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
    // The number of holds never shrinks.
    for (let n = 0; n < holds.length; n++) (before[n] as Hold).copy(holds[n] as Hold);
  }

  /** All holds of the window, and the last ones of the previous window, by start. */
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

  /** The fault path's own clean is part of the time before the map, and under the lock. */
  private setClean({ activity, holds }: Baseline): void {
    const { learnt, recorderCleans } = this.config;
    if (!recorderCleans || activity.kind !== ActivityKind.fault || activity.operationCount === 0) return;
    const operation = activity.operation(0);
    if (operation.kind !== OperationKind.map || faultClass(activity.esr) !== FaultClass.translation) return;
    const hold = holds[0] as Hold;
    const sinceNs = activity.lapNs.at(-1) ?? activity.startNs;
    // If one CPU runs everything, only the clock bounds a clean that no event shows.
    hold.cleanNs = Math.round(Math.min(operation.bytes * learnt.cleanByteNs, operation.startNs - sinceNs));
    hold.heldNs = hold.requestNs = operation.startNs - hold.cleanNs;
  }

  /** Sets the parts of each operation whose work is known. */
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

  /** A spinning waiter keeps its CPU, so it cannot have requested the lock before it last got the CPU. */
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
    // A spinning thread's time off the CPU is all before its request.
    const offBeforeNs = this.config.waitersSpin ? offNs : 0;
    this.follow(hold, holds, at, (baseline.excessNs - offBeforeNs) / COINCIDENCE);
    const { sinceNs, lastReleaseNs } = this;
    const askedNs = Math.max(abortNs + ownNs + offBeforeNs, this.mayAskSinceNs(activity));
    const requestNs = Math.round(Math.max(askedNs, sinceNs));
    // If no hold ends after its request, it does not wait.
    if (requestNs < lastReleaseNs) {
      hold.requestNs = requestNs;
      hold.handoffNs = hold.heldNs - lastReleaseNs;
      baseline.explainedNs = hold.heldNs - requestNs;
    } else {
      hold.requestNs = hold.heldNs;
      hold.handoffNs = Number.NaN;
    }
    baseline.ownNs = hold.requestNs - abortNs;
    // A sleeping waiter is off its CPU while it waits: that time is a wait.
    const restNs = Math.min(offNs, baseline.excessNs - baseline.explainedNs);
    baseline.preemptedNs = Math.min(restNs, activity.beforeOffNs - activity.beforeSleptNs);
    baseline.sleptNs = restNs - baseline.preemptedNs;
  }

  /** Finds the unbroken chain of conflicting holds that ends where the hold begins. */
  private follow(hold: Hold, holds: readonly Hold[], at: number, lastGapNs: number): void {
    const { chains } = this;
    const { handoffLimitNs } = this.config.learnt;
    let limitNs = Math.max(handoffLimitNs, lastGapNs);
    let sinceNs = hold.heldNs;
    let lastReleaseNs = Number.NEGATIVE_INFINITY;
    // A queue admits each thread only once ahead of a waiter.
    const chain = ++this.chain;
    chains[hold.thread] = chain;
    for (let n = at - 1; n >= 0; n--) {
      const earlier = holds[n] as Hold;
      if (earlier.isShared && hold.isShared) continue;
      if (earlier.releasedNs <= hold.heldNs) lastReleaseNs = Math.max(lastReleaseNs, earlier.releasedNs);
      // It overlapped this hold or one of the chain: the lock did not exclude them.
      if (earlier.releasedNs > sinceNs) continue;
      if (sinceNs - earlier.releasedNs > limitNs || chains[earlier.thread] === chain) break;
      chains[earlier.thread] = chain;
      sinceNs = earlier.heldNs;
      limitNs = handoffLimitNs;
    }
    this.sinceNs = sinceNs;
    this.lastReleaseNs = lastReleaseNs;
  }

  /** On one CPU the thread's own time is its CPU time; it then requests the lock, which the holder keeps. */
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

/** Whether the hold lasted as recorded, without others in between. */
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
 * Settles whether the fault hit another thread's coalesce of its block, and that thread had coalesced other blocks
 * while this one was in the guest. If this one read those, that left no line.
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

/** Whether another thread's hold overlaps the time between `sinceNs` and the start of the hold at `at`. */
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
