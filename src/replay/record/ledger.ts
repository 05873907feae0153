import { type Operation, OperationKind } from "../../activity/activity.js";
import { FaultClass, isGuestTableWalk } from "../../stage2/esr.js";
import { Charge } from "../../stage2/meter.js";
import type { Strategy } from "../../strategy/strategy.js";
import type { CostScale } from "../cost-scale.js";
import { Cost, type Counters } from "../counters.js";
import type { Episode } from "../episode.js";
import type { EpochSpan } from "../epochs.js";
import { noteExposed } from "../exposed.js";
import type { Baseline, Hold } from "./baseline.js";
import { type HoldTime, heldCosts } from "./hold-time.js";
import type { Learnt } from "./learnt.js";

/** What one ledger counts, and its cost factors. */
export interface LedgerConfig {
  readonly strategy: Strategy;
  readonly scale: CostScale;
  readonly counters: Counters;
  readonly holdTime: HoldTime;
  readonly learnt: Learnt;
  readonly fwb: boolean;
  readonly pageBytes: number;
}

/**
 * The accounts of one side: where the time of its activities goes, and the work of its walks. Each method takes the
 * record's time of a part, and returns how much longer the part takes on this side (shorter: negative). ThreadLedger
 * and StreamLedger define what a wait is, and what follows the last operation.
 */
export abstract class Ledger {
  constructor(protected readonly config: LedgerConfig) {}

  /** The lock is taken at `episode.lockedNs`, requested at `requestedNs`; the previous hold ended at `freeNs`. */
  abstract lock(episode: Episode, hold: Hold, n: number, freeNs: number): void;

  /** From one operation of an activity to the next. */
  abstract between(episode: Episode, baseline: Baseline, n: number): number;

  /** From the last release (or, without an operation, the abort) into the guest. */
  abstract tail(episode: Episode, baseline: Baseline, sinceNs: number): number;

  /** An access that is a fault in the record is made. */
  meet({ activity, isCounted }: Baseline): void {
    if (isCounted) this.config.counters.recorded += activity.laps;
  }

  mmio({ isCounted }: Baseline): void {
    if (isCounted) this.config.counters.mmioAborts++;
  }

  /** From the access to the abort. */
  exit(episode: Episode, { activity, accessNs }: Baseline): number {
    const exitNs = activity.startNs - accessNs;
    const ownNs = Math.round(exitNs * this.config.scale.of(Cost.exit));
    episode.costNs[Cost.exit] = ownNs;
    return ownNs - exitNs;
  }

  /** From the first abort of an access to its last. */
  laps(episode: Episode, { activity }: Baseline): number {
    const lapsNs = (activity.lapNs.at(-1) as number) - activity.startNs;
    return this.retried(episode, lapsNs) - lapsNs;
  }

  /** An operation that found its entry taken, and did nothing. @returns its duration on this side */
  lost(episode: Episode, hold: Hold): number {
    return this.retried(episode, hold.ns);
  }

  private retried(episode: Episode, recordedNs: number): number {
    const ns = Math.round(recordedNs * this.config.scale.of(Cost.retry));
    episode.spend(Cost.retry, ns);
    return ns;
  }

  /** From the (last) abort to the request for the lock. */
  own(episode: Episode, { ownNs, preemptedNs, sleptNs }: Baseline): number {
    const busyNs = ownNs - preemptedNs - sleptNs;
    const ns = Math.round(busyNs * this.config.scale.of(Cost.handler));
    // Its sleep belongs to the fault; the time when others had its CPU does not.
    episode.spend(Cost.handler, ns + sleptNs);
    return ns - busyNs;
  }

  /**
   * The fault path's own clean, under the lock and before the first operation, if the strategy has one.
   * @returns its time
   */
  cleanFirst(episode: Episode, baseline: Baseline): number {
    const { strategy, fwb, scale, learnt, counters } = this.config;
    if (!strategy.faultPathCleans || fwb || !baseline.isFault) return 0;
    const operation = baseline.activity.operation(0);
    if (operation.kind !== OperationKind.map || episode.faultClass !== FaultClass.translation) return 0;
    const { cleanNs, parts } = baseline.hold(0);
    const recordedNs = cleanNs > 0 ? cleanNs : operation.bytes * learnt.cleanByteNs;
    const ns = Math.round(recordedNs * scale.of(Cost.clean));
    episode.spend(Cost.clean, ns);
    if (baseline.isCounted) {
      counters.spend(Cost.clean, ns, parts.knowsClean ? 1 : 0);
      counters.charge(Charge.cleanByte, operation.bytes);
    }
    return ns;
  }

