import { ZERO } from "../double.js";
import { LAST_LEVEL } from "./granule.js";
import type { Ops } from "./ops.js";
import type { PageTable } from "./page-table.js";
import { isTable } from "./pte.js";
import { type Answer, Order, Visit, type Visitor } from "./visit.js";

/** Differences in the order of work between generations of the generic walk. */
export interface WalkRules {
  /** Since v6.4 the entry is read again after TABLE_PRE, not only after LEAF: a new block there ends the descent. */
  readonly rereadsAfterTablePre: boolean;
  /**
   * Where the walk continues after a leaf: at the end of its range (since v5.14), or at the current address plus its
   * size, which skips part of the next table if a range starts inside a block.
   */
  readonly stepsToEntryEnd: boolean;
}

/** The generic walk. It knows only the order of visits. */
export class Walk {
  private readonly visits: Visit[] = [];
  private visitor: Visitor = {};
  private ipa = ZERO;
  private end = 0;

  constructor(
    private readonly table: PageTable,
    private readonly ops: Ops,
    private readonly rules: WalkRules,
  ) {
    for (let level = -1; level <= LAST_LEVEL; level++) this.visits.push(new Visit(table, level));
  }

  /** Visits the entries for [ipa, end) below the root. */
  run(ipa: number, end: number, visitor: Visitor): Answer {
    this.begin(ipa, end, visitor);
    const answer = this.walkRoots(this.table.granule.rootIndex(ipa));
    this.ops.settle();
    return answer;
  }

  /** Visits the entries of a table detached from an entry at `base`; the visits' IPAs count from 0. */
  runDetached(page: number, level: number, base: number, visitor: Visitor): Answer {
    const { granule } = this.table;
    for (const visit of this.visits) visit.origin = base;
    this.begin(0, granule.entries * granule.bytesAt(level), visitor);
    const answer = this.walkBelow(granule.slotOf(page, 0), 0, level);
    this.ops.settle();
    return answer;
  }

  private begin(ipa: number, end: number, visitor: Visitor): void {
    this.visitor = visitor;
    this.ipa = ipa;
    this.end = end;
  }

  /** Visits concatenated root tables one page at a time, each as a table. */
  private walkRoots(firstIndex: number): Answer {
    const { rootSlot, granule } = this.table;
    for (let index = firstIndex; this.ipa < this.end; ) {
      const inPage = index % granule.entries;
      const answer = this.walkBelow(rootSlot + index - inPage, inPage, granule.startLevel);
      if (answer !== "continue") return answer;
      index += granule.entries - inPage;
    }
    return "continue";
  }

  private walkBelow(firstSlot: number, firstIndex: number, level: number): Answer {
    return level === LAST_LEVEL
      ? this.walkPages(firstSlot, firstIndex)
      : this.walkTable(firstSlot, firstIndex, level);
  }

  private walkTable(firstSlot: number, firstIndex: number, level: number): Answer {
    const { table, ops, visitor, rules, end } = this;
    const { granule } = table;
    const { entries } = granule;
    const bytes = granule.bytesAt(level);
    const visit = this.visits[level + 1]!;
    visit.page = granule.pageOf(firstSlot);
    visit.end = end;
    let { ipa } = this;
    for (let index = firstIndex; index < entries && ipa < end; index++) {
      const slot = firstSlot + index;
      const lo = table.lo(slot);
      visit.ipa = ipa;
      visit.slot = slot;
      visit.lo = lo;
      visit.hi = table.hi(slot);
      let descends = isTable(lo, level);
      let answer: Answer = "continue";
      if (!descends) {
        if (visitor.leaf !== undefined) {
          ops.visited(Order.leaf, visit);
          answer = visitor.leaf(visit);
          // The callback may have put a table here.
          if (table.lo(slot) !== lo) descends = this.reread(visit);
        }
      } else if (visitor.tablePre !== undefined) {
        ops.visited(Order.tablePre, visit);
        answer = visitor.tablePre(visit);
        if (rules.rereadsAfterTablePre) descends = this.reread(visit);
      }
      if (answer !== "continue") return answer;
      if (!descends) {
        ipa = rules.stepsToEntryEnd ? granule.baseAt(ipa, level) + bytes : ipa + bytes;
        continue;
      }
      this.ipa = ipa;
      answer = this.walkBelow(granule.slotOf(visit.child, 0), granule.indexAt(ipa, level + 1), level + 1);
      if (answer !== "continue") return answer;
      ipa = this.ipa;
      if (visitor.tablePost !== undefined) {
        ops.visited(Order.tablePost, visit);
        answer = visitor.tablePost(visit);
        if (answer !== "continue") return answer;
      }
    }
    this.ipa = ipa;
    return "continue";
  }

  /** The same for a table of the last level, where nearly all visits are: no entry there leads to another table. */
  private walkPages(firstSlot: number, firstIndex: number): Answer {
    const { table, ops, visitor, end } = this;
    const { granule } = table;
    const { pageBytes } = granule;
    const endSlot = firstSlot + granule.entries;
    let { ipa } = this;
    if (visitor.leaf === undefined) {
      this.ipa = Math.min(end, ipa + (granule.entries - firstIndex) * pageBytes);
      return "continue";
    }
    const visit = this.visits[LAST_LEVEL + 1]!;
    visit.page = granule.pageOf(firstSlot);
    visit.end = end;
    for (let slot = firstSlot + firstIndex; slot < endSlot && ipa < end; slot++) {
      visit.ipa = ipa;
      visit.slot = slot;
      visit.lo = table.lo(slot);
      visit.hi = table.hi(slot);
      ops.visited(Order.leaf, visit);
      const answer = visitor.leaf(visit);
      if (answer !== "continue") return answer;
      ipa += pageBytes;
    }
    this.ipa = ipa;
    return "continue";
  }

  private reread(visit: Visit): boolean {
    visit.lo = this.table.lo(visit.slot);
    visit.hi = this.table.hi(visit.slot);
    return isTable(visit.lo, visit.level);
  }
}
