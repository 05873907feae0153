import { type Activity, ActivityKind, isFaultPath, type Operation } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import { ModelError } from "../../errors.js";
import { faultClass, faultLevel } from "../../stage2/esr.js";
import { Charge } from "../../stage2/meter.js";
import type { Strategy } from "../../strategy/strategy.js";
import { causeSeen, isMappedBefore, loseRace, settleCause } from "../cause.js";
import type { CostScale } from "../cost-scale.js";
import { Cause, Cost, type Counters } from "../counters.js";
import { EpochClock, type EpochSpan, type Epochs } from "../epochs.js";
import { type Guest, HIT } from "../guest.js";
import type { Observer } from "../observer.js";
import { Shape } from "../plan.js";
import { EventQueue } from "../queue.js";
import type { Baseline, Hold } from "./baseline.js";
import type { HoldTime } from "./hold-time.js";
import type { Learnt } from "./learnt.js";
import type { Ledger } from "./ledger.js";
import type { RecordGuests } from "./record-guests.js";
import { type Track, TrackStep, Tracks } from "./track.js";

/** One walker on the machine that recorded the trace. */
export interface SideConfig {
  readonly strategy: Strategy;
  /** Its numbers among the sides of the result; NO_SIDE if it is none. */
  readonly sides: readonly number[];
  readonly scale: CostScale;
  readonly guests: RecordGuests;
  readonly holdTime: HoldTime;
  readonly learnt: Learnt;
  readonly ledger: Ledger;
  readonly knowsRecorder: boolean;
  readonly recorderShares: boolean;
  /** A retry lap if the record has none; ns. */
  readonly retryLapNs: number;
  readonly counters: Counters;
  /** Whether the result counts what happens in the VM. */
  readonly countsVm: (vm: number) => boolean;
  readonly epochs: Epochs;
  readonly observer: Observer | undefined;
  /** An operation of this shape that the record has on the same entry. */
  readonly like: (baseline: Baseline, operation: Operation, shape: number) => Hold | undefined;
  /** The side no longer needs the baseline. */
  readonly done: (baseline: Baseline) => void;
}

/**
 * One walker against the record of one host. Each access is made at its recorded time, shifted by what this side has
 * saved or added on its thread so far. A recorded fault is also a fault here, unless this side's table differs from the
 * reference's for that access. An operation takes the time that the record gives for its work. So a side differs from
 * the record only by its own walker's work.
 *
 * This class decides what becomes of an activity; the ledger counts it. ThreadSide and StreamSide decide by which clock
 * it runs and who holds the lock.
 */
export abstract class Side {
  protected readonly tracks = new Tracks();
  /** On the queue's own clock, see queueNs. */
  private readonly queue = new EventQueue<Track>();
  private held: Track[] = [];
  private readonly barriers: Barrier[] = [];
  protected readonly clock: EpochClock;
  protected readonly ledger: Ledger;
  /** The delay of threads and barriers new to this side, relative to the record. */
  protected shiftNs = 0;
  /** Since the last barrier: the latest end on this side, and in the record, of the activities that have ended. */
  protected lastEndNs = Number.NEGATIVE_INFINITY;
  protected lastRecordedEndNs = Number.NEGATIVE_INFINITY;
  /** Latest event so far. */
  protected nowNs = 0;

  constructor(protected readonly config: SideConfig) {
    this.clock = new EpochClock(config.epochs);
    this.ledger = config.ledger;
  }

  /** How far the track is behind the record. */
  protected abstract shiftOf(track: Track): number;

  /** Converts a recorded time of the track to the queue's clock. */
  protected abstract queueNs(track: Track, recordedNs: number): number;

  /** Schedules a step of the track at a time of this side. */
  protected abstract dueHere(track: Track, step: TrackStep, atNs: number): void;

  /** The due step of the track is reached: returns its time on this side. */
  protected abstract arrive(track: Track): number;

  /** Delays the current activity by `byNs` from here on. */
  protected abstract displace(track: Track, byNs: number): void;

