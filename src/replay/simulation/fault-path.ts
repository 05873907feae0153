import { type Activity, ActivityKind, isFaultPath } from "../../activity/activity.js";
import { ModelError } from "../../errors.js";
import { causeSeen, loseRace } from "../cause.js";
import { Cost } from "../counters.js";
import { HIT } from "../guest.js";
import type { Guests } from "../guests.js";
import { isOpenEnded } from "../store-log.js";
import type { AccessRuns } from "./access-runs.js";
import type { SimulationConfig } from "./config.js";
import type { Ledger } from "./ledger.js";
import type { Locks } from "./lock.js";
import type { Lockstep } from "./lockstep.js";
import type { Operations } from "./operations.js";
import type { Schedule } from "./schedule.js";
import { ThinkTime } from "./think-time.js";
import { type Thread, ThreadStep } from "./thread.js";

/** The activity has not ended: its end is not known yet. */
const UNDER_WAY = Number.NaN;

/** What a simulation consists of. */
export interface Parts {
  readonly config: SimulationConfig;
  readonly guests: Guests;
  readonly locks: Locks;
  readonly schedule: Schedule;
  readonly ledger: Ledger;
  readonly operations: Operations;
  readonly runs: AccessRuns;
  /** Undefined if each fault must be replayed. */
  readonly lockstep: Lockstep | undefined;
}

/**
 * The course of an activity. A thread thinks, attempts its access, and faults if the table says so: exit and handler,
 * lock, operation, return to the guest. A host operation starts at its recorded time, and takes the same path from the
 * lock on. The thread's episode holds its state and results.
 */
export class FaultPath {
  /** Threads that wait for another thread's split. */
  private readonly ahead: Thread[] = [];

  private readonly think: ThinkTime;

  constructor(private readonly parts: Parts) {
    this.think = new ThinkTime(parts.config);
  }

  /** Starts the thread's next activity, after `tailNs` of work left from the last one. */
  begin(thread: Thread, activity: Activity, tailNs: number, atNs: number): void {
    const { schedule, ledger } = this.parts;
    thread.activity = activity;
    thread.mayGoAhead = false;
    if (activity.kind !== ActivityKind.hostOperation) {
      schedule.work(thread, ThreadStep.think, tailNs + this.think.ns(activity), atNs);
      return;
    }
    const { epoch } = ledger;
    const dueNs = Math.max(Math.round(epoch.at(activity.startNs)), Math.round(atNs + tailNs), epoch.startNs);
    schedule.sleep(thread, ThreadStep.timer, atNs);
    schedule.waitUntil(thread, dueNs);
  }

  /** Performs what follows the thread's finished step. @returns when the activity ends, or UNDER_WAY */
  step(thread: Thread, activity: Activity, atNs: number): number {
    switch (thread.step) {
      case ThreadStep.timer:
      case ThreadStep.think:
        return this.attempt(thread, activity, atNs);
      case ThreadStep.handler:
        return this.request(thread, activity, atNs);
      case ThreadStep.granted:
        return this.hold(thread, activity, atNs);
      case ThreadStep.claim:
        return this.claim(thread, activity, atNs);
      case ThreadStep.hold:
        return this.unlock(thread, activity, atNs);
      case ThreadStep.retry:
        return this.tryAgain(thread, activity, atNs);
      default:
        throw new ModelError(`thread ${thread.index}: no event is due in step ${thread.step}`);
    }
  }

  /** The thread's think time has ended: it makes its access or operation now. */
  private attempt(thread: Thread, activity: Activity, atNs: number): number {
    const { ledger, schedule, config } = this.parts;
    ledger.began(activity, atNs, activity.startNs - this.think.exitNs(activity));
    switch (activity.kind) {
      case ActivityKind.mmio:
        ledger.mmio(activity);
        return atNs;
      case ActivityKind.hostOperation:
        ledger.open(thread.episode, activity);
        schedule.work(thread, ThreadStep.handler, 0, atNs);
        return UNDER_WAY;
      case ActivityKind.accessRun:
        return this.continueRun(thread, activity, atNs);
    }
    if (!thread.mayGoAhead && this.isAhead(activity)) {
      schedule.sleep(thread, ThreadStep.ahead, atNs);
      this.ahead.push(thread);
      return UNDER_WAY;
    }
    // A simulation of shared CPUs has its own turns between an access and its abort.
    return this.access(thread, activity, Number.isFinite(config.pcpus) ? 0 : activity.leadNs, atNs);
  }

  /** Whether a block around the access had been split in the record, but not yet here. */
  private isAhead({ vm, ipa, splitsBefore }: Activity): boolean {
    if (splitsBefore === 0) return false;
    return this.parts.guests.of(vm).splits.by(ipa, Number.POSITIVE_INFINITY) < splitsBefore;
  }

