import { type Activity, ActivityKind, OperationKind } from "../../activity/activity.js";
import { dataAbort, FaultClass } from "../../stage2/esr.js";
import { LAST_LEVEL } from "../../stage2/granule.js";
import { Prot } from "../../stage2/pte.js";
import { NO_RET } from "../../trace/event.js";
import { type Guest, HIT } from "../guest.js";
import type { RunConfig } from "../run-config.js";
import { isOpenEnded } from "../store-log.js";
import type { Host } from "./host.js";
import { ReplayThread, Step } from "./replay-thread.js";
import type { Schedule } from "./schedule.js";

/** An access that so many maps did not help goes through: a strategy may answer anything. */
const FAULTS_OF_ONE_ACCESS = 16;

/**
 * The access runs under way in one replay. A run goes on by *stretches*: accesses in a row that the table lets
 * through as it is. Only when a valid entry is changed under a stretch is it cut, at its next access, and looked at
 * again. So a run costs as much as the faults that it meets and the changes under it, not its accesses.
 */
export class AccessRuns {
  /** Threads that have had a run. */
  private readonly threads: ReplayThread[] = [];
  private readonly isKnown: boolean[] = [];
  /** By VM index + 1: the step that is due when an operation under way next changes a valid entry. */
  private readonly changes: ReplayThread[] = [];

  constructor(
    private readonly config: RunConfig,
    private readonly host: Host,
    private readonly schedule: Schedule,
  ) {}

  /** Goes on with the thread's run. It makes accesses, or has no more, or the next one faults: `runFault` is that. */
  proceed(thread: ReplayThread, run: Activity, atNs: number): "accesses" | "ends" | "faults" {
    const goesOn = thread.stretch > 0;
    if (thread.run !== run) this.begin(thread, run, atNs);
    thread.stretch = 0;
    const index = thread.runIndex;
    if (index >= run.count) {
      thread.run = undefined;
      return "ends";
    }
    let accesses = passed(this.host.guest(run.vm), run, index, atNs);
    if (accesses === 0) {
      thread.runFaults = thread.runFaulted === index ? thread.runFaults + 1 : 1;
      thread.runFaulted = index;
      if (thread.runFaults <= FAULTS_OF_ONE_ACCESS) {
        this.makeFault(thread, run, index, atNs);
        return "faults";
      }
      accesses = 1;
    }
    thread.stretch = accesses;
    thread.runIndex = index + accesses;
    this.schedule.access(thread, atNs, goesOn);
    return "accesses";
  }

  /** Operations have run in the VM's table: what they are still to change is looked at when it comes. */
  watch(vm: number, atNs: number): void {
    if (this.threads.length === 0) return;
    const nextNs = this.host.guest(vm).log.nextChangeNs(atNs);
    // What an interrupted walk is still to change is looked at when it goes on.
    if (nextNs < Number.POSITIVE_INFINITY && !isOpenEnded(nextNs))
      this.schedule.alarm(this.changeOf(vm), nextNs);
  }

  /** A valid entry is changed now: whoever may be going through it is stopped at his next access. */
  change(step: ReplayThread, atNs: number): void {
    step.step = Step.idle;
    const vm = this.changes.indexOf(step) - 1;
    const guest = this.host.guest(vm);
    for (const thread of this.threads) {
      const { run, stretch } = thread;
      if (stretch === 0 || run === undefined || run.vm !== vm) continue;
      const start = run.ipa + (thread.runIndex - stretch) * run.stride;
      if (!guest.isChanging(start, start + (stretch - 1) * run.stride + 1)) continue;
      const left = this.schedule.cut(thread, atNs);
      thread.stretch -= left;
      thread.runIndex -= left;
    }
    this.watch(vm, atNs);
  }

  private begin(thread: ReplayThread, run: Activity, atNs: number): void {
    thread.run = run;
    thread.runIndex = 0;
    thread.runFaulted = -1;
    if (this.isKnown[thread.index] !== true) {
      this.isKnown[thread.index] = true;
      this.threads.push(thread);
      this.watch(run.vm, atNs);
    }
    thread.stretchAccessNs = run.accessThinkNs;
    // Who shares CPUs reads in turns: no more of them at once than there are CPUs.
    if (Number.isNaN(run.accessThinkNs) && this.schedule.readersShareCpus) {
      const reading = this.threads.reduce((sum, { run: its }) => sum + (its === undefined ? 0 : 1), 0);
      const { profile, scale, pcpus } = this.config;
      thread.stretchAccessNs = scale.guestReadNs(profile.guestReadNs, Math.min(pcpus, reading));
    }
  }

  private changeOf(vm: number): ReplayThread {
    for (let known = this.changes.length; known <= vm + 1; known++) this.changes.push(new ReplayThread(-1));
    return this.changes[vm + 1] as ReplayThread;
  }

  /**
   * The fault that an access of a run takes, which no event of the trace speaks of. It is answered as the fault path
   * does: a permission fault on a leaf of the host's page size by relaxing it, an access flag by setting it, all else
   * by a map of that size. Times come from the profile.
   */
  private makeFault(thread: ReplayThread, run: Activity, index: number, atNs: number): void {
    const { profile } = this.config;
    const guest = this.host.guest(run.vm);
    const { memory, stage2 } = guest;
    const ipa = run.ipa + index * run.stride;
    const bytes = memory.mapBytes(ipa, stage2.table.granule.bytesAt(LAST_LEVEL));
    const fault = thread.runFault;
    fault.kind = ActivityKind.fault;
    fault.isSynthetic = true;
    fault.thread = run.thread;
    fault.vm = run.vm;
    fault.line = run.line;
    fault.sequence = run.sequence;
    fault.ipa = ipa;
    fault.esr = dataAbort(run.write);
    fault.beforeCpuNs = profile.figure("handlerNs");
    fault.afterCpuNs = profile.figure("tailNs");
    fault.operationCount = 0;
    const operation = fault.addOperation();
    const faultClass = guest.accessTo(ipa, run.write, false, atNs);
    const isSameSize = stage2.table.granule.bytesAt(guest.seen.level) === bytes;
    if (faultClass === FaultClass.accessFlag) operation.kind = OperationKind.makeYoung;
    else if (faultClass === FaultClass.permission && isSameSize) operation.kind = OperationKind.relaxPerms;
    else operation.kind = OperationKind.map;
    operation.ipa = operation.phys = ipa - (ipa % bytes);
    operation.bytes = bytes;
    operation.prot = run.write || !memory.isLogging(ipa) ? Prot.R | Prot.W : Prot.R;
    operation.ret = NO_RET;
    operation.cpuNs = operation.endNs = Number.NaN;
    operation.shape = -1;
  }
}

/** How many accesses of a run, from the one at `index` on, the table lets through as it is at `atNs`; possibly fewer. */
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
