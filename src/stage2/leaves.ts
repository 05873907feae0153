import { LAST_LEVEL } from "./granule.js";
import type { PageTable } from "./page-table.js";
import { isLeaf, isTable, isValid } from "./pte.js";

/** Told of one valid leaf: base of its range, level, and the entry. */
export type LeafVisitor = (ipa: number, level: number, lo: number, hi: number) => void;

/** Calls back for each valid leaf in ascending order; not charged. */
export function forEachLeaf(table: PageTable, visit: LeafVisitor): void {
  if (table.retired) return;
  const { granule } = table;
  const below = (firstSlot: number, entries: number, level: number, base: number): void => {
    const bytes = granule.bytesAt(level);
    for (let i = 0; i < entries; i++) {
      const lo = table.lo(firstSlot + i);
      if (!isValid(lo)) continue;
      const hi = table.hi(firstSlot + i);
      const ipa = base + i * bytes;
      if (isLeaf(lo, level)) visit(ipa, level, lo, hi);
      else below(granule.slotOf(table.childOf(lo, hi), 0), granule.entries, level + 1, ipa);
    }
  };
  below(table.rootSlot, granule.limit / granule.bytesAt(granule.startLevel), granule.startLevel, 0);
}

/** How many valid leaves stand at levels 1, 2 and 3; not charged. */
export function countLeaves(table: PageTable): [number, number, number] {
  const counts: [number, number, number] = [0, 0, 0];
  if (table.retired) return counts;
  const { granule } = table;
  const below = (firstSlot: number, entries: number, level: number): void => {
    const end = firstSlot + entries;
    let leaves = 0;
    if (level === LAST_LEVEL) {
      for (let slot = firstSlot; slot < end; slot++) if (isValid(table.lo(slot))) leaves++;
    } else
      for (let slot = firstSlot; slot < end; slot++) {
        const lo = table.lo(slot);
        if (isTable(lo, level))
          below(granule.slotOf(table.childOf(lo, table.hi(slot)), 0), granule.entries, level + 1);
        else if (isValid(lo)) leaves++;
      }
    if (leaves > 0) counts[level - 1]! += leaves;
  };
  below(table.rootSlot, granule.limit / granule.bytesAt(granule.startLevel), granule.startLevel);
  return counts;
}
