import { type Activity, ActivityKind, isFaultPath } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import { faultClass } from "../../stage2/esr.js";
import { chargeKinds } from "../../stage2/meter.js";
import { Errno } from "../../strategy/stage2.js";
import { causeSeen, isMappedBefore, loseRace, settleCause } from "../cause.js";
import { Cause } from "../counters.js";
import type { Guest } from "../guest.js";
import { Shape } from "../plan.js";
import { EventQueue } from "../queue.js";
import { isCredible } from "../reference.js";
import type { Baseline, Hold } from "./baseline.js";
import type { Judgement } from "./judgement.js";
import type { RecordGuests } from "./record-guests.js";
import { type Track, TrackStep, Tracks } from "./track.js";

/** What the pass needs to know about the trace, and the receivers of its results. */
export interface ReferenceConfig {
  readonly guests: RecordGuests;
  readonly judgement: Judgement;
  /** The recording walker's faults hold the lock for read. */
  readonly sharesLock: boolean;
  /** One CPU ran everything. */
  readonly isOneStream: boolean;
  /** A side is the record itself: notes what only such a side needs. */
  readonly notesCauses: boolean;
  readonly counts: (activity: Activity, epoch: string | undefined, guest: Guest) => boolean;
  /** How much later than recorded the access is made in this draw; ns. */
  readonly offsetNs: (activity: Activity, thinkNs: number) => number;
  /** Called when the activity is settled. */
  readonly settled: (baseline: Baseline) => void;
}

/**
 * Runs the recording walker's table through the record, in the record's own time: each operation and each access is
 * made when it was recorded. It settles what the trace leaves open: when each access was made, what it hit, how much
 * work each operation was, and the contents of tables that existed before the trace began.
 */
export class ReferencePass {
  /** Entries and tables known only from a fault's own status. */
  inferredEntries = 0;
  /** Coalesces over subtrees whose contents the trace does not show. */
  unknownSubtrees = 0;
  private readonly tracks = new Tracks();
  private readonly queue = new EventQueue<Track>();
  /** Tracks whose next activity belongs to a later epoch. */
  private held: Track[] = [];
  private readonly barriers: Barrier[] = [];
  private epoch = 0;
  private epochNs = 0;
  private label: string | undefined;
  private nowNs = 0;
  private longestExitNs = 0;
  /** The latest time at which an access was looked up. */
  private lookedNs = 0;
  /** Whether the current epoch has splits. */
  private hasSplits = false;
  /** By thread: when its last activity ended. */
  private readonly endNs: number[] = [];
  /** When the last hold of a VM's lock ended, by VM index + 1. */
  private readonly releasedNs: number[] = [];

  constructor(private readonly config: ReferenceConfig) {}

  feed(baseline: Baseline): void {
    const track = this.tracks.of(baseline.activity.thread);
    track.push(baseline);
    if (track.baseline === undefined && !this.held.includes(track)) this.begin(track);
  }

  feedBarrier(barrier: Barrier): void {
    this.barriers.push(barrier);
  }

  /** Proceeds as far as the record is known: all activities that start before `frontierNs` have been fed. */
  pump(frontierNs: number, passed: (barrier: Barrier) => void): void {
    const { queue, barriers } = this;
    for (;;) {
      const track = queue.peek();
      const barrier = barriers[0];
      const isDue = barrier !== undefined && barrier.atNs <= frontierNs;
      if (isDue && (track === undefined || track.dueNs > barrier.atNs)) {
        barriers.shift();
        this.pass(barrier);
        passed(barrier);
        continue;
      }
      if (track === undefined || (!isDue && track.dueNs >= frontierNs)) return;
      this.step(queue.pop());
    }
  }

  /** Time of the earliest access that is not settled. */
  get openSinceNs(): number {
    let sinceNs = this.nowNs - this.longestExitNs;
    for (const { baseline } of this.tracks.all)
      if (baseline !== undefined) sinceNs = Math.min(sinceNs, baseline.accessNs, baseline.lookNs);
    return sinceNs;
  }

  private pass(barrier: Barrier): void {
    this.epoch = barrier.number;
    this.epochNs = barrier.atNs;
    this.label = barrier.label;
    this.config.guests.pass(barrier);
    this.hasSplits = false;
    for (const track of this.held.splice(0)) this.begin(track);
  }

