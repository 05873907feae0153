import { ActivityKind, isFaultPath, type Operation } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import type { Guest } from "../guest.js";
import type { Baseline, Hold } from "./baseline.js";
import { RecordLock } from "./lock.js";
import { Side } from "./side.js";
import { type Track, TrackStep, Turn } from "./track.js";

/**
 * A side on a machine whose vCPUs have their own CPUs: until the next barrier, each thread has its own delay relative
 * to the record, and the order in which threads take the lock may change. The queue uses this side's clock.
 */
export class ThreadSide extends Side {
  private readonly locks: RecordLock[] = [];
  private readonly spareTurns: Turn[] = [];
  /** Tracks ahead of the record: their accesses come after another thread's split. */
  private readonly ahead: Track[] = [];
  /** Tracks that caught up with another thread in the record, which has not set out here yet. */
  private readonly following: Track[] = [];
  /** The smallest shift that an activity not yet fed may have; NaN = to be computed. */
  private leastShiftNs = Number.NaN;

  protected shiftOf(track: Track): number {
    return track.shiftNs;
  }

  protected queueNs(track: Track, recordedNs: number): number {
    return this.at(track, recordedNs);
  }

  protected dueHere(track: Track, step: TrackStep, atNs: number): void {
    this.due(track, step, atNs);
  }

  protected arrive(track: Track): number {
    return track.dueNs;
  }

  protected displace(track: Track, byNs: number): void {
    track.displacedNs += byNs;
  }

  protected expect(track: Track, baseline: Baseline): void {
    const { activity } = baseline;
    this.leastShiftNs = Number.NaN;
    const isShared = this.config.strategy.lockRegime === "shared" && isFaultPath(activity);
    for (let n = 0; n < activity.operationCount; n++) {
      const turn = (this.spareTurns.pop() ?? new Turn()).begin(track, baseline, baseline.hold(n), isShared);
      track.pushTurn(turn);
      this.lock(activity.vm).expect(turn);
    }
  }

  protected isComplete(barrier: Barrier): boolean {
    for (const { baseline, next } of this.tracks.all) {
      const first = baseline ?? next;
      if (first !== undefined && first.activity.epoch < barrier.number && first.endNs <= barrier.atNs)
        return false;
    }
    return true;
  }

  protected barrierNs(barrier: Barrier): number {
    return barrier.atNs + this.barrierShiftNs;
  }

  protected cross(): void {
    this.shiftNs = this.barrierShiftNs;
    this.leastShiftNs = Number.NaN;
  }

  /** A barrier is delayed by as much as the latest end before it. */
  private get barrierShiftNs(): number {
    return this.lastRecordedEndNs === Number.NEGATIVE_INFINITY
      ? this.shiftNs
      : this.lastEndNs - this.lastRecordedEndNs;
  }

  protected horizonNs(frontierNs: number): number {
    if (frontierNs === Number.POSITIVE_INFINITY) return frontierNs;
    if (Number.isNaN(this.leastShiftNs)) {
      this.leastShiftNs = this.shiftNs;
      for (const track of this.tracks.all)
        if (track.baseline === undefined && !track.hasQueued && track.shiftNs < this.leastShiftNs)
          this.leastShiftNs = track.shiftNs;
    }
    return frontierNs + this.leastShiftNs;
  }

  protected idle(): void {
    this.leastShiftNs = Number.NaN;
  }

  /**
   * A thread sleeps for an external event, which comes at its own time: a late thread sleeps less, an early one longer.
   * This is on the epoch's clock, since a barrier moves everything. Time off the CPU without sleep keeps its length.
   */
  protected wake(track: Track, { activity, lookNs }: Baseline): void {
    if (activity.thinkSleptNs === 0) return;
    const sinceNs = activity.startNs - activity.thinkNs;
    const sleptNs = Math.min(activity.thinkSleptNs, lookNs - sinceNs);
    if (sleptNs > 0) track.shiftNs = this.shiftNs + Math.max(0, track.shiftNs - this.shiftNs - sleptNs);
  }

  protected isHeldBack(track: Track, baseline: Baseline, guest: Guest): boolean {
    if (track.mayGoAhead) return false;
    if (this.isAheadOfSplit(baseline, guest)) {
      track.rank = TrackStep.idle;
      this.ahead.push(track);
      return true;
    }
    return !Number.isNaN(baseline.followedNs) && this.isAheadOfFollowed(track, baseline);
  }

  /**
   * Whether a block around the access had been split by then in the record, but not yet here. The thread's own write
   * may have found the split done in the record, and so left no trace: it must not read on through the block as if
   * there were no write.
   */
  private isAheadOfSplit({ activity, splitsBefore }: Baseline, { splits }: Guest): boolean {
    return splitsBefore > 0 && splits.by(activity.ipa, Number.POSITIVE_INFINITY) < splitsBefore;
  }

