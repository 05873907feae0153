import { ZERO } from "../../double.js";
import { EventQueue } from "../queue.js";
import type { SimulationConfig } from "./config.js";
import { Cpus } from "./cpus.js";
import { EmulatedTurns } from "./emulated-turns.js";
import { GuestReads } from "./guest-reads.js";
import { Alarm, type Thread, ThreadStep } from "./thread.js";

/** Length of a turn on a host's shared CPUs: short against everything measured, so that all get similar shares. */
const SLICE_NS = 4_000;

/** Receives interruptions of threads that lose their CPU during a hold. */
export interface Interruptions {
  /** The thread's work after `sinceNs` waits until it has a CPU again. */
  interrupted(thread: Thread, sinceNs: number): void;
  /** The thread resumes, `byNs` later. */
  resumed(thread: Thread, sinceNs: number, byNs: number): void;
}

/** Determines when each thread's step is done: a queue of running steps, the trace's own times, and the CPUs. */
export class Schedule {
  /** Running steps, and alarms. */
  private readonly queue = new EventQueue<Thread | Alarm>();
  private readonly reads: GuestReads;
  private readonly cpus: Cpus;
  /** Undefined if turns are SLICE_NS long. */
  private readonly turns: EmulatedTurns | undefined;
  /** Threads that waited for a CPU and now have one. */
  private readonly dispatched: Thread[] = [];
  /** The thread that lost its CPU. It waits for one again after any thread that its successor wakes at once. */
  private preempted: Thread | undefined;
  /** Alarms that are set. */
  private readonly alarms = new Set<Alarm>();
  /** Threads may have fewer CPUs than they want, and no record shows which had one. */
  readonly sharesCpus: boolean;
  nowNs = ZERO;
  /** Threads that have had access runs. */
  private readonly readers = new Set<Thread>();

  constructor(
    private readonly config: SimulationConfig,
    private readonly holds: Interruptions,
  ) {
    this.sharesCpus = Number.isFinite(config.pcpus);
    this.cpus = new Cpus(this.sharesCpus ? config.pcpus : Number.POSITIVE_INFINITY, (thread, atNs) =>
      this.dispatch(thread, atNs),
    );
    if (this.sharesCpus && config.waitersSleep) this.turns = new EmulatedTurns(config.emulatedCpus);
    const { profile, scale } = config;
    this.reads = new GuestReads((vcpus) => scale.guestReadNs(profile.guestReadNs, vcpus));
  }

  /** The thread has an access run, now or later in the epoch. */
  expectReads(thread: Thread): void {
    this.readers.add(thread);
  }

  /**
   * Whether reading vCPUs outnumber the CPUs, and take turns. All are known: an epoch is read before it is replayed.
   */
  get readersShareCpus(): boolean {
    return this.sharesCpus && this.readers.size > this.config.pcpus;
  }

  /**
   * Proceeds to the next due item: a thread whose step is done, or that waited for a CPU and has one (`granted`,
   * `claim`), or an alarm. Undefined if nothing is due by `horizonNs`.
   */
  next(horizonNs: number): Thread | Alarm | undefined {
    const { queue, reads, dispatched } = this;
    for (;;) {
      if (dispatched.length > 0) return dispatched.shift();
      const { preempted } = this;
      if (preempted !== undefined) {
        this.preempted = undefined;
        this.cpus.acquire(preempted, this.nowNs);
        continue;
      }
      const running = queue.peek();
      const runningNs = running === undefined ? Number.POSITIVE_INFINITY : running.dueNs;
      const readNs = reads.nextNs();
      const atNs = Math.min(runningNs, readNs);
      if (atNs === Number.POSITIVE_INFINITY || atNs > horizonNs) return undefined;
      this.nowNs = Math.max(this.nowNs, atNs);
      if (readNs < runningNs || (readNs === runningNs && reads.isBefore(running))) {
        const reader = reads.pop(this.nowNs);
        reader.isReading = false;
        return reader;
      }
      const next = queue.pop();
      if (next instanceof Alarm) {
        this.alarms.delete(next);
        return next;
      }
      if (this.isDone(next, this.nowNs)) return next;
    }
  }

  /** The thread's turn has ended: whether its step is done too, as it usually is. */
  private isDone(thread: Thread, atNs: number): boolean {
    if (thread.step === ThreadStep.timer) return true;
    thread.leftNs -= atNs - thread.turnNs;
    if (thread.leftNs < 1) return true;
    this.turnOver(thread, atNs);
    return false;
  }

  /** Delays the step until `atNs`; the thread needs no CPU until then. */
  waitUntil(thread: Thread, atNs: number): void {
    thread.step = ThreadStep.timer;
    thread.dueNs = atNs;
    this.queue.push(thread);
  }

  /** Starts a step that needs `cpuNs` of a CPU. */
  work(thread: Thread, step: ThreadStep, cpuNs: number, atNs: number): void {
    thread.step = step;
    thread.leftNs = Math.round(cpuNs);
    if (thread.onCpu) this.turn(thread, atNs);
    else this.cpus.acquire(thread, atNs);
  }