  /** The activity is known, but has not begun. */
  protected abstract expect(track: Track, baseline: Baseline): void;

  /** Whether all that had ended by the barrier in the record has ended here. */
  protected abstract isComplete(barrier: Barrier): boolean;

  /** The time of the barrier on the queue's clock. */
  protected abstract barrierNs(barrier: Barrier): number;

  /** Passes the barrier: what follows it is shifted by `shiftNs` from here on. */
  protected abstract cross(): void;

  /** The time on the queue's clock before which nothing that is not fed can happen. */
  protected abstract horizonNs(frontierNs: number): number;

  /** The thread has no known work. */
  protected abstract idle(): void;

  /** The thread's next activity begins; the thread may have slept before it. */
  protected abstract wake(track: Track, baseline: Baseline): void;

  /** Whether the access must wait for another thread. */
  protected abstract isHeldBack(track: Track, baseline: Baseline, guest: Guest): boolean;

  /** The record has ended: whether a thread that was held back proceeds. */
  protected abstract admit(): boolean;

  /** An operation of the record is done, or was not needed. */
  protected abstract noteDone(operation: Operation, vm: number, atNs: number): void;

  /** The activity's first operation is next: schedules its request, or the operation itself. */
  protected abstract seekLock(track: Track, baseline: Baseline): void;

  /** The same for the next operation of an activity that released the lock at `nowNs`. */
  protected abstract seekNext(track: Track, baseline: Baseline, nowNs: number): void;

  /** The operation begins. */
  protected abstract enter(track: Track, baseline: Baseline, hold: Hold, atNs: number): void;

  /** Schedules its release: it takes `ns`, plus interruptions. */
  protected abstract dueRelease(track: Track, hold: Hold, atNs: number, ns: number): void;

  /** The operation has ended. */
  protected abstract unlock(track: Track, baseline: Baseline, nowNs: number): void;

  /** The guest must fault again: the lock is released without an operation. */
  protected abstract yieldLock(track: Track, baseline: Baseline, atNs: number): void;

  /** A thread that released the lock this way requests it again. */
  protected abstract askAgain(track: Track, baseline: Baseline, atNs: number): void;

  /** Such a thread need not request it again. */
  protected abstract forgo(track: Track, baseline: Baseline, atNs: number): void;

  /** The activity's remaining operations will not be done. */
  protected abstract voidTurns(track: Track, baseline: Baseline, atNs: number): void;

  /** The activity's own time is saved entirely. */
  protected abstract save(baseline: Baseline): void;

  /** Finishes a fault after its last release (or, without an operation, its abort), at `recordedNs` in the record. */
  protected abstract finishFault(track: Track, baseline: Baseline, recordedNs: number, nowNs: number): void;

  /** The activity ends at `endNs` of this side. */
  protected abstract finish(track: Track, baseline: Baseline, endNs: number): void;

  /** The thread has finished the activity. */
  protected abstract left(track: Track, baseline: Baseline, atNs: number): void;

  feed(baseline: Baseline): void {
    const track = this.tracks.of(baseline.activity.thread);
    if (track.baseline === undefined && !track.hasQueued && this.isNew(track)) track.shiftNs = this.shiftNs;
    track.push(baseline);
    this.expect(track, baseline);
    if (track.baseline === undefined && !this.held.includes(track)) this.begin(track);
  }

  feedBarrier(barrier: Barrier): void {
    this.barriers.push(barrier);
  }

  /** Proceeds as far as the record is known: all that began before `frontierNs` has been fed. */
  pump(frontierNs: number): void {
    const { queue, barriers } = this;
    for (;;) {
      const track = queue.peek();
      const barrier = barriers[0];
      if (barrier !== undefined && barrier.atNs <= frontierNs && this.isComplete(barrier)) {
        if (track === undefined || track.dueNs > this.barrierNs(barrier)) {
          barriers.shift();
          this.pass(barrier);
          continue;
        }
      }
      if (track === undefined && frontierNs === Number.POSITIVE_INFINITY && this.admit()) continue;
      if (track === undefined || track.dueNs >= this.horizonNs(frontierNs)) return;
      this.step(queue.pop());
    }
  }

