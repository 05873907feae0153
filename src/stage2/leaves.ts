import type { PageTable } from "./page-table.js";
import { isLeaf, isTable } from "./pte.js";

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
      const hi = table.hi(firstSlot + i);
      const ipa = base + i * bytes;
      if (isLeaf(lo, level)) visit(ipa, level, lo, hi);
      else if (isTable(lo, level))
        below(granule.slotOf(table.childOf(lo, hi), 0), granule.entries, level + 1, ipa);
    }
  };
  below(table.rootSlot, granule.limit / granule.bytesAt(granule.startLevel), granule.startLevel, 0);
}
