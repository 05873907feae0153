import type { Activity } from "../activity/activity.js";
import { FaultClass } from "../stage2/esr.js";
import { Cause } from "./counters.js";
import type { Guest } from "./guest.js";
import { Shape } from "./plan.js";
import { SlotFlag } from "./slot-flags.js";

/** The cause of the fault of the guest's current access, as far as the table shows it at that time. */
export function causeSeen(guest: Guest, faultClass: number, activity: Activity, atNs: number): number {
  const isLogging = guest.memory.isLogging(activity.ipa);
  if (faultClass === FaultClass.accessFlag) return Cause.accessFlag;
  if (faultClass === FaultClass.permission) return isLogging ? Cause.loggingWrite : Cause.relax;
  if (faultClass !== FaultClass.translation) return Cause.unexplained;
  if (guest.isTransient(atNs)) return Cause.brokenWindow;
  const flags = guest.meter.flags.of(guest.seen.slot);
  if (isLogging && (flags & SlotFlag.bornOfSplit) !== 0) return Cause.hole;
  return (flags & SlotFlag.wasValid) !== 0 ? Cause.afterUnmap : Cause.firstTouch;
}

/** A fault, and its cause as far as the table has shown it. */
interface Caused {
  cause: number;
  readonly faultClass: number;
}

/** Whether another fault has already mapped the page: a leaf permits the access before this fault's operation. */
export function isMappedBefore(shape: Shape, activity: Activity, guest: Guest): boolean {
  return (shape === Shape.unchanged || shape === Shape.other) && guest.isMapped(activity);
}

/** The fault's operation runs: sets the cause if another fault has mapped the page, or if this one coalesces. */
export function settleCause(fault: Caused, shape: Shape, isMapped: boolean): void {
  if (isMapped) loseRace(fault);
  else if (shape === Shape.coalesce && fault.faultClass === FaultClass.translation)
    settle(fault, Cause.coalesceTrigger);
}

/** Another fault has mapped the page. */
export function loseRace(fault: Caused): void {
  settle(fault, Cause.lostRace);
}

/** Sets the cause; an unexplained access and a broken window keep theirs. */
function settle(fault: Caused, cause: number): void {
  if (fault.cause !== Cause.unexplained && fault.cause !== Cause.brokenWindow) fault.cause = cause;
}
