import { type Activity, ActivityKind, OperationKind } from "../activity/activity.js";
import type { CostProfile } from "../cost/profile.js";
import { dataAbort } from "../stage2/esr.js";
import { LAST_LEVEL } from "../stage2/granule.js";
import { Prot } from "../stage2/pte.js";
import { NO_RET } from "../trace/event.js";
import { type Guest, HIT } from "./guest.js";

// An access run costs as much as the faults that it meets and the leaves that it goes through, not its accesses.

/** How many accesses of a run, from the one at `index` on, the table lets through at `atNs`: those of one leaf. */
export function passed(guest: Guest, run: Activity, index: number, atNs: number): number {
  const ipa = run.ipa + index * run.stride;
  if (guest.accessTo(ipa, run.write, false, atNs) !== HIT) return 0;
  if (run.stride === 0) return run.count - index;
  const { granule } = guest.stage2.table;
  const { level } = guest.seen;
  const leafEnd = granule.baseAt(ipa, level) + granule.bytesAt(level);
  return Math.min(run.count - index, Math.ceil((leafEnd - ipa) / run.stride));
}

/**
 * The fault that an access of a run takes, which no event of the trace speaks of: the map that answers it has the
 * size that the host was seen to use in that slot, and times come from the profile.
 */
export function makeFault(
  guest: Guest,
  profile: CostProfile,
  run: Activity,
  index: number,
  fault: Activity,
): Activity {
  const { memory, stage2 } = guest;
  const ipa = run.ipa + index * run.stride;
  const bytes = memory.mapBytes(ipa, stage2.table.granule.bytesAt(LAST_LEVEL));
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
  operation.kind = OperationKind.map;
  operation.ipa = operation.phys = ipa - (ipa % bytes);
  operation.bytes = bytes;
  operation.prot = run.write || !memory.isLogging(ipa) ? Prot.R | Prot.W : Prot.R;
  operation.ret = NO_RET;
  operation.cpuNs = operation.endNs = Number.NaN;
  operation.shape = -1;
  return fault;
}