  /** Whether the thread has had no activity yet. */
  private isNew(track: Track): boolean {
    return track.span === undefined;
  }

  private pass(barrier: Barrier): void {
    this.cross();
    this.lastEndNs = this.lastRecordedEndNs = Number.NEGATIVE_INFINITY;
    this.clock.pass(barrier, barrier.atNs + this.shiftNs);
    this.config.guests.pass(barrier);
    for (const track of this.tracks.all) if (track.baseline === undefined) track.shiftNs = this.shiftNs;
    for (const track of this.held.splice(0)) this.begin(track);
  }

  /** Converts a recorded time to this side's clock, for the track. */
  protected at(track: Track, recordedNs: number): number {
    return recordedNs + this.shiftOf(track) + track.displacedNs;
  }

  /** @param atNs on the queue's clock */
  protected due(track: Track, step: TrackStep, atNs: number): void {
    track.rank = step;
    track.dueNs = atNs;
    this.queue.push(track);
  }

  /** Schedules a step of the track at its recorded time. */
  protected dueAt(track: Track, step: TrackStep, recordedNs: number): void {
    this.due(track, step, Math.max(this.queueNs(track, recordedNs), track.dueNs));
  }

  private begin(track: Track): void {
    track.baseline = undefined;
    track.rank = TrackStep.idle;
    const { next } = track;
    if (next === undefined) {
      this.idle();
      return;
    }
    const barrier = this.barriers[0];
    if (barrier !== undefined && next.activity.epoch >= barrier.number) {
      this.held.push(track);
      return;
    }
    const baseline = track.take();
    this.wake(track, baseline);
    track.baseline = baseline;
    track.span = this.clock.span;
    track.at = 0;
    track.displacedNs = 0;
    track.mayGoAhead = false;
    track.dueNs = Number.NEGATIVE_INFINITY;
    const { episode } = track;
    const { activity } = baseline;
    episode.begin(activity, baseline.isCounted, this.clock.number, this.clock.label, this.clock.startNs);
    if (activity.kind === ActivityKind.hostOperation) this.seekLock(track, baseline);
    else this.dueAt(track, TrackStep.access, baseline.lookNs);
  }

  private step(track: Track): void {
    const baseline = track.baseline as Baseline;
    const atNs = this.arrive(track);
    if (atNs > this.nowNs) this.nowNs = atNs;
    switch (track.rank) {
      case TrackStep.access:
        this.access(track, baseline, this.at(track, baseline.lookNs));
        return;
      case TrackStep.lap:
        this.lap(track, baseline, this.at(track, baseline.lapLookNs[track.at] as number));
        return;
      case TrackStep.operate:
        this.operate(track, baseline, atNs);
        return;
      case TrackStep.release:
        this.release(track, baseline, atNs);
        return;
      case TrackStep.again:
        this.again(track, baseline, atNs);
        return;
      case TrackStep.end:
        this.end(track, baseline, atNs);
        return;
      default:
        this.lockStep(track, baseline, atNs);
    }
  }

  /** A step that leads to the lock. */
  protected lockStep(track: Track, _baseline: Baseline, _atNs: number): void {
    throw new ModelError(`thread ${track.index}: no event is due in step ${track.rank}`);
  }

  /** Notes the activity's start for its epoch, if its VM is counted. */
  protected noteBegin({ vm }: Activity, atNs: number, recordedNs: number): void {
    if (this.config.countsVm(vm)) this.clock.began(atNs, recordedNs);
  }

