import {
  type Activity,
  ActivityKind,
  isFaultPath,
  type Operation,
  OperationKind,
} from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import { ModelError } from "../../errors.js";
import { FaultClass, faultClass, faultLevel, isGuestTableWalk } from "../../stage2/esr.js";
import { Charge } from "../../stage2/meter.js";
import type { Strategy } from "../../strategy/strategy.js";
import { causeSeen, isMappedBefore, loseRace, settleCause } from "../cause.js";
import type { CostScale } from "../cost-scale.js";
import { Cause, Cost, type Counters } from "../counters.js";
import { type Guest, HIT } from "../guest.js";
import { Shape } from "../plan.js";
import { EventQueue } from "../queue.js";
import type { Observer } from "../run-config.js";
import type { Baseline, Hold } from "./baseline.js";
import { EpochClock, type Epochs } from "./epochs.js";
import type { Guests } from "./guests.js";
import { type HoldTime, heldCosts } from "./hold-time.js";
import type { Learnt } from "./learnt.js";
import { RecordLock, Turn } from "./lock.js";
import { Step, type Track, Tracks } from "./track.js";

/** One walker, on the machine that recorded the trace. */
export interface SideConfig {
  readonly strategy: Strategy;
  /** Where it stands among the sides of the result; NO_SIDE where it does not. */
  readonly sides: readonly number[];
  readonly scale: CostScale;
  readonly guests: Guests;
  readonly holdTime: HoldTime;
  readonly learnt: Learnt;
  readonly fwb: boolean;
  /** One CPU ran everything. */
  readonly isOneStream: boolean;
  readonly knowsRecorder: boolean;
  readonly recorderShares: boolean;
  /** A retry lap where the record has none; ns. */
  readonly retryLapNs: number;
  readonly counters: Counters;
  /** Whether the result counts what happens in the VM. */
  readonly countsVm: (vm: number) => boolean;
  readonly epochs: Epochs;
  readonly observer: Observer | undefined;
  /** An operation that the record has on the same entry, and of this shape. */
  readonly like: (baseline: Baseline, operation: Operation, shape: number) => Hold | undefined;
  /** The side needs the baseline no more. */
  readonly done: (baseline: Baseline) => void;
}

/**
 * One walker against the record of one host. Each access is made when the record has it, shifted by what this side has
 * saved or added on its thread so far; a recorded fault is a fault here too unless this side's table differs from the
 * reference's in what decides the access; an operation takes what the record says of its work. So a side differs from
 * the record by its own walker's work, and by nothing else.
 *
 * Where one CPU ran everything the trace is one stream: its order stays, and all of it shifts together.
 */
export class Side {
  private readonly tracks = new Tracks();
  /** By the side's clock; of one stream by the record's, which keeps its order. */
  private readonly queue = new EventQueue<Track>();
  private readonly locks: RecordLock[] = [];
  private held: Track[] = [];
  private readonly spareTurns: Turn[] = [];
  /** Ahead of the record: their accesses come behind another thread's split. */
  private readonly ahead: Track[] = [];
  private readonly barriers: Barrier[] = [];
  private readonly clock: EpochClock;
  /** Of new threads, and of one stream's all. */
  private shiftNs = 0;
  /** Since the last barrier: the latest end of what had ended by then in the record, there and here. */
  private lastEndNs = Number.NEGATIVE_INFINITY;
  private lastRecordedEndNs = Number.NEGATIVE_INFINITY;
  /** Of one stream, when the last hold of a VM's lock ended, by VM index + 1. */
  private readonly releasedNs: number[] = [];
  /** Latest event so far. */
  private nowNs = 0;
  /** The least shift that what is not fed may have; NaN = to be looked up. */
  private leastShiftNs = Number.NaN;

  constructor(private readonly config: SideConfig) {
    this.clock = new EpochClock(config.epochs);
  }

  feed(baseline: Baseline): void {
    const track = this.tracks.of(baseline.activity.thread);
    if (track.baseline === undefined && !track.hasQueued && this.isNew(track)) track.shiftNs = this.shiftNs;
    track.push(baseline);
    this.leastShiftNs = Number.NaN;
    if (!this.config.isOneStream) this.expect(track, baseline);
    if (track.baseline === undefined && !this.held.includes(track)) this.begin(track);
  }

