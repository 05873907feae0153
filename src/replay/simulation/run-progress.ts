import { Activity, ActivityKind, OperationKind } from "../../activity/activity.js";
import type { CostProfile } from "../../cost/profile.js";
import { ZERO } from "../../double.js";
import { dataAbort, FaultClass } from "../../stage2/esr.js";
import { LAST_LEVEL } from "../../stage2/granule.js";
import { Prot } from "../../stage2/pte.js";
import { NO_RET } from "../../trace/event.js";
import type { Guest } from "../guest.js";

/** A thread's progress in an access run. AccessRuns writes it, and Lockstep when it skips pages. */
export class RunProgress {
  /** Undefined = no run. */
  activity: Activity | undefined;
  /** Index of the next access. */
  index = 0;
  /** Index of the access that faulted last, -1 = none; and how often it has. */
  faulted = -1;
  faults = 0;
  /** Accesses before `index` that the table permitted at once, and that are now being made; 0 = none. */
  stretch = 0;
  /** Time of each of them; NaN = that of a read with the current number of readers (guest-reads.ts). */
  accessNs = ZERO;
  /** The fault of the access that faulted last. */
  readonly fault = new Activity();

  begin(activity: Activity, accessNs: number): void {
    this.activity = activity;
    this.index = 0;
    this.faulted = -1;
    this.accessNs = accessNs;
  }

  /** The next access faults. @returns how often it has */
  noteFault(): number {
    this.faults = this.faulted === this.index ? this.faults + 1 : 1;
    this.faulted = this.index;
    return this.faults;
  }

  /** Ends the stretch, with `left` of its accesses not made. */
  cut(left: number): void {
    this.stretch -= left;
    this.index -= left;
  }

  /** Moves the run on by `bytes`, otherwise unchanged. */
  goAhead(bytes: number): void {
    const accesses = bytes / (this.activity as Activity).stride;
    this.index += accesses;
    if (this.faulted >= 0) this.faulted += accesses;
    const { fault } = this;
    fault.ipa += bytes;
    const operation = fault.operation(0);
    operation.ipa += bytes;
    operation.phys += bytes;
  }

  /**
   * Creates the next access's fault, which has no event in the trace. It is resolved as the fault path does: a
   * permission fault on a leaf of the host's page size by relaxing it, an access-flag fault by setting the flag, any
   * other by a map of that size. Times come from the profile.
   */
  makeFault(run: Activity, guest: Guest, profile: CostProfile, atNs: number): void {
    const { memory, stage2 } = guest;
    const ipa = run.ipa + this.index * run.stride;
    const bytes = memory.mapBytes(ipa, stage2.table.granule.bytesAt(LAST_LEVEL));
    const { fault } = this;
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
