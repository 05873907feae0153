import { ZERO } from "../../double.js";
import { EventQueue } from "../queue.js";
import type { RunConfig } from "../run-config.js";
import { Cpus } from "./cpus.js";
import { EmulatedTurns } from "./emulated-turns.js";
import type { EpochClock } from "./epoch-clock.js";
import { GuestReads } from "./guest-reads.js";
import { type ReplayThread, Step } from "./replay-thread.js";

/** A host's CPUs are shared in turns of this length: short against everything that is measured, so all get like shares. */
const SLICE_NS = 4_000;

/** A few lines may stand for minutes of work: after so many steps signals are heard, and progress is shown. */
const STEPS_AT_A_TIME = 50_000;

/** What the steps are to a run. */
export interface Steps {
  /** The thread's step is done now (Schedule.nowNs). */
  done(thread: ReplayThread): void;
  /** Before each step: nothing is known up to later than `horizonNs`. */
  between(horizonNs: number): void;
  /** A thread that was left the lock has a CPU. */
  granted(thread: ReplayThread, atNs: number): void;
  /** The thread is at the head of its lock's queue, and has a CPU. */
  claims(thread: ReplayThread, atNs: number): void;
  /** The thread's hold is interrupted at `sinceNs`: what it has still to do waits until it has a CPU again. */
  interrupted(thread: ReplayThread, sinceNs: number): void;
  /** It goes on, `byNs` after that. */
  resumed(thread: ReplayThread, sinceNs: number, byNs: number): void;
}

/** When each thread's step is done: a queue of steps under way, the trace's own times, and the CPUs. */
export class Schedule {
  /** Steps under way. */
  private readonly queue = new EventQueue<ReplayThread>();
  private readonly reads: GuestReads;
  private readonly cpus: Cpus;
  /** Undefined where turns are SLICE_NS long. */
  private readonly turns: EmulatedTurns | undefined;
  /** Threads have fewer CPUs than they might want, and no record says who had one. */
  readonly sharesCpus: boolean;
  nowNs = ZERO;
  /** Threads that have had runs of accesses. */
  readers = 0;

  constructor(
    private readonly config: RunConfig,
    private readonly epoch: EpochClock,
    private readonly steps: Steps,
  ) {
    this.sharesCpus = Number.isFinite(config.pcpus);
    this.cpus = new Cpus(this.sharesCpus ? config.pcpus : Number.POSITIVE_INFINITY, (thread, atNs) =>
      this.dispatched(thread, atNs),
    );
    if (this.sharesCpus && config.waitersSleep) this.turns = new EmulatedTurns(config.emulatedCpus);
    const { profile, scale } = config;
    this.reads = new GuestReads((vcpus) => scale.guestReadNs(profile.guestReadNs, vcpus));
  }

  /** Fewer CPUs than vCPUs that read: they take turns. An epoch is read before it is replayed: all of them are known. */
  get readersShareCpus(): boolean {
    return this.sharesCpus && this.readers > this.config.pcpus;
  }

  /**
   * Steps on until nothing is due by `horizonNs`, or a thread has nothing to do that is known up to `frontierNs`.
   * @returns false where it has only paused: some hundredths of a second are up
   */
  advance(horizonNs: number, frontierNs: number): boolean {
    const { queue, reads } = this;
    let horizon = horizonNs;
    for (let steps = 0; steps < STEPS_AT_A_TIME; steps++) {
      this.steps.between(horizon);
      const running = queue.peek();
      const runningNs = running === undefined ? Number.POSITIVE_INFINITY : running.dueNs;
      const readNs = reads.nextNs();
      const atNs = Math.min(runningNs, readNs);
      if (atNs === Number.POSITIVE_INFINITY || atNs > horizon) return true;
      this.nowNs = Math.max(this.nowNs, atNs);
      let thread: ReplayThread;
      if (readNs < runningNs || (readNs === runningNs && reads.isBefore(running))) {
        thread = reads.pop(this.nowNs);
        this.steps.done(thread);
      } else {
        thread = queue.pop();
        this.finishTurn(thread, this.nowNs);
      }
      if (thread.step === Step.idle && horizon < Number.POSITIVE_INFINITY)
        horizon = Math.min(horizon, thread.endNs + frontierNs - thread.recordedEndNs);
    }
    return false;
  }

  /** The step comes when the trace has it, but not before `earliestNs`. */
  waitFor(thread: ReplayThread, step: Step, recordedNs: number, earliestNs: number): void {
    thread.step = step;
    thread.dueNs = Math.max(
      Math.round(this.epoch.at(recordedNs)),
      Math.round(earliestNs),
      this.epoch.startNs,
    );
    this.queue.push(thread);
  }

  /** A step that needs `cpuNs` of a CPU. */
  work(thread: ReplayThread, step: Step, cpuNs: number, atNs: number): void {
    thread.step = step;
    thread.leftNs = Math.round(cpuNs);
    if (thread.onCpu) this.turn(thread, atNs);
    else this.cpus.acquire(thread, atNs);
  }