  /** The time that an operation holds the lock, from `holdTime`. */
  held(episode: Episode, { isCounted, isFault }: Baseline): void {
    const { counters, holdTime } = this.config;
    for (const cost of heldCosts) {
      const ns = holdTime.costNs[cost] as number;
      episode.spend(cost, ns);
      if (isCounted && isFault) counters.spend(cost, ns, holdTime.recorded[cost] as number);
    }
  }

  /** From the break to the install of an operation's walk. */
  window({ isCounted }: Baseline, ns: number): void {
    if (isCounted) this.config.counters.window(ns, this.config.holdTime.isWindowRecorded);
  }

  /** The work of an operation's walk, by charge kind. */
  work({ isCounted }: Baseline, operation: Operation, shape: number, work: Float64Array): void {
    if (isCounted) this.config.counters.addWork(work);
    this.unclean(operation, shape, work);
  }

  /** See noteExposed. */
  unclean({ bytes }: Operation, shape: number, work: Float64Array): void {
    noteExposed(this.config, shape, work, bytes, this.config.pageBytes);
  }

  /** The work of deferred frees that ran after the operation. */
  deferred(work: Float64Array): void {
    this.config.counters.addWork(work);
  }

  /** The fault has ended; `span` is the epoch in which it began. */
  fault(episode: Episode, { activity, isCounted }: Baseline, span: EpochSpan): void {
    const { costNs, laps, stallNs } = episode;
    let sum = 0;
    for (let cost = 0; cost < costNs.length; cost++) if (cost !== Cost.cpuWait) sum += costNs[cost] as number;
    // The time that is neither its own work nor a wait for the lock was others' time on its CPU.
    costNs[Cost.cpuWait] = Math.max(0, stallNs - sum);
    if (!isCounted) return;
    span.faults += laps;
    this.config.counters.ended(episode, activity.laps, isGuestTableWalk(activity.esr), 1);
  }
}

/** Each vCPU has its own CPU: the time from the request to the lock is a wait for the lock. */
export class ThreadLedger extends Ledger {
  lock(episode: Episode): void {
    episode.spend(Cost.lockWait, episode.lockedNs - episode.requestedNs);
  }

  between(episode: Episode, baseline: Baseline, n: number): number {
    const gapNs = baseline.hold(n).requestNs - baseline.hold(n - 1).releasedNs;
    const ownNs = Math.round(gapNs * this.config.scale.of(Cost.handler));
    if (baseline.isFault) episode.spend(Cost.handler, ownNs);
    return ownNs - gapNs;
  }

  tail(episode: Episode, { activity, endNs }: Baseline, sinceNs: number): number {
    const tailNs = endNs - sinceNs;
    const { operationCount, beforeOffNs, beforeSleptNs, afterOffNs, afterSleptNs } = activity;
    const offNs = Math.min(tailNs, operationCount === 0 ? beforeOffNs : afterOffNs);
    const sleptNs = Math.min(offNs, operationCount === 0 ? beforeSleptNs : afterSleptNs);
    const ownNs = Math.round((tailNs - offNs) * this.config.scale.of(Cost.handler));
    episode.spend(Cost.handler, ownNs + sleptNs);
    return ownNs + offNs - tailNs;
  }
}

/** One CPU ran everything: a wait for the lock lasts as long as another's hold, without what others ran meanwhile. */
export class StreamLedger extends Ledger {
  lock(episode: Episode, hold: Hold, n: number, freeNs: number): void {
    const untilNs = hold.isShared || n > 0 ? 0 : Math.min(episode.lockedNs, freeNs);
    episode.spend(Cost.lockWait, Math.max(0, untilNs - episode.requestedNs));
  }

  between(): number {
    return 0;
  }

  tail(episode: Episode, { activity, endNs }: Baseline, sinceNs: number): number {
    const { operationCount, beforeCpuNs, afterCpuNs } = activity;
    const cpuNs = Math.round(operationCount === 0 ? beforeCpuNs : afterCpuNs);
    const recordedNs = Math.min(endNs - sinceNs, cpuNs);
    const ownNs = Math.round(recordedNs * this.config.scale.of(Cost.handler));
    episode.spend(Cost.handler, ownNs);
    return ownNs - recordedNs;
  }
}
