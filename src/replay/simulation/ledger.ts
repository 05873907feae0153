import type { Activity } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import { ZERO } from "../../double.js";
import { isGuestTableWalk } from "../../stage2/esr.js";
import { Charge } from "../../stage2/meter.js";
import { Cost } from "../counters.js";
import { type Episode, NO_SIDE } from "../episode.js";
import { EpochClock } from "../epochs.js";
import { noteExposed } from "../exposed.js";
import type { Guest } from "../guest.js";
import type { Guests } from "../guests.js";
import type { Repetition } from "../observer.js";
import type { Shape } from "../plan.js";
import type { SimulationConfig } from "./config.js";

/** A sequence of faults that repeats exactly, see Lockstep. */
export interface Order {
  readonly periodNs: number;
  /** The growth of Counters.figures in one period, and its stalls, each length with its number. */
  readonly counted: Float64Array;
  readonly stalls: readonly (readonly [ns: number, count: number])[];
}

/** The accounts of one simulation: costs of episodes, counts of faults, epochs. It also calls the observer. */
export class Ledger {
  readonly epoch: EpochClock;
  /** Latest end since the last barrier, in any VM. */
  private lastNs = ZERO;

  constructor(
    private readonly config: SimulationConfig,
    private readonly guests: Guests,
  ) {
    this.epoch = new EpochClock(config.epochs);
  }

  /** An activity begins. Makespans include only VMs that are counted. */
  began({ vm }: Activity, atNs: number, recordedNs: number): void {
    if (this.config.countsVm(vm)) this.epoch.began(atNs, recordedNs);
  }

  /** An activity ends. */
  ended({ vm, endNs: recordedNs }: Activity, endNs: number): void {
    if (endNs > this.lastNs) this.lastNs = endNs;
    if (this.config.countsVm(vm)) this.epoch.ended(endNs, recordedNs);
  }

  /** Whether the result counts the activity. */
  counts(activity: Activity): boolean {
    return this.config.counts(activity, this.epoch.label, this.guests.of(activity.vm).memory);
  }

  /** A fault or a host operation begins. */
  open(episode: Episode, activity: Activity): void {
    const { number, label, startNs } = this.epoch;
    episode.begin(activity, this.counts(activity), number, label, startNs);
  }

  mmio(activity: Activity): void {
    if (this.counts(activity)) this.config.counters.mmioAborts++;
  }

  /** The access is a fault in the record; `isHit` means that it succeeds here. */
  access(episode: Episode, activity: Activity, isHit: boolean): void {
    if (!episode.counted || activity.isSynthetic) return;
    this.config.counters.recorded += activity.laps;
    if (isHit) this.config.counters.avoided += activity.laps;
  }

  /** Adds time to the episode, and to the result if it is in a counted stall. `recordedShare` comes from the trace. */
  spend(episode: Episode, cost: number, ns: number, recordedShare: number): void {
    episode.spend(cost, ns);
    if (episode.counted && episode.isFault) this.config.counters.spend(cost, ns, recordedShare);
  }

  /** The fault path's own clean. */
  clean(episode: Episode, ns: number, bytes: number, isRecorded: boolean): void {
    this.spend(episode, Cost.clean, ns, isRecorded ? 1 : 0);
    if (episode.counted) this.config.counters.charge(Charge.cleanByte, bytes);
  }

  /** Counts the work of an operation, which the guest's meter has. */
  work(episode: Episode, { meter, pageBytes }: Guest, shape: Shape, bytes: number): void {
    if (episode.counted) this.config.counters.addWork(meter.counts);
    noteExposed(this.config, shape, meter.counts, bytes, pageBytes);
  }

  /** The operations have ended; `freed` has the work of deferred frees in its meter, if any ran. */
  unlock(episode: Episode, freed: Guest | undefined): void {
    const { counters } = this.config;
    if (freed !== undefined) counters.addWork(freed.meter.counts);
    if (episode.windows > 0 && episode.counted)
      counters.window(episode.installedNs - episode.brokenNs, false);
  }

  /**
   * The episode ends.
   * @param tailNs its own time since the lock was released
   * @param holdNs its work under the lock
   */
  close(episode: Episode, activity: Activity, endNs: number, tailNs: number, holdNs: number): void {
    episode.endNs = endNs;
    if (episode.isFault) this.closeFault(episode, activity, tailNs, holdNs);
    const { observer, sides } = this.config;
    if (observer?.ended === undefined) return;
    this.guests.mappedBytes(activity.vm, episode.mappedBytes);
    for (const side of sides) {
      episode.side = side;
      observer.ended(episode, activity);
    }
  }

  private closeFault(episode: Episode, activity: Activity, tailNs: number, holdNs: number): void {
    const { costNs, laps, stallNs, lockWaitNs } = episode;
    const handlerNs = (costNs[Cost.handler] as number) + tailNs;
    costNs[Cost.handler] = handlerNs;
    const exitNs = costNs[Cost.exit] as number;
    const retryNs = costNs[Cost.retry] as number;
    costNs[Cost.cpuWait] = Math.max(0, stallNs - lockWaitNs - (exitNs + handlerNs + retryNs + holdNs));
    if (!episode.counted) return;
    const { counters } = this.config;
    const { isSynthetic } = activity;
    if (isSynthetic) counters.ofRuns += laps;
    this.epoch.span.faults += laps;
    const recordedLaps = isSynthetic ? 0 : activity.laps;
    counters.ended(episode, recordedLaps, isGuestTableWalk(activity.esr), isSynthetic ? 0 : 1);
  }

  /** The order repeats `times` times from `nowNs` on: counts its faults without replaying them. */
  repeat(order: Order, times: number, nowNs: number, threads: readonly number[]): void {
    const { counters, sides, observer } = this.config;
    if (observer?.repeated !== undefined) {
      const repetition = this.repetition(order, times, nowNs, threads);
      for (const side of sides) observer.repeated({ ...repetition, side });
    }
    const before = counters.total;
    counters.add(order.counted, times);
    this.epoch.span.faults += counters.total - before;
    for (const [ns, count] of order.stalls) counters.stalls.recordValueWithCount(ns, count * times);
  }

  private repetition(
    { counted, stalls, periodNs }: Order,
    times: number,
    nowNs: number,
    threads: readonly number[],
  ): Repetition {
    const { byCause, costNs } = this.config.counters.parts(counted);
    return {
      side: NO_SIDE,
      epoch: this.epoch.label,
      epochNumber: this.epoch.number,
      epochStartNs: this.epoch.startNs,
      threads,
      startNs: nowNs,
      endNs: nowNs + times * periodNs,
      byCause: byCause.map((count) => count * times),
      costNs: costNs.map((ns) => ns * times),
      stalls: stalls.map(([ns, count]) => [ns, count * times] as const),
    };
  }

  /** The epoch has ended: the barrier comes when the recorded idle time has passed. */
  pass(barrier: Barrier): void {
    const { epoch } = this;
    epoch.pass(barrier, Math.max(this.lastNs, epoch.startNs) + barrier.idleNs);
    this.lastNs = 0;
  }
}
