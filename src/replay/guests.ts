import { type Activity, type Operation, OperationKind } from "../activity/activity.js";
import type { Barrier } from "../activity/epoch.js";
import type { Sanitizer } from "../stage2/sanitizer.js";
import type { Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import { Guest } from "./guest.js";

/** The guests of one replay, by VM. */
export class Guests {
  /** By VM index + 1: activities of unknown VMs share the first. */
  private readonly guests: (Guest | undefined)[] = [];

  constructor(
    private readonly config: Stage2Config,
    private readonly strategy: Strategy,
    /** Receives the sanitizer of each VM's table; undefined if there is none. */
    private readonly sanitizers: Sanitizer[] | undefined,
    /** Whether an observer needs the number of mapped bytes. */
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

  /** @returns whether deferred frees ran, some of them for a counted activity: the meter has their work */
  end(activity: Activity, operation: Operation, isCounted: boolean): boolean {
    const hasFreed = this.of(activity.vm).end(isCounted);
    if (operation.kind === OperationKind.destroy) this.guests[activity.vm + 1] = undefined;
    return hasFreed;
  }

  /** Bytes mapped in the VM by leaves of each level; 0 if they are not counted. */
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