  feedBarrier(barrier: Barrier): void {
    this.barriers.push(barrier);
  }

  /** Goes on as far as the record is known: what is not fed was not begun before `frontierNs` of the record. */
  pump(frontierNs: number): void {
    const { queue, barriers, config } = this;
    for (;;) {
      const track = queue.peek();
      const barrier = barriers[0];
      if (barrier !== undefined && barrier.atNs <= frontierNs && this.isComplete(barrier)) {
        const atNs = config.isOneStream ? barrier.atNs : barrier.atNs + this.barrierShiftNs;
        if (track === undefined || track.dueNs > atNs) {
          barriers.shift();
          this.pass(barrier);
          continue;
        }
      }
      if (track === undefined && frontierNs === Number.POSITIVE_INFINITY && this.ahead.length > 0) {
        // The split does not come.
        this.admitAhead();
        continue;
      }
      if (track === undefined || track.dueNs >= this.horizonNs(frontierNs)) return;
      this.step(queue.pop());
    }
  }

  /** Whoever waited for another thread's split waits no longer. */
  private admitAhead(): void {
    for (const track of this.ahead.splice(0)) {
      track.mayGoAhead = true;
      this.catchUp(track, this.nowNs);
    }
  }

  /** Whether a thread has not been seen since its shift was last set. */
  private isNew(track: Track): boolean {
    return track.span === undefined;
  }

  /** All that had ended by the barrier in the record has ended here. */
  private isComplete(barrier: Barrier): boolean {
    if (this.config.isOneStream) return true;
    for (const { baseline, next } of this.tracks.all) {
      const first = baseline ?? next;
      if (first !== undefined && first.activity.epoch < barrier.number && first.endNs <= barrier.atNs)
        return false;
    }
    return true;
  }

  /** A barrier comes as much later as the latest end of what came before it. */
  private get barrierShiftNs(): number {
    return this.lastRecordedEndNs === Number.NEGATIVE_INFINITY
      ? this.shiftNs
      : this.lastEndNs - this.lastRecordedEndNs;
  }

  private pass(barrier: Barrier): void {
    if (!this.config.isOneStream) this.shiftNs = this.barrierShiftNs;
    this.lastEndNs = this.lastRecordedEndNs = Number.NEGATIVE_INFINITY;
    this.clock.pass(barrier, barrier.atNs + this.shiftNs);
    this.config.guests.pass(barrier);
    for (const track of this.tracks.all) if (track.baseline === undefined) track.shiftNs = this.shiftNs;
    this.leastShiftNs = Number.NaN;
    for (const track of this.held.splice(0)) this.begin(track);
  }

  /** Up to when nothing that is not fed can happen here. */
  private horizonNs(frontierNs: number): number {
    if (this.config.isOneStream || frontierNs === Number.POSITIVE_INFINITY) return frontierNs;
    if (Number.isNaN(this.leastShiftNs)) {
      this.leastShiftNs = this.shiftNs;
      for (const track of this.tracks.all)
        if (track.baseline === undefined && !track.hasQueued && track.shiftNs < this.leastShiftNs)
          this.leastShiftNs = track.shiftNs;
    }
    return frontierNs + this.leastShiftNs;
  }

  /** The record's time on this side's clock, for the track. */
  private at(track: Track, recordedNs: number): number {
    return recordedNs + (this.config.isOneStream ? this.shiftNs : track.shiftNs) + track.displacedNs;
  }

  /** @param atNs by the queue's clock */
  private due(track: Track, step: Step, atNs: number): void {
    track.rank = step;
    track.dueNs = atNs;
    this.queue.push(track);
  }

  /** @param atNs by this side's clock */
  private dueHere(track: Track, step: Step, atNs: number): void {
    this.due(track, step, this.config.isOneStream ? atNs - this.shiftNs : atNs);
  }

  /** Something of the track is due when the record has it. */
  private dueAt(track: Track, step: Step, recordedNs: number): void {
    const { isOneStream } = this.config;
    this.due(
      track,
      step,
      isOneStream ? Math.max(recordedNs, track.dueNs) : Math.max(this.at(track, recordedNs), track.dueNs),
    );
  }

