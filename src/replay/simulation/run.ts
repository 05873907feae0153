import { type Activity, ActivityKind } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import { ModelError } from "../../errors.js";
import { LAST_LEVEL } from "../../stage2/granule.js";
import { Cost, type Counters } from "../counters.js";
import { Episode, NO_SIDE } from "../episode.js";
import { hearsEach, type Observer, type Repetition, type RunConfig } from "../run-config.js";
import { isOpenEnded } from "../store-log.js";
import { AccessRuns } from "./access-runs.js";
import { EpochClock } from "./epoch-clock.js";
import { Host } from "./host.js";
import { Inbox } from "./inbox.js";
import { Lockstep, type Order } from "./lockstep.js";
import { ReplayThread, Step } from "./replay-thread.js";
import { Schedule } from "./schedule.js";

/** With CPUs to share an epoch is read whole before it is replayed, up to this many activities. */
const LOOKAHEAD = 1 << 16;

/**
 * One strategy's replay: a discrete-event simulation of the threads, the MMU locks and the CPUs. A thread
 * thinks, attempts its access, and, where the table says so, faults: exit and handler, lock, operation, tail. It is a
 * closed loop: an access follows the thread's own previous activity by its think time.
 */
export class Run {
  readonly counters: Counters;
  private readonly inbox = new Inbox();
  private readonly epoch = new EpochClock();
  private readonly threads: ReplayThread[] = [];
  private readonly schedule: Schedule;
  private readonly host: Host;
  private readonly runs: AccessRuns;
  /** Undefined where each fault has to be replayed. */
  private readonly lockstep: Lockstep | undefined;
  /** Activities taken from the inbox and not ended. */
  private pending = 0;
  /** Threads that wait for another one's split. */
  private readonly ahead: ReplayThread[] = [];
  private readonly episode = new Episode();

  constructor(
    private readonly config: RunConfig,
    private readonly observer: Observer | undefined,
  ) {
    this.counters = config.counters;
    this.host = new Host(config, observer);
    this.schedule = new Schedule(config, this.epoch, {
      done: (thread) => this.step(thread, this.schedule.nowNs),
      between: (horizonNs) => this.lockstep?.look(horizonNs),
      granted: (thread, atNs) => this.hold(thread, atNs),
      claims: (thread, atNs) => this.claim(thread, atNs),
      interrupted: (thread, sinceNs) => this.host.interrupt(thread, sinceNs),
      resumed: (thread, sinceNs, byNs) => {
        this.host.resume(thread, sinceNs, byNs);
        this.runs.watch((thread.activity as Activity).vm, sinceNs + byNs);
      },
    });
    this.runs = new AccessRuns(config, this.host, this.schedule);
    if (!hearsEach(observer) && config.sanitizers === undefined && !this.schedule.sharesCpus)
      this.lockstep = new Lockstep(config, this.host, this.schedule, this.threads, (order, times) =>
        this.tellRepetition(order, times),
      );
  }

  feed(item: Activity | Barrier): void {
    this.inbox.add(item);
  }

  /**
   * Replays as far as the trace is known: every activity that starts before `frontierNs` has been fed.
   * @returns false where it has only paused, and is to be called again
   */
  pump(frontierNs: number): boolean {
    for (;;) {
      const { barrier } = this.inbox;
      if (barrier === undefined && this.waitsForEpoch()) return true;
      this.takeActivities();
      const horizonNs = barrier === undefined ? this.horizon(frontierNs) : Number.POSITIVE_INFINITY;
      if (!this.schedule.advance(horizonNs, frontierNs)) return false;
      if (barrier === undefined) return true;
      if (this.ahead.length > 0) {
        this.letAheadGo();
        continue;
      }
      if (this.pending > 0) throw new ModelError(`${this.pending} activities never ended before a barrier`);
      this.inbox.passBarrier();
      this.pass(barrier);
    }
  }

  private pass(barrier: Barrier): void {
    const ended = this.epoch.pass(barrier);
    if (ended !== undefined) {
      this.host.closeEpoch(ended);
      for (const side of this.config.sides) this.observer?.closed?.(side, ended);
    }
    this.host.passBarrier();
    this.lockstep?.forget();
    if (barrier.slotChange !== undefined) this.host.changeSlot(barrier.vm, barrier.slotChange);
    if (barrier.tablesUnknown) this.host.forget();
  }

  /** Shared CPUs make the order of all threads matter: the epoch is read first, if it is not too long. */
  private waitsForEpoch(): boolean {
    return this.schedule.sharesCpus && this.pending + this.inbox.size < LOOKAHEAD;
  }

