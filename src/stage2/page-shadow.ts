import { forEachLeafBelow } from "./leaves.js";
import { NO_PAGE, type PageTable } from "./page-table.js";
import { isTable, isValid } from "./pte.js";

/** A level that no table has: the page's place in the tree is unknown. */
const NOWHERE = -9;

/** Tracks where table pages are in the tree, and checks at the end of an operation those that it touched. */
export class PageShadow {
  /** Base and level of each page's entries, as the walk last visited them. */
  private readonly bases: number[] = [];
  private readonly levels: number[] = [];
  private readonly touched = new Set<number>();
  private readonly deferred = new Set<number>();

  constructor(private readonly table: PageTable) {}

  begin(): void {
    this.touched.clear();
  }

  /** A page was visited, allocated or counted: it is checked when the operation ends. */
  touch(page: number): void {
    this.touched.add(page);
  }

  /** @param level level of the page's entries, of which the first is for `base` */
  locate(page: number, base: number, level: number): void {
    this.bases[page] = base;
    this.levels[page] = level;
  }

  allocated(page: number): void {
    this.levels[page] = NOWHERE;
    this.touched.add(page);
  }

  /** The table and all tables below it will be freed later. */
  defer(page: number): void {
    this.deferred.add(page);
    const level = this.levelOf(page);
    if (level === NOWHERE) return;
    const addTable = (_ipa: number, _level: number, child: number) => this.deferred.add(child);
    forEachLeafBelow(this.table, page, level, 0, () => {}, addTable);
  }

  /** Base of the range that the page's entries cover; NaN if it is unknown. */
  baseOf(page: number): number {
    return this.levelOf(page) === NOWHERE ? Number.NaN : (this.bases[page] as number);
  }

  levelOf(page: number): number {
    return this.isRoot(page) ? this.table.granule.startLevel : (this.levels[page] ?? NOWHERE);
  }

  /** Whether a hardware walk from the root can reach this page. */
  isReachable(page: number): boolean {
    const { table } = this;
    if (table.retired || page === NO_PAGE) return false;
    if (this.isRoot(page)) return true;
    const level = this.levelOf(page);
    return level !== NOWHERE && this.leadsTo(page, this.bases[page] as number, level);
  }

  private isRoot(page: number): boolean {
    return page >= 1 && page <= this.table.granule.rootPages;
  }

  private leadsTo(page: number, base: number, level: number): boolean {
    const { table } = this;
    const { granule } = table;
    let slot = table.rootSlot + granule.rootIndex(base);
    for (let at = granule.startLevel; at < level; at++) {
      if (!isTable(table.lo(slot), at)) return false;
      slot = granule.slotOf(table.childOf(table.lo(slot), table.hi(slot)), granule.indexAt(base, at + 1));
    }
    return granule.pageOf(slot) === page;
  }

  /**
   * Checks all pages that the operation touched.
   * @param leaked is called with pages that are alive, although nothing leads to them and no deferred free is pending
   * @param miscounted is called with a reachable page whose count is not 1 + its valid entries
   */
  check(
    leaked: (pages: readonly number[]) => void,
    miscounted: (page: number, refs: number, entries: number) => void,
  ): void {
    const { table } = this;
    const lost: number[] = [];
    for (const page of this.touched) {
      const refs = table.refsOf(page);
      if (!(refs > 0)) continue;
      if (this.isReachable(page)) {
        const entries = this.entriesIn(page);
        if (refs !== entries + 1) miscounted(page, refs, entries);
      } else if (!this.deferred.has(page)) lost.push(page);
    }
    if (lost.length > 0) leaked(lost);
  }

  /** Called when deferred frees have run. @returns the pages that they left alive */
  settle(): number[] {
    if (this.deferred.size === 0) return [];
    const left = [...this.deferred].filter((page) => this.table.refsOf(page) > 0);
    this.deferred.clear();
    return left;
  }

  private entriesIn(page: number): number {
    const { table } = this;
    const { granule } = table;
    const first = granule.slotOf(page, 0);
    let entries = 0;
    for (let slot = first; slot < first + granule.entries; slot++) if (isValid(table.lo(slot))) entries++;
    return entries;
  }
}