  private access(track: Track, baseline: Baseline, lookNs: number): void {
    const { activity } = baseline;
    const { config, ledger } = this;
    const { counters } = config;
    const { episode } = track;
    this.noteBegin(activity, this.at(track, baseline.accessNs), baseline.accessNs);
    if (activity.kind !== ActivityKind.fault) {
      if (activity.kind === ActivityKind.mmio) ledger.mmio(baseline);
      this.finish(track, baseline, this.at(track, activity.endNs));
      return;
    }
    const guest = config.guests.of(activity.vm);
    if (this.isHeldBack(track, baseline, guest)) return;
    if (activity.hasInference) guest.infer(activity);
    const answer = guest.access(activity, lookNs);
    const { level } = guest.seen;
    const isSame = answer === baseline.answer && (answer === HIT || level === baseline.level);
    ledger.meet(baseline);
    if (!isSame) counters.differences++;
    episode.startNs = this.at(track, baseline.accessNs);
    if (!isSame && answer === HIT) {
      // The access passes the entry that the record's walk found broken, before it is broken here.
      if (baseline.isCounted && level > baseline.level) counters.ahead += activity.laps;
      this.avoid(track, baseline, episode.startNs);
      return;
    }
    episode.faultClass = isSame ? faultClass(activity.esr) : answer;
    episode.faultLevel = isSame ? faultLevel(activity.esr) : level;
    episode.cause =
      isSame && baseline.isUnexplained
        ? Cause.unexplained
        : causeSeen(guest, episode.faultClass, activity, lookNs);
    this.displace(track, ledger.exit(episode, baseline));
    if (activity.operationCount === 0) {
      this.finishFault(track, baseline, activity.startNs, this.at(track, activity.startNs));
      return;
    }
    if (activity.lapNs.length === 0) this.ask(track, baseline);
    else if (config.strategy.lockRegime === "shared" || (config.knowsRecorder && !config.recorderShares))
      // With an exclusive lock it was not retried because of another fault's entry.
      this.dueAt(track, TrackStep.lap, baseline.lapLookNs[0] as number);
    else {
      // It waits in the queue instead of retrying.
      counters.differences++;
      this.displace(track, activity.startNs - (activity.lapNs.at(-1) as number));
      this.ask(track, baseline);
    }
  }

  /** Makes the access of the track's next lap. */
  private lap(track: Track, baseline: Baseline, atNs: number): void {
    const { activity } = baseline;
    const { config } = this;
    const guest = config.guests.of(activity.vm);
    const { episode } = track;
    const answer = guest.access(activity, atNs);
    const recorded = baseline.lapAnswers[track.at] as number;
    const isHit = answer === HIT;
    const isSame = isHit ? recorded < 0 : recorded === answer * 8 + guest.seen.level;
    if (!isSame) config.counters.differences++;
    if (!isSame && isHit) {
      // The entry is free: the laps end here.
      const backNs = activity.lapSinceNs[track.at] as number;
      episode.spend(Cost.retry, backNs - activity.startNs);
      loseRace(episode);
      this.voidTurns(track, baseline, atNs);
      this.finish(track, baseline, this.at(track, backNs));
      return;
    }
    episode.laps++;
    track.at++;
    if (track.at < activity.lapNs.length) {
      this.dueAt(track, TrackStep.lap, baseline.lapLookNs[track.at] as number);
      return;
    }
    track.at = 0;
    this.displace(track, this.ledger.laps(episode, baseline));
    this.ask(track, baseline);
  }

  /** Adds the thread's own time, and then requests the lock. */
  private ask(track: Track, baseline: Baseline): void {
    this.displace(track, this.ledger.own(track.episode, baseline));
    track.episode.requestedNs = this.at(track, baseline.hold(0).requestNs);
    this.seekLock(track, baseline);
  }

  /** The operation begins: it changes the table now, with each store logged at its own time. */
  protected operate(track: Track, baseline: Baseline, atNs: number): void {
    const { activity } = baseline;
    const { config } = this;
    const hold = baseline.hold(track.at);
    const operation = activity.operation(track.at);
    const guest = config.guests.of(activity.vm);
    this.enter(track, baseline, hold, atNs);
    if (!this.isHis(track, activity, hold, guest, atNs)) return;
    this.run(track, baseline, operation, hold, guest, atNs);
    this.dueRelease(track, hold, atNs, config.holdTime.ns);
  }

