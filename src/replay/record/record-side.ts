import { ActivityKind, type Operation } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import { Episode } from "../episode.js";
import { EpochClock, type EpochSpan, type Epochs } from "../epochs.js";
import type { Baseline } from "./baseline.js";
import type { HoldTime, Work } from "./hold-time.js";
import type { Ledger } from "./ledger.js";
import type { Replayer } from "./record-host.js";

export interface RecordSideConfig {
  readonly ledger: Ledger;
  readonly holdTime: HoldTime;
  readonly epochs: Epochs;
  /** One CPU ran everything. */
  readonly isOneStream: boolean;
  /** Whether the result counts what happens in the VM. */
  readonly countsVm: (vm: number) => boolean;
  /** The side no longer needs the baseline. */
  readonly done: (baseline: Baseline) => void;
}

/**
 * The recorder's own side with unchanged costs: it is the record, and needs no replay. What the reference noted about
 * an activity is entered in the ledger with the record's own times as soon as it is settled.
 */
export class RecordSide implements Replayer {
  private readonly clock: EpochClock;
  private readonly work = new RecordedWork();
  /** The results of the current activity. */
  private readonly episode = new Episode();
  /** By thread, if one CPU ran everything: when its last activity ends, unless its epoch ends earlier. */
  private readonly endsNs: number[] = [];

  constructor(private readonly config: RecordSideConfig) {
    this.clock = new EpochClock(config.epochs);
  }

  feed(baseline: Baseline): void {
    const { activity } = baseline;
    const { ledger, countsVm, done } = this.config;
    const span = this.spanOf(baseline, countsVm(activity.vm));
    if (baseline.isCounted) {
      if (activity.kind === ActivityKind.fault) this.fault(baseline, span);
      else if (activity.kind === ActivityKind.mmio) ledger.mmio(baseline);
      else for (let n = 0; n < activity.operationCount; n++) this.operation(baseline, n);
    } else
      for (let n = 0; n < activity.operationCount; n++) {
        const { hasLost, operation } = baseline.hold(n);
        if (!hasLost) ledger.unclean(operation, operation.shape, operation.work as Float64Array);
      }
    done(baseline);
  }

  feedBarrier(barrier: Barrier): void {
    const { clock, endsNs } = this;
    for (const endNs of endsNs) if (endNs <= barrier.atNs) clock.ended(endNs, endNs);
    endsNs.fill(Number.NaN);
    clock.pass(barrier, barrier.atNs);
  }

  /** All that was fed has already been entered. */
  pump(): void {}

  /** The epoch in which the activity began, which may have ended. */
  private spanOf({ activity, epoch, accessNs, endNs }: Baseline, isCounted: boolean): EpochSpan {
    const { clock, config, endsNs } = this;
    if (epoch !== clock.number) {
      const span = config.epochs.of(epoch);
      if (isCounted) span.beganLate(accessNs);
      return span;
    }
    if (!isCounted) return clock.span;
    clock.began(accessNs, accessNs);
    if (config.isOneStream) {
      // In one stream its end is a separate event: others may come before it, and even a barrier.
      const { thread } = activity;
      for (let known = endsNs.length; known <= thread; known++) endsNs.push(Number.NaN);
      const beforeNs = endsNs[thread] as number;
      if (!Number.isNaN(beforeNs)) clock.ended(beforeNs, beforeNs);
      endsNs[thread] = endNs;
    } else clock.ended(endNs, endNs);
    return clock.span;
  }

  private fault(baseline: Baseline, span: EpochSpan): void {
    const { activity, accessNs, endNs } = baseline;
    const { operationCount, lapNs, startNs } = activity;
    const { episode } = this;
    const { ledger } = this.config;
    ledger.meet(baseline);
    episode.costNs.fill(0);
    episode.startNs = accessNs;
    episode.endNs = Math.max(endNs, accessNs);
    episode.faultClass = baseline.faultClass;
    episode.cause = baseline.cause;
    episode.laps = 1;
    ledger.exit(episode, baseline);
    let sinceNs = startNs;
    if (operationCount > 0) {
      if (lapNs.length > 0) {
        episode.laps += lapNs.length;
        ledger.laps(episode, baseline);
      }
      ledger.own(episode, baseline);
      for (let n = 0; n < operationCount; n++) {
        if (n > 0) ledger.between(episode, baseline, n);
        this.lock(baseline, n);
        this.operation(baseline, n);
      }
      sinceNs = baseline.hold(operationCount - 1).releasedNs;
    }
    ledger.tail(episode, baseline, sinceNs);
    ledger.fault(episode, baseline, span);
  }

  private lock(baseline: Baseline, n: number): void {
    const { episode } = this;
    const { ledger } = this.config;
    const hold = baseline.hold(n);
    episode.requestedNs = hold.requestNs;
    episode.lockedNs = hold.heldNs;
    ledger.lock(episode, hold, n, hold.freeNs);
    if (n === 0) ledger.cleanFirst(episode, baseline);
  }

  private operation(baseline: Baseline, n: number): void {
    const { episode, work } = this;
    const { ledger, holdTime } = this.config;
    const hold = baseline.hold(n);
    const { operation } = hold;
    if (hold.hasLost) ledger.lost(episode, hold);
    else {
      work.set(operation);
      holdTime.set(work, operation, operation.shape, hold, undefined);
      ledger.held(episode, baseline);
      if (!Number.isNaN(hold.windowNs)) ledger.window(baseline, hold.windowNs);
      ledger.work(baseline, operation, operation.shape, work.counts);
    }
    if (hold.hasFreed) ledger.deferred(hold.freed as Float64Array);
  }
}

/** The work of a recorded operation. */
class RecordedWork implements Work {
  counts!: Float64Array;
  countsToBreak!: Float64Array;
  countsToInstall!: Float64Array;
  visitsToBreak = 0;

  set({ work, workToBreak, workToInstall, visitsToBreak }: Operation): void {
    this.counts = work as Float64Array;
    // These are not used for a walk that opened no window.
    this.countsToBreak = workToBreak ?? this.counts;
    this.countsToInstall = workToInstall ?? this.counts;
    this.visitsToBreak = visitsToBreak;
  }
}
