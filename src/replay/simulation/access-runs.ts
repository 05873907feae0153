import type { Activity } from "../../activity/activity.js";
import { type Guest, HIT } from "../guest.js";
import type { Guests } from "../guests.js";
import { isOpenEnded } from "../store-log.js";
import type { SimulationConfig } from "./config.js";
import type { Schedule } from "./schedule.js";
import { Alarm, type Thread } from "./thread.js";

/** After this many faults an access succeeds anyway: a strategy may return anything. */
const FAULTS_OF_ONE_ACCESS = 16;

/**
 * The running access runs of one replay. A run proceeds by *stretches*: consecutive accesses that the current table
 * permits. A stretch is cut at its next access, and checked again, only if a valid entry changes under it. So the cost
 * of a run grows with the faults that it takes and the changes under it, not with its accesses.
 */
export class AccessRuns {
  /** Threads that have had a run. */
  private readonly threads = new Set<Thread>();
  /** By VM index + 1: the alarm for the next change of a valid entry by a running operation. */
  private readonly alarms: Alarm[] = [];

  constructor(
    private readonly config: SimulationConfig,
    private readonly guests: Guests,
    private readonly schedule: Schedule,
  ) {}

  /** Continues the thread's run. It makes accesses, or has no more, or the next access takes the fault `run.fault`. */
  proceed(thread: Thread, activity: Activity, atNs: number): "accesses" | "ends" | "faults" {
    const { run } = thread;
    const goesOn = run.stretch > 0;
    if (run.activity !== activity) this.begin(thread, activity, atNs);
    run.stretch = 0;
    if (run.index >= activity.count) {
      run.activity = undefined;
      return "ends";
    }
    const guest = this.guests.of(activity.vm);
    let accesses = passed(guest, activity, run.index, atNs);
    if (accesses === 0) {
      if (run.noteFault() <= FAULTS_OF_ONE_ACCESS) {
        run.makeFault(activity, guest, this.config.profile, atNs);
        return "faults";
      }
      accesses = 1;
    }
    run.stretch = accesses;
    run.index += accesses;
    this.schedule.access(thread, accesses, run.accessNs, atNs, goesOn);
    return "accesses";
  }

  /** Operations have run in the VM's table: sets the alarm for their next change. */
  watch(vm: number, atNs: number): void {
    if (this.threads.size === 0) return;
    const nextNs = this.guests.of(vm).log.nextChangeNs(atNs);
    // The remaining changes of an interrupted walk are handled when it resumes.
    if (nextNs < Number.POSITIVE_INFINITY && !isOpenEnded(nextNs))
      this.schedule.alarm(this.alarmOf(vm), nextNs);
  }

  /** A valid entry of the VM changes now: a thread whose run may use it stops at its next access. */
  change(vm: number, atNs: number): void {
    const guest = this.guests.of(vm);
    for (const thread of this.threads) {
      const { activity, stretch, index, accessNs } = thread.run;
      if (stretch === 0 || activity === undefined || activity.vm !== vm) continue;
      const start = activity.ipa + (index - stretch) * activity.stride;
      if (guest.isChanging(start, start + (stretch - 1) * activity.stride + 1))
        thread.run.cut(this.schedule.cut(thread, stretch, accessNs, atNs));
    }
    this.watch(vm, atNs);
  }

  private begin(thread: Thread, activity: Activity, atNs: number): void {
    const { run } = thread;
    run.begin(activity, activity.accessThinkNs);
    if (!this.threads.has(thread)) {
      this.threads.add(thread);
      this.watch(activity.vm, atNs);
    }
    // Threads that share CPUs read in turns: no more of them read at once than there are CPUs.
    if (!Number.isNaN(run.accessNs) || !this.schedule.readersShareCpus) return;
    let reading = 0;
    for (const each of this.threads) if (each.run.activity !== undefined) reading++;
    const { profile, scale, pcpus } = this.config;
    run.accessNs = scale.guestReadNs(profile.guestReadNs, Math.min(pcpus, reading));
  }

  private alarmOf(vm: number): Alarm {
    for (let known = this.alarms.length; known <= vm + 1; known++) this.alarms.push(new Alarm(known - 1));
    return this.alarms[vm + 1] as Alarm;
  }
}

/** The number of a run's accesses, from `index` on, that the table permits at `atNs`; possibly fewer than it would. */
function passed(guest: Guest, run: Activity, index: number, atNs: number): number {
  const { stride, write } = run;
  const left = run.count - index;
  const ipa = run.ipa + index * stride;
  if (guest.accessTo(ipa, write, false, atNs) !== HIT) return 0;
  if (stride === 0) return left;
  const { granule } = guest.stage2.table;
  if (stride > granule.bytesAt(guest.seen.level)) return 1;
  const limit = ipa + (left - 1) * stride + 1;
  return Math.min(left, Math.ceil((guest.passableEnd(ipa, limit, write, atNs) - ipa) / stride));
}
