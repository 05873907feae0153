import { ActivityKind } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import type { Baseline, Hold } from "./baseline.js";
import { Side } from "./side.js";
import { type Track, TrackStep } from "./track.js";

/**
 * A side on a machine whose one CPU ran everything: the trace is one stream, which keeps its order and shifts as a
 * whole. The queue uses the record's clock.
 */
export class StreamSide extends Side {
  /** When the last hold of a VM's lock ended, by VM index + 1. */
  private readonly releasedNs: number[] = [];

  protected shiftOf(): number {
    return this.shiftNs;
  }

  protected queueNs(_track: Track, recordedNs: number): number {
    return recordedNs;
  }

  protected dueHere(track: Track, step: TrackStep, atNs: number): void {
    this.due(track, step, atNs - this.shiftNs);
  }

  protected arrive(track: Track): number {
    if (track.rank === TrackStep.release) {
      // The time that the operation saved or added moves everything after it.
      this.shiftNs += track.displacedNs;
      track.displacedNs = 0;
    }
    return Math.max(this.nowNs, track.dueNs + this.shiftNs);
  }

  protected displace(_track: Track, byNs: number): void {
    this.shiftNs += byNs;
  }

  protected isComplete(): boolean {
    return true;
  }

  protected barrierNs(barrier: Barrier): number {
    return barrier.atNs;
  }

  protected horizonNs(frontierNs: number): number {
    return frontierNs;
  }

  /** The order stays: no thread is held back, and none changes its place in the lock's queue. */
  protected expect(): void {}
  protected cross(): void {}
  protected idle(): void {}
  protected wake(): void {}
  protected noteDone(): void {}
  protected yieldLock(): void {}
  protected forgo(): void {}
  protected voidTurns(): void {}
  protected left(): void {}

  protected isHeldBack(): boolean {
    return false;
  }

  protected admit(): boolean {
    return false;
  }

  protected seekLock(track: Track, baseline: Baseline): void {
    const { heldNs, cleanNs } = baseline.hold(0);
    this.dueAt(track, TrackStep.operate, heldNs + cleanNs);
  }

  protected seekNext(track: Track, baseline: Baseline): void {
    const { heldNs, cleanNs } = baseline.hold(track.at);
    this.dueAt(track, TrackStep.operate, heldNs + cleanNs);
  }

  /** The lock is held from the recorded time on; the time before is a wait for the lock or the CPU. */
  protected enter(track: Track, baseline: Baseline, hold: Hold, atNs: number): void {
    const { episode } = track;
    if (baseline.activity.kind === ActivityKind.hostOperation && track.at === 0) {
      episode.startNs = episode.requestedNs = atNs;
      this.noteBegin(baseline.activity, atNs, hold.heldNs);
    }
    const cleanNs = track.at > 0 ? 0 : this.ledger.cleanFirst(episode, baseline);
    episode.lockedNs = atNs - cleanNs;
    this.ledger.lock(episode, hold, track.at, this.releasedNs[baseline.activity.vm + 1] ?? 0);
  }

  protected dueRelease(track: Track, hold: Hold, _atNs: number, ns: number): void {
    this.due(track, TrackStep.release, Math.max(track.dueNs, hold.releasedNs));
    track.displacedNs = ns - hold.ns;
  }

  protected unlock(_track: Track, { activity }: Baseline, nowNs: number): void {
    this.releasedNs[activity.vm + 1] = nowNs;
  }

  protected askAgain(track: Track, _baseline: Baseline, atNs: number): void {
    this.dueHere(track, TrackStep.operate, atNs);
  }

  protected save(baseline: Baseline): void {
    const { activity } = baseline;
    let ownNs = activity.startNs - baseline.accessNs + baseline.ownNs + activity.afterCpuNs;
    for (let n = 0; n < activity.operationCount; n++) ownNs += baseline.hold(n).ns + baseline.hold(n).cleanNs;
    this.shiftNs -= Math.round(activity.operationCount === 0 ? activity.beforeCpuNs : ownNs);
  }

  protected finishFault(track: Track, baseline: Baseline, recordedNs: number): void {
    this.shiftNs += this.ledger.tail(track.episode, baseline, recordedNs);
    this.finish(track, baseline);
  }

  protected finish(track: Track, baseline: Baseline): void {
    this.due(track, TrackStep.end, Math.max(track.dueNs, baseline.endNs));
  }
}