  /** The activity has ended: notes its recorded splits, and wakes threads that waited for them. */
  noteDone(activity: Activity, atNs: number): void {
    if (activity.operationCount === 0 || !this.parts.guests.of(activity.vm).splits.note(activity)) return;
    for (const thread of this.ahead.splice(0)) {
      if (this.isAhead(thread.activity as Activity)) this.ahead.push(thread);
      else this.parts.schedule.work(thread, ThreadStep.think, 0, atNs);
    }
  }

  /** The split does not come: threads stop waiting for it. @returns whether there were any */
  admit(): boolean {
    const { schedule } = this.parts;
    const threads = this.ahead.splice(0);
    for (const thread of threads) {
      thread.mayGoAhead = true;
      schedule.work(thread, ThreadStep.think, 0, schedule.nowNs);
    }
    return threads.length > 0;
  }

  private continueRun(thread: Thread, activity: Activity, atNs: number): number {
    switch (this.parts.runs.proceed(thread, activity, atNs)) {
      case "accesses":
        return UNDER_WAY;
      case "ends":
        return atNs;
      case "faults":
        thread.activity = thread.run.fault;
        return this.access(thread, thread.run.fault, 0, atNs);
    }
  }

  /** The guest makes its access, which is answered by the table as of `leadNs` earlier. */
  private access(thread: Thread, activity: Activity, leadNs: number, atNs: number): number {
    const { config, guests, ledger, operations, schedule } = this.parts;
    const { episode } = thread;
    ledger.open(episode, activity);
    episode.startNs = atNs;
    const guest = guests.of(activity.vm);
    if (activity.hasInference) guest.infer(activity);
    const answer = guest.access(activity, atNs - leadNs);
    ledger.access(episode, activity, answer === HIT);
    if (answer === HIT) return this.goOn(thread, activity, atNs, atNs);
    episode.faultClass = answer;
    episode.faultLevel = guest.seen.level;
    episode.cause = causeSeen(guest, answer, activity, atNs);
    // The real exit path places the access and the think time before it; what follows uses the scaled times.
    const exitNs = this.think.exitNs(activity) * config.scale.of(Cost.exit);
    const handlerNs = operations.handlerNs(activity) * config.scale.of(Cost.handler);
    episode.costNs[Cost.exit] = exitNs;
    episode.costNs[Cost.handler] = handlerNs;
    schedule.work(thread, ThreadStep.handler, Math.round(exitNs + handlerNs), atNs);
    return UNDER_WAY;
  }

  private request(thread: Thread, activity: Activity, atNs: number): number {
    if (activity.operationCount === 0) {
      // The handler ran, and found nothing to map.
      this.parts.ledger.close(thread.episode, activity, atNs, this.tailNs(activity), 0);
      return this.goOn(thread, activity, atNs, atNs);
    }
    const { episode } = thread;
    episode.requestedNs = atNs;
    if (!episode.isFault) episode.startNs = atNs;
    thread.sharesLock = this.sharesLock(activity);
    const { locks, schedule, config } = this.parts;
    if (locks.of(activity.vm).request(thread)) {
      this.locked(thread, activity, atNs);
      return this.hold(thread, activity, atNs);
    }
    if (config.waitersSleep) schedule.sleep(thread, ThreadStep.waiting, atNs);
    else schedule.block(thread, ThreadStep.waiting);
    return UNDER_WAY;
  }

  /** Whether the activity holds the lock for read: a fault, if the strategy's faults do or if locks are free. */
  private sharesLock(activity: Activity): boolean {
    const { strategy, scale } = this.parts.config;
    if (strategy.lockRegime === "exclusive" && !scale.locksAreFree) return false;
    return isFaultPath(activity);
  }

  /** The head of the lock's queue has a CPU: it takes the lock, or excludes others from now on. */
  private claim(thread: Thread, activity: Activity, atNs: number): number {
    const { locks, schedule } = this.parts;
    const lock = locks.of(activity.vm);
    if (!lock.claim(thread)) {
      schedule.sleep(thread, ThreadStep.waiting, atNs);
      return UNDER_WAY;
    }
    if (lock.head !== undefined) schedule.wake(lock.head, ThreadStep.claim, atNs);
    this.locked(thread, activity, atNs);
    return this.hold(thread, activity, atNs);
  }

  /** The thread has the lock. */
  private locked({ episode }: Thread, activity: Activity, atNs: number): void {
    const { locks, config } = this.parts;
    const { releasedNs } = locks.of(activity.vm);
    // A thread that sleeps while it waits may need to wait for a CPU once the lock is free.
    const { pcpus, waitersSleep } = config;
    const untilNs = waitersSleep && Number.isFinite(pcpus) ? Math.min(atNs, releasedNs) : atNs;
    episode.spend(Cost.lockWait, Math.max(0, untilNs - episode.requestedNs));
  }