  /**
   * Whether the thread does its operation. Under the read lock another fault may have the entry: then the guest faults
   * again, as in the record, or until the entry is free.
   */
  private isHis(track: Track, activity: Activity, hold: Hold, guest: Guest, atNs: number): boolean {
    const { config } = this;
    if (config.strategy.lockRegime !== "shared" || !isFaultPath(activity)) {
      if (hold.hasLost) config.counters.differences++;
      return true;
    }
    const takenUntilNs = guest.takenUntilNs(activity, atNs);
    const isTaken = takenUntilNs > atNs;
    if (config.recorderShares && isTaken === hold.isTaken) {
      if (!hold.hasLost) return true;
      this.lose(track, hold, atNs);
      return false;
    }
    if (!isTaken) {
      if (hold.hasLost) config.counters.differences++;
      return true;
    }
    config.counters.differences++;
    this.retry(track, track.baseline as Baseline, takenUntilNs, atNs);
    return false;
  }

  /** As in the record, another fault had the entry, and nothing was done. */
  private lose(track: Track, hold: Hold, atNs: number): void {
    const { episode } = track;
    const { activity } = track.baseline as Baseline;
    loseRace(episode);
    this.config.guests.of(activity.vm).begin(activity.line);
    this.dueRelease(track, hold, atNs, this.ledger.lost(episode, hold));
  }

  /** Runs the walk and determines its duration. */
  private run(
    track: Track,
    baseline: Baseline,
    operation: Operation,
    hold: Hold,
    guest: Guest,
    atNs: number,
  ): void {
    const { config, ledger } = this;
    const { holdTime: time, counters } = config;
    const { activity } = baseline;
    const { episode } = track;
    guest.begin(activity.line);
    const shape = guest.shapeOf(operation);
    if (baseline.isFault && track.at === 0)
      settleCause(episode, shape, isMappedBefore(shape, activity, guest));
    config.guests.run(activity, operation, hold, atNs);
    const { meter } = guest;
    const own = operation.shape >= 0 ? hold : undefined;
    const like = operation.shape === shape ? undefined : config.like(baseline, operation, shape);
    time.set(meter, operation, shape, own, like);
    if (!time.isRecorded) counters.differences++;
    if (!time.isRecorded || !config.scale.isWhole) this.retime(guest, hold, atNs);
    counters.clampedNs += time.clampedNs;
    ledger.held(episode, baseline);
    if (meter.windows > 0) {
      episode.windows += meter.windows;
      episode.brokenNs = meter.brokenAtNs;
      episode.installedNs = meter.installedAtNs;
      ledger.window(baseline, meter.installedAtNs - meter.brokenAtNs);
    }
    if (shape === Shape.split) episode.splits++;
    if ((meter.counts[Charge.tableFree] as number) > 0 && (time.costNs[Cost.teardown] as number) > 0) {
      episode.tornDownNs = atNs + time.ns;
      episode.teardownNs = episode.tornDownNs - (time.costNs[Cost.teardown] as number);
    }
    ledger.work(baseline, operation, shape, meter.counts);
  }

  /** Corrects the times that the walk was run with. */
  private retime(guest: Guest, hold: Hold, atNs: number): void {
    const { holdTime: time } = this.config;
    const { meter, log } = guest;
    // An interruption of a walk is assumed to come after its flush.
    const awayNs = (ns: number) => (ns > time.breakNs ? hold.awayNs : 0);
    const breakNs = atNs + time.breakNs;
    const installNs = atNs + time.installNs + awayNs(time.installNs);
    log.retime(log.operations, meter.brokenSlot, breakNs, installNs, atNs + time.ns + hold.awayNs);
    meter.brokenAtNs = breakNs;
    meter.installedAtNs = installNs;
  }

  private release(track: Track, baseline: Baseline, nowNs: number): void {
    const { activity } = baseline;
    const { config } = this;
    const operation = activity.operation(track.at);
    const hold = baseline.hold(track.at);
    track.episode.unlockedNs = nowNs;
    this.noteDone(operation, activity.vm, nowNs);
    if (config.guests.end(activity, operation, baseline.isCounted))
      this.ledger.deferred(config.guests.of(activity.vm).meter.counts);
    this.unlock(track, baseline, nowNs);
    track.at++;
    if (track.at < activity.operationCount) this.seekNext(track, baseline, nowNs);
    else if (baseline.isFault) this.finishFault(track, baseline, hold.releasedNs, nowNs);
    else this.finish(track, baseline, nowNs);
  }