  private begin(track: Track): void {
    track.baseline = undefined;
    const { next } = track;
    if (next === undefined) return;
    // The barrier at the start of its epoch may have been read but not passed.
    const barrier = this.barriers[0];
    if (barrier !== undefined && barrier.number <= next.activity.epoch) {
      this.held.push(track);
      return;
    }
    const baseline = track.take();
    track.baseline = baseline;
    track.at = 0;
    baseline.epoch = this.epoch;
    const { activity } = baseline;
    if (activity.kind === ActivityKind.hostOperation) {
      this.due(track, TrackStep.operate, baseline.hold(0).heldNs);
      return;
    }
    if (activity.kind === ActivityKind.fault) this.placeAccess(baseline);
    // By the time of the abort, all that the access can have hit is known.
    this.due(track, TrackStep.access, activity.startNs);
  }

  /** Places the access one exit path before its abort was printed, but not before the thread was back in the guest. */
  private placeAccess(baseline: Baseline): void {
    const { activity } = baseline;
    const { config } = this;
    const sinceNs = this.sinceNs(activity);
    const thinkNs = Math.max(0, activity.startNs - sinceNs);
    const exitNs = Math.min(baseline.exitNs, thinkNs);
    if (exitNs > this.longestExitNs) this.longestExitNs = exitNs;
    const leadNs = Math.min(activity.leadNs, thinkNs - exitNs);
    const offsetNs = Math.min(exitNs, config.offsetNs(activity, thinkNs - exitNs));
    baseline.accessNs = Math.round(activity.startNs - exitNs + offsetNs);
    baseline.lookNs = Math.round(baseline.accessNs - leadNs);
    for (let n = 0; n < activity.lapNs.length; n++) {
      const lapNs = activity.lapNs[n] as number;
      const backNs = activity.lapSinceNs[n] as number;
      // On a shared CPU there are others' turns between the laps: the guest retries as soon as it is back.
      baseline.lapLookNs[n] = config.isOneStream ? backNs : Math.max(backNs, lapNs - baseline.exitNs);
    }
  }

  private sinceNs({ thread, epoch }: Activity): number {
    const endNs = this.endNs[thread] ?? 0;
    return epoch === this.epoch || epoch > this.epoch ? Math.max(endNs, this.epochNs) : endNs;
  }

  private due(track: Track, step: TrackStep, atNs: number): void {
    track.rank = step;
    track.dueNs = atNs;
    this.queue.push(track);
  }

  private step(track: Track): void {
    this.nowNs = track.dueNs;
    const baseline = track.baseline as Baseline;
    switch (track.rank) {
      case TrackStep.access:
        this.access(track, baseline);
        return;
      case TrackStep.lap:
        this.lap(track, baseline);
        return;
      case TrackStep.operate:
        this.operate(track, baseline);
        return;
      default:
        this.release(track, baseline);
    }
  }

  /** A store of an interrupted walk, due at `dueNs`, must have been made by now: no earlier access saw it. */
  hasten(guest: Guest, dueNs: number): void {
    const atNs = this.lookedNs + 1;
    if (dueNs <= atNs) return;
    const maker = guest.log.hasten(dueNs, atNs);
    for (const { rank, baseline, at, maker: its } of this.tracks.all) {
      if (rank !== TrackStep.release || its !== maker || baseline === undefined) continue;
      if (this.config.guests.of(baseline.activity.vm) !== guest) continue;
      const hold = baseline.hold(at);
      // The first correction stands: earlier accesses saw fewer stores.
      if (!Number.isNaN(hold.doneNs)) continue;
      const { startNs } = baseline.activity.operation(at);
      hold.doneNs = atNs - startNs;
      hold.doneDueNs = dueNs - startNs;
    }
  }

  private access(track: Track, baseline: Baseline): void {
    const { activity } = baseline;
    const { config } = this;
    const guest = config.guests.of(activity.vm);
    if (this.hasSplits) activity.splitsBefore = guest.splits.by(activity.ipa, activity.startNs);
    baseline.isCounted = config.counts(activity, this.label, guest);
    if (activity.kind !== ActivityKind.fault) {
      this.end(track, baseline);
      return;
    }
    if (activity.operationCount === 1 && guest.learn(activity, Number.POSITIVE_INFINITY))
      this.inferredEntries++;
    if (baseline.lookNs > this.lookedNs) this.lookedNs = baseline.lookNs;
    baseline.answer = guest.access(activity, baseline.lookNs);
    baseline.level = guest.seen.level;
    config.judgement.judge(baseline, guest, this.sinceNs(activity));
    if (config.notesCauses) noteCause(baseline, guest);
    if (this.hasSplits) baseline.splitsBefore = guest.splits.by(activity.ipa, baseline.lookNs);
    if (activity.lapNs.length > 0) this.due(track, TrackStep.lap, activity.lapNs[0] as number);
    else this.next(track, baseline);
  }

