import { type Activity, type Operation, OperationKind } from "../../activity/activity.js";
import type { Guest } from "../guest.js";
import { Guests } from "../guests.js";
import { Plan } from "../plan.js";
import type { Hold } from "./baseline.js";

/** Guests whose operations take their recorded time. */
export class RecordGuests extends Guests {
  private readonly plan = new Plan();

  /**
   * Runs an operation at `atNs`: each store is made at its recorded time, or at the end if that is unknown. The meter
   * then has its work.
   */
  run(activity: Activity, operation: Operation, hold: Hold, atNs: number): Guest {
    const guest = this.of(activity.vm);
    const { plan } = this;
    const wallNs = hold.ns + hold.awayNs;
    const { toBreakNs, toFlushedNs, installedNs, startNs } = operation;
    plan.setFlat(wallNs);
    plan.tableLeadNs = Math.min(1, wallNs);
    plan.breakAtNs = Math.min(
      wallNs,
      Number.isNaN(toBreakNs) ? (Number.isNaN(toFlushedNs) ? wallNs : toFlushedNs) : toBreakNs,
    );
    plan.installAtNs = Number.isNaN(installedNs) ? wallNs : Math.min(wallNs, installedNs - startNs);
    guest.meter.begin(atNs, plan, operation.kind === OperationKind.map);
    guest.run(operation);
    if (!Number.isNaN(hold.doneNs)) guest.log.hasten(atNs + hold.doneDueNs, atNs + hold.doneNs);
    return guest;
  }
}