  /** Starts the thread's operations, which need `cpuNs`. An emulated CPU's turn ends at `flushedNs`. */
  workUnderLock(thread: Thread, cpuNs: number, flushedNs: number, atNs: number): void {
    thread.flushedNs = flushedNs;
    this.work(thread, ThreadStep.hold, cpuNs, atNs);
  }

  /** The thread must wait for another; it keeps its CPU, if it has one. */
  block(thread: Thread, step: ThreadStep): void {
    thread.step = step;
  }

  /** The same as `block`, but it releases its CPU. */
  sleep(thread: Thread, step: ThreadStep, atNs: number): void {
    thread.step = step;
    this.cpus.release(thread, atNs);
  }

  /** What the thread waited for has come: it continues as soon as it has a CPU. */
  wake(thread: Thread, step: ThreadStep, atNs: number): void {
    thread.step = step;
    this.cpus.acquire(thread, atNs);
  }

  /**
   * The guest makes `accesses` one after the other, each in `accessNs`; NaN = the time of a read among the readers.
   * @param goesOn it has just ended a stretch, and nothing came in between
   */
  access(thread: Thread, accesses: number, accessNs: number, atNs: number, goesOn: boolean): void {
    if (!Number.isNaN(accessNs)) {
      this.work(thread, ThreadStep.think, accesses * accessNs, atNs);
      return;
    }
    thread.step = ThreadStep.think;
    thread.isReading = true;
    this.reads.begin(thread, accesses, atNs, goesOn);
  }

  /** Ends the thread's stretch of accesses at the next one. @returns how many of them are left */
  cut(thread: Thread, accesses: number, accessNs: number, atNs: number): number {
    if (Number.isNaN(accessNs)) return this.reads.cut(thread, accesses, atNs);
    const leftNs = thread.leftNs - (thread.onCpu ? atNs - thread.turnNs : 0);
    const left = Math.min(accesses, Math.floor(leftNs / accessNs));
    if (!(left > 0)) return 0;
    thread.leftNs = Math.round(thread.leftNs - left * accessNs);
    if (thread.onCpu && thread.turnNs + thread.leftNs < thread.dueNs) {
      thread.dueNs = thread.turnNs + thread.leftNs;
      this.queue.moveUp(thread);
    }
    return left;
  }

  /** Sets the alarm to `atNs`, unless it is due earlier. */
  alarm(alarm: Alarm, atNs: number): void {
    const { alarms, queue } = this;
    const isSet = alarms.has(alarm);
    if (isSet && alarm.dueNs <= atNs) return;
    alarm.dueNs = atNs;
    alarms.add(alarm);
    if (isSet) queue.moveUp(alarm);
    else queue.push(alarm);
  }

  /** Time that the thread's running step still takes; ns, or for reads the units of their clock. */
  leftOf(thread: Thread): number {
    return thread.isReading ? this.reads.left(thread, this.nowNs) : thread.dueNs - this.nowNs;
  }

  /** Delays everything by `byNs`. */
  goAhead(byNs: number): void {
    this.nowNs += byNs;
    this.queue.delay(byNs);
    this.reads.delay(byNs);
  }

  /** The thread has a CPU: its step begins, or continues. */
  private dispatch(thread: Thread, atNs: number): void {
    if (thread.isInterrupted) this.turns?.resumed();
    thread.turnEndNs = this.turns?.endNs(atNs) ?? Number.POSITIVE_INFINITY;
    if (thread.step === ThreadStep.granted || thread.step === ThreadStep.claim) {
      this.dispatched.push(thread);
      return;
    }
    if (thread.isInterrupted) {
      thread.isInterrupted = false;
      const awayNs = atNs - thread.turnNs;
      this.holds.resumed(thread, thread.turnNs, awayNs);
      if (thread.flushedNs > thread.turnNs) thread.flushedNs += awayNs;
    }
    this.turn(thread, atNs);
  }

  /** Runs until the step is done or the turn ends: when its time is up, or on an emulated machine at a VMID flush. */
  private turn(thread: Thread, atNs: number): void {
    let runNs = thread.leftNs;
    const { turns } = this;
    if (turns !== undefined) {
      if (thread.turnEndNs <= atNs) thread.turnEndNs = this.cpus.hasReady ? atNs : turns.endNs(atNs);
      runNs = Math.min(runNs, thread.turnEndNs - atNs);
      if (thread.step === ThreadStep.hold && thread.flushedNs > atNs)
        runNs = Math.min(runNs, thread.flushedNs - atNs);
      // A spinlock is held with preemption disabled: a spinning waiter would keep the holder from running.
    } else if (this.sharesCpus && thread.step !== ThreadStep.hold && runNs > SLICE_NS) runNs = SLICE_NS;
    thread.turnNs = atNs;
    thread.dueNs = atNs + runNs;
    this.queue.push(thread);
  }

  private turnOver(thread: Thread, atNs: number): void {
    if (!this.cpus.hasReady) {
      this.turn(thread, atNs);
      return;
    }
    thread.turnNs = atNs;
    const isHolder = thread.step === ThreadStep.hold;
    this.turns?.ended(isHolder);
    if (isHolder) {
      thread.isInterrupted = true;
      this.holds.interrupted(thread, atNs);
    }
    this.preempted = thread;
    this.cpus.release(thread, atNs);
  }
}