  private begin(track: Track): void {
    track.baseline = undefined;
    track.rank = Step.idle;
    const { next } = track;
    if (next === undefined) {
      this.leastShiftNs = Number.NaN;
      return;
    }
    const barrier = this.barriers[0];
    if (barrier !== undefined && next.activity.epoch >= barrier.number) {
      this.held.push(track);
      return;
    }
    const baseline = track.take();
    if (baseline.activity.thinkSleptNs > 0) this.wake(track, baseline);
    track.baseline = baseline;
    track.span = this.clock.span;
    track.at = 0;
    track.displacedNs = 0;
    track.mayGoAhead = false;
    track.dueNs = Number.NEGATIVE_INFINITY;
    const { episode } = track;
    const { activity } = baseline;
    episode.begin(activity, baseline.isCounted, this.clock.number, this.clock.label, this.clock.startNs);
    if (activity.kind === ActivityKind.hostOperation) {
      if (this.config.isOneStream) this.dueAt(track, Step.operate, baseline.hold(0).heldNs);
      else this.dueAt(track, Step.request, baseline.hold(0).requestNs);
    } else this.dueAt(track, Step.access, baseline.lookNs);
  }

  /**
   * What a thread slept for is outside of it and comes when it comes: who is late sleeps less, who is early sleeps longer.
   * That is by the clock of the epoch: a barrier moves all of it. Time off the CPU without sleep stays as long as it was.
   */
  private wake(track: Track, { activity, lookNs }: Baseline): void {
    const sinceNs = activity.startNs - activity.thinkNs;
    const sleptNs = Math.min(activity.thinkSleptNs, lookNs - sinceNs);
    if (sleptNs > 0) track.shiftNs = this.shiftNs + Math.max(0, track.shiftNs - this.shiftNs - sleptNs);
  }

  private step(track: Track): void {
    const baseline = track.baseline as Baseline;
    if (this.config.isOneStream && track.rank === Step.release) {
      // What the operation has saved or added moves all that comes behind it.
      this.shiftNs += track.displacedNs;
      track.displacedNs = 0;
    }
    const atNs = this.config.isOneStream ? Math.max(this.nowNs, track.dueNs + this.shiftNs) : track.dueNs;
    if (atNs > this.nowNs) this.nowNs = atNs;
    switch (track.rank) {
      case Step.access:
        this.access(track, baseline, this.at(track, baseline.lookNs));
        return;
      case Step.lap:
        this.lap(track, baseline, this.at(track, baseline.lapLookNs[track.at] as number));
        return;
      case Step.request:
        this.request(track, baseline, atNs);
        return;
      case Step.grant:
        this.locked(track, baseline, atNs);
        return;
      case Step.operate:
        this.operate(track, baseline, atNs);
        return;
      case Step.release:
        this.release(track, baseline, atNs);
        return;
      case Step.again:
        this.again(track, baseline, atNs);
        return;
      case Step.end:
        this.end(track, baseline, atNs);
        return;
      default:
        throw new ModelError(`thread ${track.index}: no event is due in step ${track.rank}`);
    }
  }

  /** Of the epochs, which are of the VM that is asked for, or of all. */
  private noteBegin({ vm }: Activity, atNs: number, recordedNs: number): void {
    if (this.config.countsVm(vm)) this.clock.began(atNs, recordedNs);
  }

