import type { Activity, Operation } from "../activity/activity.js";
import { type Granule, LAST_LEVEL } from "../stage2/granule.js";
import { Shape } from "./plan.js";

/**
 * The blocks that recorded operations replaced by tables in the current epoch. A thread ahead of the record must not
 * read through a block that had been split by then: its own write may have found the split done in the record, and so
 * left no trace.
 */
export class Splits {
  /** When each split of a block ended in the trace, by the block's base + level (bases are multiples of a page). */
  private readonly ends = new Map<number, number[]>();

  constructor(private readonly granule: Granule) {}

  /** Notes the splits of an activity that has ended. @returns whether there are any */
  note(activity: Activity): boolean {
    let hasSplit = false;
    for (let n = 0; n < activity.operationCount; n++)
      if (this.noteOperation(activity.operation(n))) hasSplit = true;
    return hasSplit;
  }

  /** Notes an operation that is done, or was not needed. @returns whether it is a split in the record */
  noteOperation({ shape, ipa, splitLevel, endNs }: Operation): boolean {
    if (shape !== Shape.split) return false;
    const key = this.granule.baseAt(ipa, splitLevel) + splitLevel;
    const ends = this.ends.get(key);
    if (ends === undefined) this.ends.set(key, [endNs]);
    else ends.push(endNs);
    return true;
  }

  /** How often a block around `ipa` had been split by `atNs`. */
  by(ipa: number, atNs: number): number {
    if (this.ends.size === 0) return 0;
    let count = 0;
    for (let level = this.granule.minLeafLevel; level < LAST_LEVEL; level++) {
      for (const endNs of this.ends.get(this.granule.baseAt(ipa, level) + level) ?? []) {
        if (endNs <= atNs) count++;
      }
    }
    return count;
  }

  /** Called at a barrier: every replay has done all splits. */
  clear(): void {
    this.ends.clear();
  }
}