  /**
   * The guest makes `thread.stretch` accesses, one after the other.
   * @param goesOn it has just ended a stretch, and nothing came in between
   */
  access(thread: ReplayThread, atNs: number, goesOn: boolean): void {
    if (Number.isNaN(thread.stretchAccessNs)) {
      thread.step = Step.think;
      this.reads.begin(thread, thread.stretch, atNs, goesOn);
    } else this.work(thread, Step.think, thread.stretch * thread.stretchAccessNs, atNs);
  }

  /** Ends the thread's stretch at its next access. @returns how many accesses of it are left */
  cut(thread: ReplayThread, atNs: number): number {
    const { stretch, stretchAccessNs } = thread;
    if (Number.isNaN(stretchAccessNs)) return this.reads.cut(thread, atNs);
    const leftNs = thread.leftNs - (thread.onCpu ? atNs - thread.turnNs : 0);
    const left = Math.min(stretch, Math.floor(leftNs / stretchAccessNs));
    if (!(left > 0)) return 0;
    thread.leftNs = Math.round(thread.leftNs - left * stretchAccessNs);
    if (thread.onCpu && thread.turnNs + thread.leftNs < thread.dueNs) {
      thread.dueNs = thread.turnNs + thread.leftNs;
      this.queue.moveUp(thread);
    }
    return left;
  }

  /** The step, which is no thread's, is done at `atNs`, or when it was to be if that is earlier. */
  alarm(step: ReplayThread, atNs: number): void {
    const isQueued = step.step === Step.change;
    if (isQueued && step.dueNs <= atNs) return;
    step.step = Step.change;
    step.dueNs = step.turnNs = atNs;
    step.leftNs = 0;
    if (isQueued) this.queue.moveUp(step);
    else this.queue.push(step);
  }

  /** What the thread's step, which is under way, still takes; ns, or of reads the units of their clock. */
  leftOf(thread: ReplayThread): number {
    if (thread.stretch > 0 && Number.isNaN(thread.stretchAccessNs))
      return this.reads.left(thread, this.nowNs);
    return thread.dueNs - this.nowNs;
  }

  /** All is as it was, so much later. */
  goAhead(byNs: number): void {
    this.nowNs += byNs;
    this.queue.delay(byNs);
    this.reads.delay(byNs);
  }

  /** The thread has a CPU: its step begins, or goes on. */
  private dispatched(thread: ReplayThread, atNs: number): void {
    if (thread.isInterrupted) this.turns?.resumed();
    thread.turnEndNs = this.turns?.endNs(atNs) ?? Number.POSITIVE_INFINITY;
    if (thread.step === Step.granted) {
      this.steps.granted(thread, atNs);
      return;
    }
    if (thread.step === Step.claim) {
      this.steps.claims(thread, atNs);
      return;
    }
    if (thread.isInterrupted) {
      thread.isInterrupted = false;
      this.steps.resumed(thread, thread.turnNs, atNs - thread.turnNs);
      if (thread.flushedNs > thread.turnNs) thread.flushedNs += atNs - thread.turnNs;
    }
    this.turn(thread, atNs);
  }

  /** Goes on until the step is done, or the turn ends: where its time is up, or on an emulated machine at a VMID flush. */
  private turn(thread: ReplayThread, atNs: number): void {
    let runNs = thread.leftNs;
    const { turns } = this;
    if (turns !== undefined) {
      if (thread.turnEndNs <= atNs) thread.turnEndNs = this.cpus.hasReady ? atNs : turns.endNs(atNs);
      runNs = Math.min(runNs, thread.turnEndNs - atNs);
      if (thread.step === Step.hold && thread.flushedNs > atNs)
        runNs = Math.min(runNs, thread.flushedNs - atNs);
      // A spinning lock is held with preemption off: who spins for it would not let the holder go on.
    } else if (this.sharesCpus && thread.step !== Step.hold && runNs > SLICE_NS) runNs = SLICE_NS;
    thread.turnNs = atNs;
    thread.dueNs = atNs + runNs;
    this.queue.push(thread);
  }

  private turnOver(thread: ReplayThread, atNs: number): void {
    if (!this.cpus.hasReady) {
      this.turn(thread, atNs);
      return;
    }
    thread.turnNs = atNs;
    const isHolder = thread.step === Step.hold;
    this.turns?.ended(isHolder);
    if (isHolder) {
      thread.isInterrupted = true;
      this.steps.interrupted(thread, atNs);
    }
    this.cpus.release(thread, atNs);
    this.cpus.acquire(thread, atNs);
  }

  /** Takes the thread's CPU, if it has one. */
  release(thread: ReplayThread, atNs: number): void {
    this.cpus.release(thread, atNs);
  }

  /** Asks for a CPU: its step goes on when it has one. */
  acquire(thread: ReplayThread, atNs: number): void {
    this.cpus.acquire(thread, atNs);
  }

  /** The thread's turn is over, and with it most often its step. */
  private finishTurn(thread: ReplayThread, atNs: number): void {
    if (thread.step !== Step.timer) {
      thread.leftNs -= atNs - thread.turnNs;
      if (thread.leftNs >= 1) {
        this.turnOver(thread, atNs);
        return;
      }
    }
    this.steps.done(thread);
  }
}
