import { LAST_LEVEL, NO_SLOT } from "../stage2/granule.js";
import type { PageTable } from "../stage2/page-table.js";
import { isAccessed, isLeaf, isTable, isValid } from "../stage2/pte.js";
import type { SlotFlags } from "./slot-flags.js";

/** Examines the table after a page, as far as its entries are alike; and sets the entries of pages that are skipped. */
export class TableAhead {
  constructor(
    private readonly table: PageTable,
    private readonly flags: SlotFlags,
  ) {}

  /**
   * A number for the content, except addresses, of the entry after that of `ipa` at this level; -1 = the table ends.
   */
  kind(ipa: number, level: number): number {
    const slot = this.table.slotAt(ipa, level);
    return slot === NO_SLOT || this.isLast(slot) ? -1 : this.kindOf(slot + 1, level);
  }

  /**
   * The number of pages after the one at `ipa`, in its table, that are all unmapped, or all mapped contiguously alike;
   * 0 if the last `done` pages, including that one, are not themselves mapped contiguously alike.
   */
  pages(ipa: number, done: number): number {
    const slot = this.table.slotAt(ipa, LAST_LEVEL);
    if (this.isLast(slot) || !this.areAlike(slot - done + 1, done)) return 0;
    let pages = 1;
    while (!this.isLast(slot + pages) && this.areAlike(slot + pages, 2)) pages++;
    return pages;
  }

  /** Maps the `count` pages after the mapped page at `ipa`, in its table, to the memory that follows. */
  repeatPage(ipa: number, count: number): void {
    const slot = this.table.slotAt(ipa, LAST_LEVEL);
    this.table.repeatPage(slot, count);
    this.flags.fill(slot + 1, count, this.flags.of(slot));
  }

  /**
   * The number of empty entries after that of the table with the page at `ipa`, if that page is its table's first and
   * only one so far, and the table before is full of pages mapped contiguously alike.
   */
  tables(ipa: number): number {
    const { table } = this;
    const { granule } = table;
    const level = LAST_LEVEL - 1;
    const slot = table.slotAt(ipa, level);
    if (slot === NO_SLOT || this.isLast(slot) || granule.indexAt(ipa, level) === 0) return 0;
    if (!isTable(table.lo(slot - 1), level) || !isTable(table.lo(slot), level)) return 0;
    if (!this.areAlike(this.firstOf(slot - 1), granule.entries)) return 0;
    if (table.refsOf(this.childOf(slot)) !== 2) return 0;
    const kind = this.kindOf(slot + 1, level);
    let tables = 0;
    for (let at = slot + 1; !isValid(table.lo(at)) && this.kindOf(at, level) === kind; at++) {
      tables++;
      if (this.isLast(at)) break;
    }
    return tables;
  }

  /** After `tables`: fills that table and the `count - 1` after it, and maps the first page of the next one. */
  repeatTable(ipa: number, count: number): void {
    const { table, flags } = this;
    const { granule } = table;
    const slot = table.slotAt(ipa, LAST_LEVEL - 1);
    this.repeatPage(ipa, granule.entries - 1);
    const its = flags.of(this.firstOf(slot));
    for (let n = 1; n <= count; n++) {
      const page = table.repeatTable(slot + n - 1, n < count);
      flags.fill(granule.slotOf(page, 0), granule.entries, its);
    }
    flags.fill(slot + 1, count, flags.of(slot));
  }

  /** Whether `count` page entries of one table are alike, and map contiguous memory if valid. */
  private areAlike(first: number, count: number): boolean {
    const { table } = this;
    const { format, granule } = table;
    if (granule.pageOf(first) !== granule.pageOf(first + count - 1)) return false;
    const kind = this.kindOf(first, LAST_LEVEL);
    const phys = format.physOf(table.lo(first), table.hi(first));
    for (let n = 1; n < count; n++) {
      const slot = first + n;
      if (this.kindOf(slot, LAST_LEVEL) !== kind) return false;
      const lo = table.lo(slot);
      if (isValid(lo) && format.physOf(lo, table.hi(slot)) !== phys + n * granule.pageBytes) return false;
    }
    return true;
  }

  private kindOf(slot: number, level: number): number {
    const { table } = this;
    const lo = table.lo(slot);
    const flags = this.flags.of(slot);
    if (!isValid(lo)) return flags;
    if (!isLeaf(lo, level)) return 1024;
    return 256 + flags + 16 * table.format.protOf(lo, table.hi(slot)) + (isAccessed(lo) ? 512 : 0);
  }

  private childOf(slot: number): number {
    return this.table.childOf(this.table.lo(slot), this.table.hi(slot));
  }

  /** First entry of the table that the entry at `slot` leads to. */
  private firstOf(slot: number): number {
    return this.table.granule.slotOf(this.childOf(slot), 0);
  }

  private isLast(slot: number): boolean {
    const { granule } = this.table;
    return slot + 1 === granule.slotOf(granule.pageOf(slot) + 1, 0);
  }
}