  /**
   * Whether the thread that it caught up with in the record has a larger delay here: then this one gets the same delay.
   * That thread mapped what this one passed on the way: what delays the mapper at each block delays the next reader.
   */
  private isAheadOfFollowed(track: Track, { followed, followedNs, lookNs }: Baseline): boolean {
    const { leftNs, shiftNs } = this.tracks.of(followed);
    if (leftNs < followedNs) {
      track.rank = TrackStep.idle;
      this.following.push(track);
      return true;
    }
    if (leftNs > lookNs || shiftNs <= track.shiftNs) return false;
    this.catchUp(track, lookNs + shiftNs);
    return true;
  }

  /** A split of the record is done, or was not needed: threads that waited for it make their accesses. */
  protected noteDone(operation: Operation, vm: number, atNs: number): void {
    if (!this.config.guests.of(vm).splits.noteOperation(operation)) return;
    for (const track of this.ahead.splice(0)) this.catchUp(track, atNs);
  }

  /** The awaited event does not come: the tracks stop waiting. */
  protected admit(): boolean {
    const tracks = [...this.ahead.splice(0), ...this.following.splice(0)];
    for (const track of tracks) {
      track.mayGoAhead = true;
      this.catchUp(track, this.nowNs);
    }
    return tracks.length > 0;
  }

  private catchUp(track: Track, atNs: number): void {
    const { lookNs } = track.baseline as Baseline;
    track.shiftNs += Math.max(0, atNs - this.at(track, lookNs));
    this.dueAt(track, TrackStep.access, lookNs);
  }

  protected seekLock(track: Track, baseline: Baseline): void {
    this.dueAt(track, TrackStep.request, baseline.hold(0).requestNs);
  }

  protected seekNext(track: Track, baseline: Baseline, nowNs: number): void {
    const gapNs = baseline.hold(track.at).requestNs - baseline.hold(track.at - 1).releasedNs;
    const ownNs = gapNs + this.ledger.between(track.episode, baseline, track.at);
    this.due(track, TrackStep.request, nowNs + Math.max(0, ownNs));
  }

  protected override lockStep(track: Track, baseline: Baseline, atNs: number): void {
    if (track.rank === TrackStep.request) this.request(track, baseline, atNs);
    else if (track.rank === TrackStep.grant) this.locked(track, baseline, atNs);
    else super.lockStep(track, baseline, atNs);
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
    this.due(turn.track, TrackStep.grant, atNs);
  };

  private locked(track: Track, baseline: Baseline, atNs: number): void {
    const { episode } = track;
    episode.lockedNs = atNs;
    this.ledger.lock(episode, baseline.hold(track.at), track.at, Number.NaN);
    const cleanNs = track.at > 0 ? 0 : this.ledger.cleanFirst(episode, baseline);
    if (cleanNs > 0) this.due(track, TrackStep.operate, atNs + cleanNs);
    else this.operate(track, baseline, atNs);
  }

  /** Everything was done when it got the lock. */
  protected enter(): void {}

  protected dueRelease(track: Track, hold: Hold, atNs: number, ns: number): void {
    this.due(track, TrackStep.release, atNs + ns + hold.awayNs);
  }

  protected unlock(track: Track, { activity }: Baseline, nowNs: number): void {
    const turn = track.takeTurn();
    this.lock(activity.vm).release(turn, nowNs);
    this.spareTurns.push(turn);
  }

  protected yieldLock(track: Track, { activity }: Baseline, atNs: number): void {
    this.lock(activity.vm).release(track.turn as Turn, atNs);
  }

  protected askAgain(track: Track, { activity }: Baseline, atNs: number): void {
    const turn = track.turn as Turn;
    turn.askedNs = Number.NaN;
    this.lock(activity.vm).expect(turn);
    this.due(track, TrackStep.request, atNs);
  }

  protected forgo(track: Track, baseline: Baseline, atNs: number): void {
    this.spareTurns.push(track.takeTurn());
    this.voidTurns(track, baseline, atNs);
  }

  protected voidTurns(track: Track, baseline: Baseline, atNs: number): void {
    const lock = this.lock(baseline.activity.vm);
    while (track.turn?.baseline === baseline) {
      const turn = track.takeTurn();
      lock.void(turn, atNs);
      this.spareTurns.push(turn);
    }
  }

  /** The time is saved when the thread leaves the activity. */
  protected save(): void {}

  protected finishFault(track: Track, baseline: Baseline, recordedNs: number, nowNs: number): void {
    const longerNs = this.ledger.tail(track.episode, baseline, recordedNs);
    this.finish(track, baseline, nowNs + baseline.endNs - recordedNs + longerNs);
  }

  protected finish(track: Track, baseline: Baseline, endNs: number): void {
    this.end(track, baseline, endNs);
  }

  protected left(track: Track, { endNs }: Baseline, atNs: number): void {
    track.shiftNs = atNs - endNs;
    track.leftNs = endNs;
    if (this.following.length > 0) this.lead(track, atNs);
  }

  /** Threads that follow this one make their accesses, unless they must follow it further. */
  private lead({ index, leftNs }: Track, atNs: number): void {
    for (const other of this.following.splice(0)) {
      const { followed, followedNs } = other.baseline as Baseline;
      if (followed === index && followedNs <= leftNs) this.catchUp(other, atNs);
      else this.following.push(other);
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