  private hold(thread: Thread, activity: Activity, atNs: number): number {
    const { guests, operations, runs, schedule } = this.parts;
    if (thread.sharesLock) {
      const takenUntilNs = guests.of(activity.vm).takenUntilNs(activity, atNs);
      if (takenUntilNs > atNs) return this.retry(thread, activity, takenUntilNs, atNs);
    }
    operations.begin(thread, activity, atNs);
    runs.watch(activity.vm, atNs);
    const { ns, flushedNs } = thread.hold;
    schedule.workUnderLock(thread, ns, flushedNs, atNs);
    return UNDER_WAY;
  }

  /** Another fault has the entry: the guest faults on it until it is free. The laps are computed, not simulated. */
  private retry(thread: Thread, activity: Activity, takenUntilNs: number, atNs: number): number {
    const { config, schedule } = this.parts;
    const { episode } = thread;
    const { costNs } = episode;
    this.release(thread, activity, atNs);
    const { retryLapNs, wholeLapNs } = config;
    const backNs = this.tailNs(activity);
    // If the entry's owner has no CPU, the time that it takes is unknown: proceed lap by lap.
    const isOpen = isOpenEnded(takenUntilNs);
    const laps = isOpen ? 0 : Math.max(0, Math.ceil((takenUntilNs - atNs - backNs) / retryLapNs));
    const ns = isOpen
      ? Math.max(backNs, wholeLapNs - (costNs[Cost.exit] as number) - (costNs[Cost.handler] as number))
      : backNs + laps * retryLapNs;
    episode.laps += laps;
    episode.spend(Cost.retry, ns);
    schedule.work(thread, ThreadStep.retry, ns, atNs);
    return UNDER_WAY;
  }

  /** The entry is free: the access succeeds, or faults once more. */
  private tryAgain(thread: Thread, activity: Activity, atNs: number): number {
    const { config, guests, ledger, schedule } = this.parts;
    const { episode } = thread;
    const { costNs } = episode;
    const tailNs = this.tailNs(activity);
    if (guests.of(activity.vm).access(activity, atNs) === HIT) {
      // The return to the guest belongs to the fault, as after any other.
      episode.spend(Cost.retry, -tailNs);
      loseRace(episode);
      ledger.close(episode, activity, atNs, tailNs, 0);
      return this.goOn(thread, activity, atNs, atNs);
    }
    episode.laps++;
    // Other work of the first handler (a page look-up, a delay) need not be repeated.
    const faultNs = (costNs[Cost.exit] as number) + (costNs[Cost.handler] as number);
    const handledNs = Math.round(Math.min(faultNs, config.retryLapNs) * config.scale.of(Cost.retry));
    episode.spend(Cost.retry, handledNs);
    // A free retry must still take time, or the entry's owner would never proceed.
    schedule.work(thread, ThreadStep.handler, handledNs > 0 ? handledNs : config.wholeLapNs, atNs);
    return UNDER_WAY;
  }

  private unlock(thread: Thread, activity: Activity, atNs: number): number {
    const { ledger, lockstep, operations } = this.parts;
    const { episode, hold } = thread;
    const tailNs = this.tailNs(activity);
    operations.end(thread, activity);
    if (hold.hasStored) lockstep?.changed(thread);
    this.release(thread, activity, atNs);
    episode.unlockedNs = atNs;
    ledger.close(episode, activity, atNs + tailNs, tailNs, hold.ns);
    return this.goOn(thread, activity, atNs + tailNs, atNs);
  }

  private release(thread: Thread, activity: Activity, atNs: number): void {
    this.parts.locks.of(activity.vm).release(thread, atNs, this.grant);
  }

  /** The holder passed the lock to this thread, or lets it claim the lock. */
  private readonly grant = (thread: Thread, atNs: number): void => {
    const { config, schedule } = this.parts;
    if (config.claimsLate) {
      schedule.wake(thread, ThreadStep.claim, atNs);
      return;
    }
    const activity = thread.activity as Activity;
    const lockedNs = thread.onCpu ? atNs + config.handoffNs : atNs;
    this.locked(thread, activity, lockedNs);
    if (thread.onCpu) this.hold(thread, activity, lockedNs);
    else schedule.wake(thread, ThreadStep.granted, atNs);
  };

  /** The activity's own time from its last operation's return to the guest. */
  private tailNs(activity: Activity): number {
    return activity.afterCpuNs * this.parts.config.scale.of(Cost.handler);
  }

  /** The fault ends at `endNs`, and its activity too; in a run, the access is retried. */
  private goOn(thread: Thread, activity: Activity, endNs: number, atNs: number): number {
    if (!activity.isSynthetic) return endNs;
    thread.activity = thread.run.activity;
    this.parts.schedule.work(thread, ThreadStep.think, endNs - atNs, atNs);
    return UNDER_WAY;
  }
}