  /** Hands the activities before the next barrier to their threads, and starts the idle ones in recorded order. */
  private takeActivities(): void {
    const woken: ReplayThread[] = [];
    this.inbox.drain((activity) => {
      const thread = this.thread(activity.thread);
      if (activity.kind === ActivityKind.accessRun && !thread.hasRuns) {
        thread.hasRuns = true;
        this.schedule.readers++;
      }
      if (thread.step === Step.idle && thread.queued === 0) woken.push(thread);
      thread.push(activity);
      this.pending++;
    });
    woken.sort((a, b) => (a.peek()?.startNs ?? 0) - (b.peek()?.startNs ?? 0));
    const { number, startNs } = this.epoch;
    for (const thread of woken)
      this.begin(thread, thread.epoch === number ? Math.max(startNs, thread.endNs) : startNs, 0);
  }

  /** Nothing that is still unread can happen before this time. */
  private horizon(frontierNs: number): number {
    if (this.schedule.sharesCpus) return Number.POSITIVE_INFINITY;
    let horizon = this.epoch.at(frontierNs);
    for (const thread of this.threads) {
      if (thread.step === Step.idle && thread.epoch === this.epoch.number)
        horizon = Math.min(horizon, thread.endNs + frontierNs - thread.recordedEndNs);
    }
    return horizon;
  }

  private thread(index: number): ReplayThread {
    let thread = this.threads[index];
    if (thread === undefined) {
      for (let i = this.threads.length; i <= index; i++) this.threads.push(new ReplayThread(i));
      thread = this.threads[index] as ReplayThread;
    }
    return thread;
  }

  /** Starts the thread's next activity at `atNs`, after `tailNs` of work that the last one left. */
  private begin(thread: ReplayThread, atNs: number, tailNs: number): void {
    const activity = thread.shift();
    thread.activity = activity;
    thread.mayGoAhead = false;
    if (activity === undefined) {
      thread.step = Step.idle;
      this.schedule.release(thread, atNs);
      return;
    }
    const { config } = this;
    const isFault = activity.kind === ActivityKind.fault;
    const exitNs = isFault ? Math.min(config.exitNs, thinkCpuNs(activity)) : 0;
    thread.exitNs = exitNs;
    const offsetNs = this.offsetNs(activity, exitNs);
    if (activity.kind === ActivityKind.hostOperation) {
      this.schedule.release(thread, atNs);
      this.schedule.waitFor(thread, Step.timer, activity.startNs - exitNs + offsetNs, atNs + tailNs);
      return;
    }
    const mmioNs = activity.kind === ActivityKind.mmio ? activity.beforeCpuNs + activity.afterCpuNs : 0;
    const thinkNs = ownThinkNs(activity) - exitNs + offsetNs;
    this.schedule.work(thread, Step.think, tailNs + Math.max(0, thinkNs) + mmioNs, atNs);
  }

  /** How much later than recorded the guest comes to the activity's (first) access. */
  private offsetNs(activity: Activity, exitNs: number): number {
    const { arrivals } = this.config;
    const { kind, sequence } = activity;
    const isAccess = kind === ActivityKind.fault || kind === ActivityKind.accessRun;
    if (arrivals === undefined || !isAccess) return 0;
    return arrivals.offsetNs(sequence, ownThinkNs(activity) - exitNs);
  }

  /** What follows the thread's step, which is done. */
  private step(thread: ReplayThread, atNs: number): void {
    switch (thread.step) {
      case Step.timer:
      case Step.think:
        this.attempt(thread, atNs);
        return;
      case Step.change:
        this.runs.change(thread, atNs);
        return;
      case Step.handler:
        this.request(thread, atNs);
        return;
      case Step.hold:
        this.unlock(thread, atNs);
        return;
      case Step.retry:
        this.tryAgain(thread, atNs);
        return;
      case Step.tail:
        this.begin(thread, atNs, 0);
        return;
      default:
        throw new ModelError(`thread ${thread.index}: no event is due in step ${thread.step}`);
    }
  }

