import { type Activity, ActivityKind } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import { ZERO } from "../../double.js";
import { ModelError } from "../../errors.js";
import { Guests } from "../guests.js";
import { hearsEach } from "../observer.js";
import { AccessRuns } from "./access-runs.js";
import type { SimulationConfig } from "./config.js";
import { FaultPath } from "./fault-path.js";
import { Inbox } from "./inbox.js";
import { Ledger } from "./ledger.js";
import { Locks } from "./lock.js";
import { Lockstep } from "./lockstep.js";
import type { OperationTime } from "./operation-time.js";
import { Operations } from "./operations.js";
import { Schedule } from "./schedule.js";
import { Alarm, Thread, ThreadStep } from "./thread.js";

/** If CPUs are shared, an epoch is read completely before it is replayed, up to this many activities. */
const LOOKAHEAD = 1 << 16;

/** A few lines may mean minutes of work: after this many steps, signals are handled and progress is shown. */
const STEPS_AT_A_TIME = 50_000;

/** A thread and its queue of activities. */
class Track {
  readonly thread: Thread;
  private readonly queue: Activity[] = [];
  private head = 0;
  /** End of its last activity, here and in the trace; and its epoch. */
  endNs = ZERO;
  recordedEndNs = ZERO;
  epoch = -1;

  constructor(index: number) {
    this.thread = new Thread(index);
  }

  push(activity: Activity): void {
    this.queue.push(activity);
  }

  get next(): Activity | undefined {
    return this.queue[this.head];
  }

  take(): Activity | undefined {
    const activity = this.next;
    if (activity === undefined) return undefined;
    this.head++;
    if (this.head >= 256) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    return activity;
  }
}

/**
 * One strategy's replay without a record to follow: a discrete-event simulation of the threads, the MMU locks and the
 * CPUs. It is a closed loop: an access follows the thread's previous activity by its think time.
 *
 * This class feeds in activities and takes events in time order; FaultPath decides what becomes of an activity.
 */
export class Simulation {
  private readonly inbox = new Inbox();
  private readonly tracks: Track[] = [];
  private readonly threads: Thread[] = [];
  private readonly guests: Guests;
  private readonly ledger: Ledger;
  private readonly schedule: Schedule;
  private readonly runs: AccessRuns;
  private readonly lockstep: Lockstep | undefined;
  private readonly path: FaultPath;
  /** Activities taken from the inbox that have not ended. */
  private pending = 0;

  /** @param timeOf creates the source of durations, given the ledger that counts them */
  constructor(
    private readonly config: SimulationConfig,
    timeOf: (ledger: Ledger) => OperationTime,
  ) {
    const { stage2, strategy, sanitizers, observer } = config;
    const isWatched = hearsEach(observer);
    const guests = new Guests(stage2, strategy, sanitizers, isWatched);
    const locks = new Locks(config);
    const ledger = new Ledger(config, guests);
    const operations = new Operations(config, guests, ledger, timeOf(ledger));
    const schedule = new Schedule(config, {
      interrupted: (thread, sinceNs) => operations.interrupt(thread.activity as Activity, thread, sinceNs),
      resumed: (thread, sinceNs, byNs) => {
        const activity = thread.activity as Activity;
        operations.resume(activity, thread, sinceNs, byNs);
        this.runs.watch(activity.vm, sinceNs + byNs);
      },
    });
    this.guests = guests;
    this.ledger = ledger;
    this.schedule = schedule;
    this.runs = new AccessRuns(config, guests, schedule);
    if (!isWatched && sanitizers === undefined && !schedule.sharesCpus)
      this.lockstep = new Lockstep(config.counters, guests, locks, schedule, ledger, this.threads);
    const { runs, lockstep } = this;
    this.path = new FaultPath({ config, guests, locks, schedule, ledger, operations, runs, lockstep });
  }

  feed(item: Activity | Barrier): void {
    this.inbox.add(item);
  }

  /**
   * Replays as far as the trace is known: all activities that start before `frontierNs` have been fed.
   * @returns false if it only paused, and must be called again
   */
  pump(frontierNs: number): boolean {
    for (;;) {
      const { barrier } = this.inbox;
      if (barrier === undefined && this.waitsForEpoch()) return true;
      this.takeActivities();
      const horizonNs = barrier === undefined ? this.horizon(frontierNs) : Number.POSITIVE_INFINITY;
      if (!this.advance(horizonNs, frontierNs)) return false;
      if (barrier === undefined) return true;
      if (this.path.admit()) continue;
      if (this.pending > 0) throw new ModelError(`${this.pending} activities never ended before a barrier`);
      this.inbox.passBarrier();
      this.ledger.pass(barrier);
      this.guests.pass(barrier);
      this.lockstep?.forget();
    }
  }