  private access(track: Track, baseline: Baseline, lookNs: number): void {
    const { activity } = baseline;
    const { config } = this;
    const { counters, scale } = config;
    const { episode } = track;
    this.noteBegin(activity, this.at(track, baseline.accessNs), baseline.accessNs);
    if (activity.kind !== ActivityKind.fault) {
      if (activity.kind === ActivityKind.mmio && baseline.isCounted) counters.mmioAborts++;
      this.finish(track, baseline, this.at(track, activity.endNs));
      return;
    }
    const guest = config.guests.of(activity.vm);
    if (!track.mayGoAhead && this.isAhead(baseline, guest)) {
      track.rank = Step.idle;
      this.ahead.push(track);
      return;
    }
    if (activity.hasInference) guest.infer(activity);
    const answer = guest.access(activity, lookNs);
    const { level } = guest.seen;
    const isSame = answer === baseline.answer && (answer === HIT || level === baseline.level);
    if (baseline.isCounted) counters.recorded += activity.laps;
    if (!isSame) counters.differences++;
    episode.startNs = this.at(track, baseline.accessNs);
    if (!isSame && answer === HIT) {
      // It goes through what the record's walk found broken, and what is to be broken here.
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
    const exitNs = activity.startNs - baseline.accessNs;
    const ownExitNs = Math.round(exitNs * scale.of(Cost.exit));
    episode.costNs[Cost.exit] = ownExitNs;
    this.displace(track, ownExitNs - exitNs);
    if (activity.operationCount === 0) {
      this.finishFault(track, baseline, activity.startNs);
      return;
    }
    if (activity.lapNs.length === 0) this.ask(track, baseline);
    else if (config.strategy.lockRegime === "shared")
      this.dueAt(track, Step.lap, baseline.lapLookNs[0] as number);
    else {
      // It waits in the queue instead of trying again.
      counters.differences++;
      this.displace(track, activity.startNs - (activity.lapNs.at(-1) as number));
      this.ask(track, baseline);
    }
  }

  /**
   * Whether a block around the access had been split by then in the record, and has not been here. The thread's own write
   * may have found the split done there, and so left no trace: it must not read on through the block as if there were
   * no write.
   */
  private isAhead({ activity, splitsBefore }: Baseline, { splits }: Guest): boolean {
    if (splitsBefore === 0 || this.config.isOneStream) return false;
    return splits.by(activity.ipa, Number.POSITIVE_INFINITY) < splitsBefore;
  }

  /** A split that the record has is done, or was not needed: who waited for it makes its access. */
  private noteSplit(operation: Operation, vm: number, atNs: number): void {
    if (!this.config.guests.of(vm).splits.noteOperation(operation)) return;
    for (const track of this.ahead.splice(0)) this.catchUp(track, atNs);
  }

  private catchUp(track: Track, atNs: number): void {
    const baseline = track.baseline as Baseline;
    track.shiftNs += Math.max(0, atNs - this.at(track, baseline.lookNs));
    this.dueAt(track, Step.access, baseline.lookNs);
  }

  /** The access of the track's next lap. */
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
      episode.costNs[Cost.retry] = (episode.costNs[Cost.retry] as number) + backNs - activity.startNs;
      loseRace(episode);
      this.voidTurns(track, baseline, atNs);
      this.finish(track, baseline, this.at(track, backNs));
      return;
    }
    episode.laps++;
    track.at++;
    if (track.at < activity.lapNs.length) {
      this.dueAt(track, Step.lap, baseline.lapLookNs[track.at] as number);
      return;
    }
    track.at = 0;
    const retryNs = (activity.lapNs.at(-1) as number) - activity.startNs;
    const ownNs = Math.round(retryNs * config.scale.of(Cost.retry));
    episode.costNs[Cost.retry] = (episode.costNs[Cost.retry] as number) + ownNs;
    this.displace(track, ownNs - retryNs);
    this.ask(track, baseline);
  }

  /** The thread's own time, and then the request for the lock. */
  private ask(track: Track, baseline: Baseline): void {
    const { ownNs, preemptedNs, sleptNs } = baseline;
    const busyNs = ownNs - preemptedNs - sleptNs;
    const own = Math.round(busyNs * this.config.scale.of(Cost.handler));
    // What it slept for is the fault's; that others had its CPU is not.
    this.spendHandler(track, own + sleptNs);
    this.displace(track, own - busyNs);
    const hold = baseline.hold(0);
    track.episode.requestedNs = this.at(track, hold.requestNs);
    if (this.config.isOneStream) this.dueAt(track, Step.operate, hold.heldNs + hold.cleanNs);
    else this.dueAt(track, Step.request, hold.requestNs);
  }

  private request(track: Track, baseline: Baseline, atNs: number): void {
    if (baseline.activity.kind === ActivityKind.hostOperation && track.at === 0) {
      track.episode.startNs = atNs;
      this.noteBegin(baseline.activity, atNs, baseline.hold(0).requestNs);
    }
    track.episode.requestedNs = atNs;
    this.lock(baseline.activity.vm).ask(track.turn as Turn, atNs);
  }

  private readonly grant = (turn: Turn, atNs: number): void => {
    this.due(turn.track, Step.grant, atNs);
  };

  private locked(track: Track, baseline: Baseline, atNs: number): void {
    const { episode } = track;
    episode.lockedNs = atNs;
    episode.costNs[Cost.lockWait] = (episode.costNs[Cost.lockWait] as number) + atNs - episode.requestedNs;
    const cleanNs = this.cleanFirst(track, baseline);
    if (cleanNs > 0) this.due(track, Step.operate, atNs + cleanNs);
    else this.operate(track, baseline, atNs);
  }

  /** The operation begins: what it does to the table, it does now, each store at its own time. */
  private operate(track: Track, baseline: Baseline, atNs: number): void {
    const { activity } = baseline;
    const { config } = this;
    const hold = baseline.hold(track.at);
    const operation = activity.operation(track.at);
    const guest = config.guests.of(activity.vm);
    if (config.isOneStream) this.lockedInStream(track, baseline, hold, atNs);
    if (!this.isHis(track, activity, hold, guest, atNs)) return;
    this.run(track, baseline, operation, hold, guest, atNs);
    this.dueRelease(track, hold, atNs);
  }

  /**
   * Whether the thread does its operation. Under the read lock another one may have the entry: then the guest faults
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

  /** As in the record: another fault had the entry, and nothing was done. */
  private lose(track: Track, hold: Hold, atNs: number): void {
    const { episode } = track;
    const ns = Math.round(hold.ns * this.config.scale.of(Cost.retry));
    episode.costNs[Cost.retry] = (episode.costNs[Cost.retry] as number) + ns;
    loseRace(episode);
    this.config.guests
      .of((track.baseline as Baseline).activity.vm)
      .begin((track.baseline as Baseline).activity.line);
    this.dueRelease(track, hold, atNs, ns);
  }

  /** Runs the walk and finds how long it takes. */
  private run(
    track: Track,
    baseline: Baseline,
    operation: Operation,
    hold: Hold,
    guest: Guest,
    atNs: number,
  ): void {
    const { config } = this;
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
    const isFault = baseline.isFault;
    for (const cost of heldCosts) {
      const ns = time.costNs[cost] as number;
      episode.costNs[cost] = (episode.costNs[cost] as number) + ns;
      if (baseline.isCounted && isFault) counters.spend(cost, ns, time.recorded[cost] as number);
    }
    if (meter.windows > 0) {
      episode.windows += meter.windows;
      episode.brokenNs = meter.brokenAtNs;
      episode.installedNs = meter.installedAtNs;
      if (baseline.isCounted) counters.window(meter.installedAtNs - meter.brokenAtNs, time.isWindowRecorded);
    }
    if (shape === Shape.split) episode.splits++;
    if ((meter.counts[Charge.tableFree] as number) > 0 && (time.costNs[Cost.teardown] as number) > 0) {
      episode.tornDownNs = atNs + time.ns;
      episode.teardownNs = episode.tornDownNs - (time.costNs[Cost.teardown] as number);
    }
    if (baseline.isCounted) {
      counters.addWork(meter.counts);
      if (shape === Shape.coalesce && !config.fwb && !config.strategy.faultPathCleans)
        counters.noteUnclean(meter.counts, operation.bytes, guest.pageBytes);
    }
  }

  /** The walk takes other times than it was run with. */
  private retime(guest: Guest, hold: Hold, atNs: number): void {
    const { holdTime: time } = this.config;
    const { meter, log } = guest;
    // What interrupts a walk does so behind its flush, as far as can be told.
    const awayNs = (ns: number) => (ns > time.breakNs ? hold.awayNs : 0);
    const breakNs = atNs + time.breakNs;
    const installNs = atNs + time.installNs + awayNs(time.installNs);
    log.retime(log.operations, meter.brokenSlot, breakNs, installNs, atNs + time.ns + hold.awayNs);
    meter.brokenAtNs = breakNs;
    meter.installedAtNs = installNs;
  }

  private dueRelease(track: Track, hold: Hold, atNs: number, lostNs?: number): void {
    const { config } = this;
    const ns = lostNs ?? config.holdTime.ns;
    if (!config.isOneStream) {
      this.due(track, Step.release, atNs + ns + hold.awayNs);
      return;
    }
    this.due(track, Step.release, Math.max(track.dueNs, hold.releasedNs));
    track.displacedNs = ns - hold.ns;
  }

  /** Of one stream: it holds the lock from when the record has it, and what lies before is a wait for lock or CPU. */
  private lockedInStream(track: Track, baseline: Baseline, hold: Hold, atNs: number): void {
    const { episode } = track;
    if (baseline.activity.kind === ActivityKind.hostOperation && track.at === 0) {
      episode.startNs = episode.requestedNs = atNs;
      this.noteBegin(baseline.activity, atNs, hold.heldNs);
    }
    const cleanNs = this.cleanFirst(track, baseline);
    episode.lockedNs = atNs - cleanNs;
    const isAlone = hold.isShared || track.at > 0;
    const untilNs = isAlone ? 0 : Math.min(episode.lockedNs, this.releasedNs[baseline.activity.vm + 1] ?? 0);
    episode.costNs[Cost.lockWait] =
      (episode.costNs[Cost.lockWait] as number) + Math.max(0, untilNs - episode.requestedNs);
  }

  private release(track: Track, baseline: Baseline, nowNs: number): void {
    const { activity } = baseline;
    const { config } = this;
    const operation = activity.operation(track.at);
    const hold = baseline.hold(track.at);
    if (config.isOneStream) this.releasedNs[activity.vm + 1] = nowNs;
    track.episode.unlockedNs = nowNs;
    this.noteSplit(operation, activity.vm, nowNs);
    if (config.guests.end(activity, operation, baseline.isCounted))
      config.counters.addWork(config.guests.of(activity.vm).meter.counts);
    if (!config.isOneStream) {
      const turn = track.takeTurn();
      this.lock(activity.vm).release(turn, nowNs);
      this.spareTurns.push(turn);
    }
    track.at++;
    if (track.at < activity.operationCount) {
      const { requestNs, heldNs, cleanNs } = baseline.hold(track.at);
      const gapNs = requestNs - hold.releasedNs;
      if (config.isOneStream) this.dueAt(track, Step.operate, heldNs + cleanNs);
      else {
        const own = Math.round(gapNs * config.scale.of(Cost.handler));
        if (baseline.isFault) this.spendHandler(track, own);
        this.due(track, Step.request, nowNs + Math.max(0, own));
      }
    } else if (baseline.isFault) this.finishFault(track, baseline, hold.releasedNs, nowNs);
    else this.finish(track, baseline, nowNs);
  }

  /** From the last release (or, without an operation, the abort) back into the guest. */
  private finishFault(
    track: Track,
    baseline: Baseline,
    recordedNs: number,
    nowNs = this.at(track, recordedNs),
  ): void {
    const tailNs = baseline.endNs - recordedNs;
    if (this.config.isOneStream) {
      const own = Math.min(tailNs, Math.round(this.streamTailNs(baseline)));
      const scaled = Math.round(own * this.config.scale.of(Cost.handler));
      this.spendHandler(track, scaled);
      this.shiftNs += scaled - own;
      this.due(track, Step.end, Math.max(track.dueNs, baseline.endNs));
      return;
    }
    const { operationCount, beforeOffNs, beforeSleptNs, afterOffNs, afterSleptNs } = baseline.activity;
    const offNs = Math.min(tailNs, operationCount === 0 ? beforeOffNs : afterOffNs);
    const own = Math.round((tailNs - offNs) * this.config.scale.of(Cost.handler));
    this.spendHandler(track, own + Math.min(offNs, operationCount === 0 ? beforeSleptNs : afterSleptNs));
    this.finish(track, baseline, nowNs + own + offNs);
  }

  private streamTailNs({ activity }: Baseline): number {
    return activity.operationCount === 0 ? activity.beforeCpuNs : activity.afterCpuNs;
  }

  /** The access goes through: all of the recorded episode falls away, but for what others took its CPU for. */
  private avoid(track: Track, baseline: Baseline, atNs: number): void {
    const { activity } = baseline;
    const { counters, isOneStream } = this.config;
    if (baseline.isCounted) counters.avoided += activity.laps;
    this.voidTurns(track, baseline, atNs);
    for (let n = 0; n < activity.operationCount; n++)
      this.noteSplit(activity.operation(n), activity.vm, atNs);
    track.episode.isFault = false;
    if (isOneStream) {
      let ownNs = activity.startNs - baseline.accessNs + baseline.ownNs + activity.afterCpuNs;
      for (let n = 0; n < activity.operationCount; n++)
        ownNs += baseline.hold(n).ns + baseline.hold(n).cleanNs;
      this.shiftNs -= Math.round(activity.operationCount === 0 ? activity.beforeCpuNs : ownNs);
    }
    this.leave(track, baseline, atNs + activity.preemptedNs);
  }

  /** The entry is another fault's: the guest is let fault on it until it is free. The laps are computed, not looped. */
  private retry(track: Track, baseline: Baseline, untilNs: number, atNs: number): void {
    const { config } = this;
    const lapNs = this.lapNs;
    const backNs = Math.max(0, baseline.endNs - baseline.hold(0).releasedNs);
    const laps = Math.max(0, Math.ceil((untilNs - atNs - backNs) / lapNs));
    const ns = Math.round(backNs + laps * lapNs);
    const { episode } = track;
    episode.laps += laps;
    episode.costNs[Cost.retry] = (episode.costNs[Cost.retry] as number) + ns;
    if (!config.isOneStream) this.lock(baseline.activity.vm).release(track.turn as Turn, atNs);
    this.dueHere(track, Step.again, atNs + ns);
  }

  private get lapNs(): number {
    const { learnt, retryLapNs, scale } = this.config;
    return Math.max(1, (learnt.lapNs ?? retryLapNs) * scale.of(Cost.retry));
  }

  /** The entry is free: the access goes through, or faults once more. */
  private again(track: Track, baseline: Baseline, atNs: number): void {
    const { activity } = baseline;
    const { episode } = track;
    const guest = this.config.guests.of(activity.vm);
    if (guest.access(activity, atNs) === HIT) {
      loseRace(episode);
      if (!this.config.isOneStream) track.takeTurn();
      this.voidTurns(track, baseline, atNs);
      this.finish(track, baseline, atNs);
      return;
    }
    episode.laps++;
    const ns = Math.round(this.lapNs);
    episode.costNs[Cost.retry] = (episode.costNs[Cost.retry] as number) + ns;
    if (this.config.isOneStream) {
      this.dueHere(track, Step.operate, atNs + ns);
      return;
    }
    const turn = track.turn as Turn;
    turn.askedNs = Number.NaN;
    this.lock(activity.vm).expect(turn);
    this.due(track, Step.request, atNs + ns);
  }

  /** The activity ends at `endNs` of this side. */
  private finish(track: Track, baseline: Baseline, endNs: number): void {
    if (this.config.isOneStream) this.due(track, Step.end, Math.max(track.dueNs, baseline.endNs));
    else this.end(track, baseline, endNs);
  }

  private end(track: Track, baseline: Baseline, atNs: number): void {
    const { episode } = track;
    // Of one stream, what is saved moves the rest at once, and may be more than lies between the two.
    episode.endNs = Math.max(atNs, episode.startNs);
    this.config.counters.clampedNs += episode.endNs - atNs;
    if (baseline.isFault) this.countFault(track, baseline);
    else if (baseline.activity.kind === ActivityKind.hostOperation) this.tell(track, baseline);
    this.leave(track, baseline, atNs);
  }

  private leave(track: Track, baseline: Baseline, atNs: number): void {
    const { endNs } = baseline;
    if (!this.config.isOneStream) track.shiftNs = atNs - endNs;
    if (track.span === this.clock.span) {
      if (this.config.countsVm(baseline.activity.vm)) this.clock.ended(atNs, endNs);
      if (endNs > this.lastRecordedEndNs) this.lastRecordedEndNs = endNs;
      if (atNs > this.lastEndNs) this.lastEndNs = atNs;
    }
    this.begin(track);
    this.config.done(baseline);
  }

  private countFault(track: Track, baseline: Baseline): void {
    const { episode, span } = track;
    const { activity } = baseline;
    const { counters } = this.config;
    const stallNs = episode.endNs - episode.startNs;
    const { costNs } = episode;
    let sum = 0;
    for (let cost = 0; cost < costNs.length; cost++) if (cost !== Cost.cpuWait) sum += costNs[cost] as number;
    // What is no work of its own, nor a wait for the lock, was others' time on its CPU.
    costNs[Cost.cpuWait] = Math.max(0, stallNs - sum);
    if (baseline.isCounted) {
      (span as { faults: number }).faults += episode.laps;
      counters.avoided += Math.max(0, activity.laps - episode.laps);
      counters.fault(episode.faultClass, episode.cause, episode.laps, isGuestTableWalk(activity.esr));
      counters.spend(Cost.exit, costNs[Cost.exit] as number, 0);
      counters.spend(Cost.handler, costNs[Cost.handler] as number, 1);
      counters.spend(Cost.lockWait, costNs[Cost.lockWait] as number, 0);
      counters.spend(Cost.retry, costNs[Cost.retry] as number, 0);
      counters.spend(Cost.cpuWait, costNs[Cost.cpuWait] as number, 0);
      counters.stall(stallNs);
    }
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

  /** The fault path's own clean, under the lock and before the walk, where the strategy has one. @returns its time */
  private cleanFirst(track: Track, baseline: Baseline): number {
    const { config } = this;
    const { activity } = baseline;
    const { episode } = track;
    if (!config.strategy.faultPathCleans || config.fwb || !baseline.isFault || track.at > 0) return 0;
    const operation = activity.operation(0);
    if (operation.kind !== OperationKind.map || episode.faultClass !== FaultClass.translation) return 0;
    const recordedNs = baseline.hold(0).cleanNs;
    const ns = Math.round(
      (recordedNs > 0 ? recordedNs : operation.bytes * config.learnt.cleanByteNs) *
        config.scale.of(Cost.clean),
    );
    episode.costNs[Cost.clean] = (episode.costNs[Cost.clean] as number) + ns;
    if (baseline.isCounted) {
      config.counters.spend(Cost.clean, ns, config.learnt.knowsClean ? 1 : 0);
      config.counters.charge(Charge.cleanByte, operation.bytes);
    }
    return ns;
  }

  private spendHandler(track: Track, ns: number): void {
    const { costNs } = track.episode;
    costNs[Cost.handler] = (costNs[Cost.handler] as number) + ns;
  }

  /** The present activity is so much later from here on. */
  private displace(track: Track, byNs: number): void {
    if (this.config.isOneStream) this.shiftNs += byNs;
    else track.displacedNs += byNs;
  }

  private expect(track: Track, baseline: Baseline): void {
    const { activity } = baseline;
    const isShared = this.config.strategy.lockRegime === "shared" && isFaultPath(activity);
    for (let n = 0; n < activity.operationCount; n++) {
      const turn = (this.spareTurns.pop() ?? new Turn()).begin(track, baseline, baseline.hold(n), isShared);
      track.pushTurn(turn);
      this.lock(activity.vm).expect(turn);
    }
  }

  /** What is left of the activity's operations will not be done. */
  private voidTurns(track: Track, baseline: Baseline, atNs: number): void {
    if (this.config.isOneStream) return;
    const lock = this.lock(baseline.activity.vm);
    while (track.turn?.baseline === baseline) {
      const turn = track.takeTurn();
      lock.void(turn, atNs);
      this.spareTurns.push(turn);
    }
  }

  private lock(vm: number): RecordLock {
    const { config, locks } = this;
    for (let known = locks.length; known <= vm + 1; known++)
      locks.push(
        new RecordLock(
          {
            spreadNs: () => config.learnt.ownSpreadNs,
            handoffNs: () => config.learnt.handoffNs,
            knowsRecorder: config.knowsRecorder,
            isFree: config.scale.locksAreFree,
          },
          this.grant,
        ),
      );
    return locks[vm + 1] as RecordLock;
  }
}