  /** The thread's think time is over: what it wanted to do happens now. */
  private attempt(thread: ReplayThread, atNs: number): void {
    const activity = thread.activity as Activity;
    this.epoch.began(atNs, activity.startNs - thread.exitNs);
    thread.counted = this.config.counts(activity, this.epoch.label, this.host.memory(activity.vm));
    switch (activity.kind) {
      case ActivityKind.mmio:
        if (thread.counted) this.counters.mmioAborts++;
        this.end(thread, atNs, atNs);
        return;
      case ActivityKind.hostOperation:
        thread.exitNs = thread.handlerNs = thread.lockWaitNs = 0;
        thread.costNs.fill(0);
        this.schedule.work(thread, Step.handler, 0, atNs);
        return;
      case ActivityKind.accessRun:
        this.continueRun(thread, activity, atNs);
        return;
    }
    if (!thread.mayGoAhead && this.host.isAhead(activity)) {
      thread.step = Step.ahead;
      this.schedule.release(thread, atNs);
      this.ahead.push(thread);
      return;
    }
    this.fault(thread, activity, atNs);
  }

  /** The activity's splits are done: who waited for them makes its access. */
  private letOthersCatchUp(activity: Activity, atNs: number): void {
    this.host.noteSplits(activity);
    for (const thread of this.ahead.splice(0)) {
      if (this.host.isAhead(thread.activity as Activity)) this.ahead.push(thread);
      else this.schedule.work(thread, Step.think, 0, atNs);
    }
  }

  /** The split does not come: whoever waited for it waits no longer. */
  private letAheadGo(): void {
    for (const thread of this.ahead.splice(0)) {
      thread.mayGoAhead = true;
      this.schedule.work(thread, Step.think, 0, this.schedule.nowNs);
    }
  }

  private continueRun(thread: ReplayThread, run: Activity, atNs: number): void {
    switch (this.runs.proceed(thread, run, atNs)) {
      case "accesses":
        return;
      case "ends":
        this.end(thread, atNs, atNs);
        return;
      case "faults":
        thread.activity = thread.runFault;
        thread.counted = this.config.counts(thread.runFault, this.epoch.label, this.host.memory(run.vm));
        thread.exitNs = this.config.exitNs;
        this.fault(thread, thread.activity, atNs);
    }
  }

  private fault(thread: ReplayThread, activity: Activity, atNs: number): void {
    thread.accessNs = atNs;
    thread.laps = 1;
    thread.lockWaitNs = thread.retryNs = 0;
    thread.costNs.fill(0);
    if (!this.host.attempt(thread, activity, atNs)) {
      this.end(thread, atNs, atNs);
      return;
    }
    this.scaleOwnWork(thread);
    this.schedule.work(thread, Step.handler, Math.round(thread.exitNs + thread.handlerNs), atNs);
  }

  /** The access and the think time before it are placed by the real exit; what follows takes the scaled ones. */
  private scaleOwnWork(thread: ReplayThread): void {
    const { scale } = this.config;
    if (scale.isWhole) return;
    thread.exitNs *= scale.of(Cost.exit);
    thread.handlerNs *= scale.of(Cost.handler);
  }

  private request(thread: ReplayThread, atNs: number): void {
    const activity = thread.activity as Activity;
    thread.requestNs = atNs;
    if (activity.operationCount === 0) {
      this.finishWithoutOperation(thread, atNs);
      return;
    }
    this.lock(thread, atNs);
  }

  private lock(thread: ReplayThread, atNs: number): void {
    const activity = thread.activity as Activity;
    thread.sharesLock = this.host.sharesLock(activity);
    if (this.host.lock(activity.vm).request(thread)) {
      this.locked(thread, atNs);
      this.hold(thread, atNs);
      return;
    }
    thread.step = Step.waiting;
    if (this.config.waitersSleep) this.schedule.release(thread, atNs);
  }

  /** The head of the lock's queue has a CPU: it takes the lock, or keeps others off from now on. */
  private claim(thread: ReplayThread, atNs: number): void {
    const lock = this.host.lock((thread.activity as Activity).vm);
    if (!lock.claim(thread)) {
      thread.step = Step.waiting;
      this.schedule.release(thread, atNs);
      return;
    }
    if (lock.head !== undefined) this.lead(lock.head, atNs);
    this.locked(thread, atNs);
    this.hold(thread, atNs);
  }

  /** The thread has come to the head of the queue, or the lock is its to claim. */
  private lead(thread: ReplayThread, atNs: number): void {
    thread.step = Step.claim;
    this.schedule.acquire(thread, atNs);
  }

  private locked(thread: ReplayThread, atNs: number): void {
    const { releasedNs } = this.host.lock((thread.activity as Activity).vm);
    // Who sleeps while he waits may have to wait for a CPU once the lock is free.
    const { pcpus, waitersSleep } = this.config;
    const untilNs = waitersSleep && Number.isFinite(pcpus) ? Math.min(atNs, releasedNs) : atNs;
    thread.lockWaitNs += Math.max(0, untilNs - thread.requestNs);
  }