  /** With shared CPUs the order of all threads matters: the epoch is read first, if it is not too long. */
  private waitsForEpoch(): boolean {
    return this.schedule.sharesCpus && this.pending + this.inbox.size < LOOKAHEAD;
  }

  /** Hands the activities before the next barrier to their threads, and starts idle threads in recorded order. */
  private takeActivities(): void {
    const woken: Track[] = [];
    this.inbox.drain((activity) => {
      const track = this.track(activity.thread);
      if (activity.kind === ActivityKind.accessRun) this.schedule.expectReads(track.thread);
      if (track.thread.step === ThreadStep.idle && track.next === undefined) woken.push(track);
      track.push(activity);
      this.pending++;
    });
    woken.sort((a, b) => (a.next?.startNs ?? 0) - (b.next?.startNs ?? 0));
    const { number, startNs } = this.ledger.epoch;
    for (const track of woken)
      this.begin(track, 0, track.epoch === number ? Math.max(startNs, track.endNs) : startNs);
  }

  private track(index: number): Track {
    for (let known = this.tracks.length; known <= index; known++) {
      const track = new Track(known);
      this.tracks.push(track);
      this.threads.push(track.thread);
    }
    return this.tracks[index] as Track;
  }

  /** The time before which nothing that is still unread can happen. */
  private horizon(frontierNs: number): number {
    if (this.schedule.sharesCpus) return Number.POSITIVE_INFINITY;
    const { epoch } = this.ledger;
    let horizonNs = epoch.at(frontierNs);
    for (const track of this.tracks)
      if (track.thread.step === ThreadStep.idle && track.epoch === epoch.number)
        horizonNs = Math.min(horizonNs, comesNs(track, frontierNs));
    return horizonNs;
  }

  /**
   * Takes events until nothing is due by `horizonNs`, or a thread has no known work up to `frontierNs`.
   * @returns false if it only paused, after some hundredths of a second
   */
  private advance(horizonNs: number, frontierNs: number): boolean {
    const { schedule } = this;
    let horizon = horizonNs;
    for (let steps = 0; steps < STEPS_AT_A_TIME; steps++) {
      this.lockstep?.look(horizon);
      const next = schedule.next(horizon);
      if (next === undefined) return true;
      if (next instanceof Alarm) {
        this.runs.change(next.vm, schedule.nowNs);
        continue;
      }
      const track = this.tracks[next.index] as Track;
      this.step(track, schedule.nowNs);
      if (next.step === ThreadStep.idle && horizon < Number.POSITIVE_INFINITY)
        horizon = Math.min(horizon, comesNs(track, frontierNs));
    }
    return false;
  }

  private step(track: Track, nowNs: number): void {
    const { thread } = track;
    // Only the tail of an activity was due, and it has ended.
    if (thread.activity === undefined) {
      this.begin(track, 0, nowNs);
      return;
    }
    const endNs = this.path.step(thread, thread.activity, nowNs);
    if (!Number.isNaN(endNs)) this.end(track, thread.activity, endNs, nowNs);
  }

  /** Starts the thread's next activity, after `tailNs` of work left from the last one. */
  private begin(track: Track, tailNs: number, nowNs: number): void {
    const { thread } = track;
    const activity = track.take();
    if (activity !== undefined) {
      this.path.begin(thread, activity, tailNs, nowNs);
      return;
    }
    thread.activity = undefined;
    this.schedule.sleep(thread, ThreadStep.idle, nowNs);
  }

  /** The activity ends at `endNs`; the thread has used its CPU up to now, and the rest is charged to what follows. */
  private end(track: Track, activity: Activity, endNs: number, nowNs: number): void {
    const { ledger, schedule } = this;
    this.path.noteDone(activity, nowNs);
    track.endNs = endNs;
    track.recordedEndNs = activity.endNs;
    track.epoch = ledger.epoch.number;
    ledger.ended(activity, endNs);
    this.pending--;
    this.config.release(activity);
    const tailNs = endNs - nowNs;
    if (track.next === undefined && schedule.sharesCpus && tailNs > 0) {
      track.thread.activity = undefined;
      schedule.work(track.thread, ThreadStep.tail, tailNs, nowNs);
    } else this.begin(track, tailNs, nowNs);
  }
}

/** The earliest time at which an idle thread can reach work that is not known yet. */
function comesNs({ endNs, recordedEndNs }: Track, frontierNs: number): number {
  return endNs + frontierNs - recordedEndNs;
}
