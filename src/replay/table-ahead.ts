import { LAST_LEVEL, NO_SLOT } from "../stage2/granule.js";
import type { PageTable } from "../stage2/page-table.js";
import { isAccessed, isLeaf, isTable, isValid } from "../stage2/pte.js";
import type { SlotFlags } from "./slot-flags.js";

/** What lies ahead of a page in a table, as far as it looks alike; and the table as it is when pages are taken as done. */
export class TableAhead {
  constructor(
    private readonly table: PageTable,
    private readonly flags: SlotFlags,
  ) {}

  /** A number for what the entry behind the one at `ipa` and this level holds, its addresses aside; -1 = the table ends. */
  kind(ipa: number, level: number): number {
    const slot = this.table.slotAt(ipa, level);
    return slot === NO_SLOT || this.isLast(slot) ? -1 : this.kindOf(slot + 1, level);
  }

  /**
   * How many pages behind the one at `ipa`, in its table, are all unmapped, or all mapped in a row alike; 0 where the
   * last `done` pages, that one among them, are not mapped in a row alike themselves.
   */
  pages(ipa: number, done: number): number {
    const slot = this.table.slotAt(ipa, LAST_LEVEL);
    if (this.isLast(slot) || !this.areAlike(slot - done + 1, done)) return 0;
    let pages = 1;
    while (!this.isLast(slot + pages) && this.areAlike(slot + pages, 2)) pages++;
    return pages;
  }

  /** The page at `ipa` is mapped: so are the `count` behind it, in its table, to the memory behind its own. */
  repeatPage(ipa: number, count: number): void {
    const slot = this.table.slotAt(ipa, LAST_LEVEL);
    this.table.repeatPage(slot, count);
    this.flags.fill(slot + 1, count, this.flags.of(slot));
  }

  /**
   * How many entries behind that of the table which holds the page at `ipa` are empty, if that page is its table's
   * first and only one so far, and the table before it is full of pages mapped in a row alike.
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

  /** After `tables`: that table is full, so are the `count - 1` behind it, and the next one has its first page. */
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

  /** Whether `count` entries for pages, of one table, hold the same, leaves in a row. */
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

  /** First entry of the table that an entry leads to. */
  private firstOf(slot: number): number {
    return this.table.granule.slotOf(this.childOf(slot), 0);
  }

  private isLast(slot: number): boolean {
    const { granule } = this.table;
    return slot + 1 === granule.slotOf(granule.pageOf(slot) + 1, 0);
  }
}