  private hold(thread: ReplayThread, atNs: number): void {
    const activity = thread.activity as Activity;
    if (thread.sharesLock) {
      const takenUntilNs = this.host.takenUntilNs(activity, atNs);
      if (takenUntilNs > atNs) {
        this.retry(thread, activity, takenUntilNs, atNs);
        return;
      }
    }
    this.host.beginHold(thread, activity, atNs);
    this.runs.watch(activity.vm, atNs);
    thread.turnNs = atNs;
    this.schedule.work(thread, Step.hold, thread.holdNs, atNs);
  }

  /** The entry is another fault's: the guest is let fault on it until it is free. The laps are computed, not looped. */
  private retry(thread: ReplayThread, activity: Activity, takenUntilNs: number, atNs: number): void {
    this.host.lock(activity.vm).release(thread, atNs, this.grant);
    const { retryLapNs, wholeLapNs } = this.config;
    const backNs = this.host.tailNs(activity);
    // Of one that has no CPU nobody knows how long it takes: lap by lap.
    const isOpen = isOpenEnded(takenUntilNs);
    const laps = isOpen ? 0 : Math.max(0, Math.ceil((takenUntilNs - atNs - backNs) / retryLapNs));
    const ns = isOpen
      ? Math.max(backNs, wholeLapNs - thread.exitNs - thread.handlerNs)
      : backNs + laps * retryLapNs;
    thread.laps += laps;
    thread.retryNs += ns;
    this.schedule.work(thread, Step.retry, ns, atNs);
  }

  /** The entry is free: the access goes through, or faults once more. */
  private tryAgain(thread: ReplayThread, atNs: number): void {
    const activity = thread.activity as Activity;
    if (this.host.retries(activity, atNs)) {
      // The way back to the guest is the fault's own, as after any other.
      thread.retryNs -= this.host.tailNs(activity);
      this.host.endRetried(thread, activity, atNs);
      this.report(thread, activity, atNs, Number.NaN);
      this.end(thread, atNs, atNs);
      return;
    }
    thread.laps++;
    // What else the first handler did (it may have looked up the page, or been delayed) is done.
    const lapNs = Math.min(thread.exitNs + thread.handlerNs, this.config.retryLapNs);
    const handledNs = Math.round(lapNs * this.config.scale.of(Cost.retry));
    thread.retryNs += handledNs;
    // What costs nothing is not done at once again: who has the entry would never get on.
    this.schedule.work(thread, Step.handler, handledNs > 0 ? handledNs : this.config.wholeLapNs, atNs);
  }

  private unlock(thread: ReplayThread, atNs: number): void {
    const activity = thread.activity as Activity;
    const tailNs = this.host.tailNs(activity);
    this.host.endHold(thread, activity, atNs, tailNs);
    if (thread.hasStored) this.lockstep?.changed(thread);
    this.host.lock(activity.vm).release(thread, atNs, this.grant);
    this.report(thread, activity, atNs + tailNs, atNs);
    this.end(thread, atNs + tailNs, atNs);
  }

  /** The holder left the lock to this thread. */
  private readonly grant = (thread: ReplayThread, atNs: number): void => {
    if (this.config.claimsLate) {
      this.lead(thread, atNs);
      return;
    }
    thread.step = Step.granted;
    const lockedNs = thread.onCpu ? atNs + this.config.handoffNs : atNs;
    this.locked(thread, lockedNs);
    if (thread.onCpu) this.hold(thread, lockedNs);
    else this.schedule.acquire(thread, atNs);
  };

  private finishWithoutOperation(thread: ReplayThread, atNs: number): void {
    const activity = thread.activity as Activity;
    this.host.endWithoutOperation(thread, activity, atNs);
    this.report(thread, activity, atNs, Number.NaN);
    this.end(thread, atNs, atNs);
  }

