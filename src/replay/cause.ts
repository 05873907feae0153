import type { Activity } from "../activity/activity.js";
import { FaultClass } from "../stage2/esr.js";
import { Cause } from "./counters.js";
import type { Episode } from "./episode.js";
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

/** When the fault's operation is about to run: somebody else has mapped the page, or this one coalesces. */
export function settleCause(episode: Episode, shape: Shape, activity: Activity, guest: Guest): void {
  const { cause } = episode;
  if (cause === Cause.unexplained || cause === Cause.brokenWindow) return;
  // Only a leaf that is there already lets the access through before the operation.
  const mayBeMapped = shape === Shape.unchanged || shape === Shape.other;
  if (mayBeMapped && guest.isMapped(activity)) episode.cause = Cause.lostRace;
  else if (shape === Shape.coalesce && episode.faultClass === FaultClass.translation)
    episode.cause = Cause.coalesceTrigger;
}