  private lap(track: Track, baseline: Baseline): void {
    const { config } = this;
    const lookNs = baseline.lapLookNs[track.at] as number;
    if (lookNs > this.lookedNs) this.lookedNs = lookNs;
    config.judgement.judgeLap(baseline, track.at, config.guests.of(baseline.activity.vm));
    track.at++;
    if (track.at < baseline.activity.lapNs.length)
      this.due(track, TrackStep.lap, baseline.activity.lapNs[track.at] as number);
    else {
      track.at = 0;
      this.next(track, baseline);
    }
  }

  /** Proceeds to the activity's next operation, or ends it. */
  private next(track: Track, baseline: Baseline): void {
    if (track.at < baseline.activity.operationCount) {
      const { heldNs, cleanNs } = baseline.hold(track.at);
      this.due(track, TrackStep.operate, Math.max(track.dueNs, heldNs + cleanNs));
    } else this.end(track, baseline);
  }

  private operate(track: Track, baseline: Baseline): void {
    const { activity } = baseline;
    const { config } = this;
    const operation = activity.operation(track.at);
    const hold = baseline.hold(track.at);
    const guest = config.guests.of(activity.vm);
    if (activity.kind === ActivityKind.hostOperation && track.at === 0)
      baseline.isCounted = config.counts(activity, this.label, guest);
    hold.isShared = config.sharesLock && isFaultPath(activity);
    guest.begin(activity.line);
    const shape = guest.shapeOf(operation);
    operation.splitLevel = guest.shapeLevel;
    operation.knowsSubtree = shape !== Shape.coalesce || guest.shapeIsKnown;
    if (!operation.knowsSubtree) this.unknownSubtrees++;
    // Under the read lock the loser of a race returns first: the winner's work, which it asked for, is yet to come.
    hold.hasLost = hold.isShared && operation.ret === Errno.EAGAIN && shape !== Shape.unchanged;
    operation.shape = hold.hasLost ? -1 : shape;
    if (hold.isShared) hold.isTaken = guest.takenUntilNs(activity, track.dueNs) > track.dueNs;
    if (config.notesCauses) {
      hold.freeNs = this.releasedNs[activity.vm + 1] ?? 0;
      if (hold.hasLost) loseRace(baseline);
      else if (baseline.isFault && track.at === 0)
        settleCause(baseline, shape, isMappedBefore(shape, activity, guest));
    }
    if (!hold.hasLost) {
      config.guests.run(activity, operation, hold, track.dueNs);
      track.maker = guest.log.operations;
      noteWork(hold, guest);
    }
    operation.isCredible = isCredible(operation, operation.shape);
    this.due(track, TrackStep.release, Math.max(track.dueNs, hold.releasedNs));
  }

  private release(track: Track, baseline: Baseline): void {
    const { activity } = baseline;
    const { guests } = this.config;
    const hold = baseline.hold(track.at);
    if (guests.end(activity, hold.operation, baseline.isCounted)) noteFreed(hold, guests.of(activity.vm));
    this.releasedNs[activity.vm + 1] = this.nowNs;
    track.at++;
    this.next(track, baseline);
  }

  private end(track: Track, baseline: Baseline): void {
    const { activity } = baseline;
    const { splits } = this.config.guests.of(activity.vm);
    if (splits.note(activity)) this.hasSplits = true;
    this.endNs[track.index] = baseline.endNs;
    this.begin(track);
    this.config.settled(baseline);
  }
}

/** Notes why the access that was just looked up faults, as far as the table shows. */
function noteCause(baseline: Baseline, guest: Guest): void {
  const { activity, lookNs, isUnexplained } = baseline;
  baseline.faultClass = faultClass(activity.esr);
  baseline.cause = isUnexplained
    ? Cause.unexplained
    : causeSeen(guest, baseline.faultClass, activity, lookNs);
}

/** Notes the work of deferred frees that have just run. */
function noteFreed(hold: Hold, { meter }: Guest): void {
  hold.hasFreed = true;
  hold.freed ??= new Float64Array(chargeKinds);
  hold.freed.set(meter.counts);
}

/** Notes the work of the walk that has just run. */
function noteWork(hold: Hold, { meter }: Guest): void {
  const { operation } = hold;
  operation.work ??= new Float64Array(chargeKinds);
  operation.work.set(meter.counts);
  operation.visitsToBreak = meter.visitsToBreak;
  if (meter.windows === 0) return;
  operation.workToBreak ??= new Float64Array(chargeKinds);
  operation.workToInstall ??= new Float64Array(chargeKinds);
  hold.windowNs = meter.installedAtNs - meter.brokenAtNs;
  operation.workToBreak.set(meter.countsToBreak);
  operation.workToInstall.set(meter.countsToInstall);
}