  /** @param unlockedNs when the thread's hold of the lock ended; NaN = nothing was done under it */
  private report(thread: ReplayThread, activity: Activity, endNs: number, unlockedNs: number): void {
    const { observer, episode } = this;
    if (observer?.ended === undefined) return;
    const hasHeld = !Number.isNaN(unlockedNs);
    const isFault = activity.kind === ActivityKind.fault;
    const last = activity.operationCount === 0 ? undefined : activity.operation(activity.operationCount - 1);
    episode.counted = thread.counted;
    episode.isFault = isFault;
    episode.thread = thread.index;
    episode.vm = activity.vm;
    episode.line = activity.line;
    episode.epoch = this.epoch.label;
    episode.epochNumber = this.epoch.number;
    episode.epochStartNs = this.epoch.startNs;
    episode.ipa = isFault ? activity.ipa : activity.operation(0).ipa;
    episode.esr = isFault ? activity.esr : 0;
    episode.faultClass = thread.faultClass;
    episode.faultLevel = thread.faultLevel;
    episode.cause = thread.cause;
    episode.laps = isFault ? thread.laps : 0;
    episode.operation = last?.kind ?? -1;
    episode.operationIpa = last?.ipa ?? Number.NaN;
    episode.operationBytes = last?.bytes ?? Number.NaN;
    episode.operations = activity.operationCount;
    episode.startNs = isFault ? thread.accessNs : thread.requestNs;
    episode.endNs = endNs;
    episode.requestedNs = last === undefined ? Number.NaN : thread.requestNs;
    episode.lockedNs = hasHeld ? thread.lockedNs : Number.NaN;
    episode.unlockedNs = unlockedNs;
    episode.windows = hasHeld ? thread.windows : 0;
    episode.splits = hasHeld ? thread.splits : 0;
    episode.brokenNs = episode.windows > 0 ? thread.brokenAtNs : Number.NaN;
    episode.installedNs = episode.windows > 0 ? thread.installedAtNs : Number.NaN;
    episode.teardownNs = hasHeld ? thread.teardownNs : Number.NaN;
    episode.tornDownNs = hasHeld ? thread.tornDownNs : Number.NaN;
    for (let level = 1; level <= LAST_LEVEL; level++)
      episode.mappedBytes[level] = this.host.mappedBytes(activity.vm, level);
    episode.costNs.set(thread.costNs);
    if (!isFault) episode.costNs[Cost.lockWait] = thread.lockWaitNs;
    for (const side of this.config.sides) {
      episode.side = side;
      observer.ended(episode, activity);
    }
  }

  private tellRepetition(order: Order, times: number): void {
    if (this.observer?.repeated === undefined) return;
    const repetition = this.repetition(order, times);
    for (const side of this.config.sides) this.observer.repeated({ ...repetition, side });
  }

  private repetition({ counted, stalls, periodNs }: Order, times: number): Repetition {
    const { nowNs } = this.schedule;
    const { byCause, costNs } = this.counters.parts(counted);
    return {
      side: NO_SIDE,
      epoch: this.epoch.label,
      epochNumber: this.epoch.number,
      epochStartNs: this.epoch.startNs,
      threads: this.threads.filter(({ run }) => run !== undefined).map(({ index }) => index),
      startNs: nowNs,
      endNs: nowNs + times * periodNs,
      byCause: byCause.map((count) => count * times),
      costNs: costNs.map((ns) => ns * times),
      stalls: stalls.map(([ns, count]) => [ns, count * times] as const),
    };
  }

  /** The activity ends at `endNs`; the CPU is the thread's up to `atNs`, and the rest is charged to what follows. */
  private end(thread: ReplayThread, endNs: number, atNs: number): void {
    const activity = thread.activity as Activity;
    if (activity.isSynthetic) {
      // The faulting access of a run is tried again.
      thread.activity = thread.run;
      this.schedule.work(thread, Step.think, endNs - atNs, atNs);
      return;
    }
    if (activity.hasSplit) this.letOthersCatchUp(activity, atNs);
    thread.endNs = endNs;
    thread.recordedEndNs = activity.endNs;
    thread.epoch = this.epoch.number;
    this.epoch.ended(endNs);
    this.pending--;
    this.config.release(activity);
    if (thread.queued === 0 && this.schedule.sharesCpus && endNs > atNs) {
      thread.activity = undefined;
      this.schedule.work(thread, Step.tail, endNs - atNs, atNs);
    } else this.begin(thread, atNs, endNs - atNs);
  }
}

/** What began before the barrier that it ended behind is the first of the new epoch. */
function thinkCpuNs(activity: Activity): number {
  return activity.crossesBarrier ? 0 : activity.thinkCpuNs;
}

/** CPU time before the access: what passed between it and its abort was others' turns. */
function ownThinkNs(activity: Activity): number {
  const { thinkNs, leadNs } = activity;
  const ownNs = thinkCpuNs(activity);
  return leadNs > 0 ? Math.min(ownNs, thinkNs - leadNs) : ownNs;
}
