import type { Activity, Operation } from "../../activity/activity.js";
import { OperationKind } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import type { Sanitizer } from "../../stage2/sanitizer.js";
import type { Stage2Config } from "../../strategy/stage2.js";
import type { Strategy } from "../../strategy/strategy.js";
import { Guest } from "../guest.js";
import { Plan } from "../plan.js";
import type { Hold } from "./baseline.js";

/** The guests of one replay, by VM. */
export class Guests {
  /** By VM index + 1: activities whose VM is not known share the first. */
  private readonly guests: (Guest | undefined)[] = [];
  private readonly plan = new Plan();

  constructor(
    private readonly config: Stage2Config,
    private readonly strategy: Strategy,
    /** Takes the sanitizer of each VM's table; undefined where none watches. */
    private readonly sanitizers: Sanitizer[] | undefined,
    /** Somebody is told what is mapped by then. */
    private readonly countsLeaves: boolean,
  ) {}

  of(vm: number): Guest {
    return this.guests[vm + 1] ?? this.add(vm);
  }

  pass({ vm, slotChange, tablesUnknown }: Barrier): void {
    if (slotChange !== undefined) this.of(vm).memory.change(slotChange);
    for (const guest of this.guests) {
      guest?.splits.clear();
      if (tablesUnknown) guest?.meter.flags.forget();
    }
  }

  /**
   * Runs an operation at `atNs`, each store at the time that the record has it, or, where it does not tell, at the end.
   * The meter then has its work.
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

  /** The operation has ended. @returns whether deferred frees ran, some of them of a counted activity: the meter has their work */
  end(activity: Activity, operation: Operation, isCounted: boolean): boolean {
    const hasFreed = this.of(activity.vm).end(isCounted);
    if (operation.kind === OperationKind.destroy) this.guests[activity.vm + 1] = undefined;
    return hasFreed;
  }

  /** Bytes mapped in the VM by leaves of each level; 0 where nobody counts them. */
  mappedBytes(vm: number, into: Float64Array): void {
    const { meter, stage2 } = this.of(vm);
    for (let level = 1; level < into.length; level++)
      into[level] = (meter.leaves?.[level] ?? 0) * stage2.table.granule.bytesAt(level);
  }

  private add(vm: number): Guest {
    const guest = new Guest(this.config, this.strategy, this.sanitizers !== undefined);
    if (this.countsLeaves) guest.meter.countLeaves();
    if (guest.sanitizer !== undefined) this.sanitizers?.push(guest.sanitizer);
    while (this.guests.length <= vm + 1) this.guests.push(undefined);
    this.guests[vm + 1] = guest;
    return guest;
  }
}