  /** The access succeeds: the recorded episode is saved, except the time when others had its CPU. */
  private avoid(track: Track, baseline: Baseline, atNs: number): void {
    const { activity } = baseline;
    const { counters } = this.config;
    if (baseline.isCounted) counters.avoided += activity.laps;
    this.voidTurns(track, baseline, atNs);
    for (let n = 0; n < activity.operationCount; n++) this.noteDone(activity.operation(n), activity.vm, atNs);
    track.episode.isFault = false;
    this.save(baseline);
    this.leave(track, baseline, atNs + activity.preemptedNs);
  }

  /** Another fault has the entry: the guest faults on it until it is free. The laps are computed, not simulated. */
  private retry(track: Track, baseline: Baseline, untilNs: number, atNs: number): void {
    const lapNs = this.lapNs;
    const backNs = Math.max(0, baseline.endNs - baseline.hold(0).releasedNs);
    const laps = Math.max(0, Math.ceil((untilNs - atNs - backNs) / lapNs));
    const ns = Math.round(backNs + laps * lapNs);
    const { episode } = track;
    episode.laps += laps;
    episode.spend(Cost.retry, ns);
    this.yieldLock(track, baseline, atNs);
    this.dueHere(track, TrackStep.again, atNs + ns);
  }

  private get lapNs(): number {
    const { learnt, retryLapNs, scale } = this.config;
    return Math.max(1, (learnt.lapNs ?? retryLapNs) * scale.of(Cost.retry));
  }

  /** The entry is free: the access succeeds, or faults once more. */
  private again(track: Track, baseline: Baseline, atNs: number): void {
    const { activity } = baseline;
    const { episode } = track;
    const guest = this.config.guests.of(activity.vm);
    if (guest.access(activity, atNs) === HIT) {
      loseRace(episode);
      this.forgo(track, baseline, atNs);
      this.finish(track, baseline, atNs);
      return;
    }
    episode.laps++;
    const ns = Math.round(this.lapNs);
    episode.spend(Cost.retry, ns);
    this.askAgain(track, baseline, atNs + ns);
  }

  protected end(track: Track, baseline: Baseline, atNs: number): void {
    const { episode } = track;
    // In one stream, saved time moves the rest at once, and may exceed the time between the two.
    episode.endNs = Math.max(atNs, episode.startNs);
    this.config.counters.clampedNs += episode.endNs - atNs;
    if (baseline.isFault) this.countFault(track, baseline);
    else if (baseline.activity.kind === ActivityKind.hostOperation) this.tell(track, baseline);
    this.leave(track, baseline, atNs);
  }

  private leave(track: Track, baseline: Baseline, atNs: number): void {
    const { endNs } = baseline;
    this.left(track, baseline, atNs);
    if (track.span === this.clock.span) {
      if (this.config.countsVm(baseline.activity.vm)) this.clock.ended(atNs, endNs);
      if (endNs > this.lastRecordedEndNs) this.lastRecordedEndNs = endNs;
      if (atNs > this.lastEndNs) this.lastEndNs = atNs;
    }
    this.begin(track);
    this.config.done(baseline);
  }

  private countFault(track: Track, baseline: Baseline): void {
    this.ledger.fault(track.episode, baseline, track.span as EpochSpan);
    this.tell(track, baseline);
  }

  private tell(track: Track, baseline: Baseline): void {
    const { observer, sides, guests } = this.config;
    if (observer?.ended === undefined) return;
    const { episode } = track;
    guests.mappedBytes(baseline.activity.vm, episode.mappedBytes);
    for (const side of sides) {
      episode.side = side;
      observer.ended(episode, baseline.activity);
    }
  }
}
