import type { Activity } from "../activity/activity.js";
import { FaultClass } from "../stage2/esr.js";
import { Cause } from "./counters.js";
import type { Guest } from "./guest.js";
import { Shape } from "./plan.js";
import { SlotFlag } from "./slot-flags.js";

/** Why the access that the guest has just made faults, as far as the table tells at its time. */
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

/** The fault of an access, which has its cause as far as the table told it. */
interface Caused {
  cause: number;
  readonly faultClass: number;
}

/** Whether another one has mapped the page by now: a leaf that lets the access through before the fault's operation. */
export function isMappedBefore(shape: Shape, activity: Activity, guest: Guest): boolean {
  return (shape === Shape.unchanged || shape === Shape.other) && guest.isMapped(activity);
}

/** The fault's operation runs: another one has mapped the page, or this one coalesces. */
export function settleCause(fault: Caused, shape: Shape, isMapped: boolean): void {
  if (isMapped) loseRace(fault);
  else if (shape === Shape.coalesce && fault.faultClass === FaultClass.translation)
    settle(fault, Cause.coalesceTrigger);
}

/** Another one has mapped the page. */
export function loseRace(fault: Caused): void {
  settle(fault, Cause.lostRace);
}

/** What the access itself met stands. */
function settle(fault: Caused, cause: number): void {
  if (fault.cause !== Cause.unexplained && fault.cause !== Cause.brokenWindow) fault.cause = cause;
}
