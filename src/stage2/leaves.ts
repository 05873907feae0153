import { LAST_LEVEL } from "./granule.js";
import type { PageTable } from "./page-table.js";
import { isLeaf, isTable, isValid } from "./pte.js";

/** Called with one valid leaf: base of its range, level, the entry, and its slot. */
export type LeafVisitor = (ipa: number, level: number, lo: number, hi: number, slot: number) => void;
/** Called with one table: base of the range that its entry covers, that entry's level, and the table's page. */
export type TableVisitor = (ipa: number, level: number, page: number) => void;

/** Calls `visit` for each valid leaf in ascending order; not charged. */
export function forEachLeaf(table: PageTable, visit: LeafVisitor): void {
  if (table.retired) return;
  const { granule } = table;
  const entries = granule.limit / granule.bytesAt(granule.startLevel);
  visitEntries(table, table.rootSlot, entries, granule.startLevel, 0, visit);
}

/**
 * The same for one table page, reachable or not; `level` is the level of its entries, `base` the base of the first.
 * @param onTable is called with each table before the leaves below it
 */
export function forEachLeafBelow(
  table: PageTable,
  page: number,
  level: number,
  base: number,
  visit: LeafVisitor,
  onTable?: TableVisitor,
): void {
  const { granule } = table;
  visitEntries(table, granule.slotOf(page, 0), granule.entries, level, base, visit, onTable);
}

function visitEntries(
  table: PageTable,
  firstSlot: number,
  entries: number,
  level: number,
  base: number,
  visit: LeafVisitor,
  onTable?: TableVisitor,
): void {
  const { granule } = table;
  const bytes = granule.bytesAt(level);
  for (let i = 0; i < entries; i++) {
    const slot = firstSlot + i;
    const lo = table.lo(slot);
    if (!isValid(lo)) continue;
    const hi = table.hi(slot);
    const ipa = base + i * bytes;
    if (isLeaf(lo, level)) visit(ipa, level, lo, hi, slot);
    else {
      const child = table.childOf(lo, hi);
      onTable?.(ipa, level, child);
      visitEntries(table, granule.slotOf(child, 0), granule.entries, level + 1, ipa, visit, onTable);
    }
  }
}

/** Counts the valid leaves at levels 1, 2 and 3; not charged. */
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
