import { NO_HINT, type Ops, type StoreKind } from "../stage2/ops.js";
import { isExecutable } from "../stage2/pte.js";
import type { Answer, Visit, Visitor } from "../stage2/visit.js";
import type { Generation } from "./generation.js";

/** The walkers other than map. They do the same in all generations, apart from declared facts. */

export class UnmapWalker implements Visitor {
  constructor(
    private readonly ops: Ops,
    private readonly generation: Generation,
  ) {}

  leaf(visit: Visit): Answer {
    if (!visit.isValid) return "continue";
    this.breakEntry(visit);
    if (!this.leavesFlush) this.ops.tlbiIpa(visit.ipa, visit.level);
    this.ops.putPage(visit.page);
    // The host must see through its caches what the guest wrote with caches off, and the reverse.
    if (this.ops.table.format.isCacheable(visit.lo)) this.ops.cleanDcache(visit.phys, visit.bytes);
    return "continue";
  }

  /** A table that became empty is freed; one that is still in use stays. */
  tablePost(visit: Visit): Answer {
    const { ops, generation } = this;
    const { child } = visit;
    if (ops.refsOf(child) !== 1) return "continue";
    this.breakEntry(visit);
    ops.tlbiIpa(visit.ipa, this.tableHint(visit.level));
    ops.putPage(visit.page);
    if (generation.freesByFreePage) ops.freeTable(child);
    else ops.putPage(child);
    return "continue";
  }

  /** Leaves are not flushed one by one: the caller flushes the range once after the walk. */
  get leavesFlush(): boolean {
    return this.generation.flushesRanges && this.ops.hasTlbiRange && this.ops.fwb;
  }

  private tableHint(level: number): number {
    const { tableFlushHint } = this.generation;
    if (tableFlushHint === "own") return level;
    return tableFlushHint === "zero" ? 0 : NO_HINT;
  }

  private breakEntry(visit: Visit): void {
    if (this.generation.zeroesUnmapped) this.ops.clear(visit);
    else this.ops.invalidate(visit);
  }
}

/**
 * Sets and clears attribute bits of valid leaves: write-protect, relax, age. With exchanges it runs in parallel with
 * other faults: if the leaf is gone, the guest must fault again.
 */
export class AttributeWalker implements Visitor {
  /** The last leaf visited: its level and its value before the change; all 0 if there was none. */
  level = 0;
  lo = 0;
  hi = 0;
  private store: StoreKind = "once";
  private setLo = 0;
  private clearLo = 0;
  private clearHi = 0;

  constructor(
    private readonly ops: Ops,
    private readonly invalidatesIcache: boolean,
  ) {}

  begin(store: StoreKind, setLo: number, clearLo: number, clearHi: number): this {
    this.store = store;
    this.setLo = setLo;
    this.clearLo = clearLo;
    this.clearHi = clearHi;
    this.level = 0;
    this.lo = 0;
    this.hi = 0;
    return this;
  }

  leaf(visit: Visit): Answer {
    if (!visit.isValid) return this.store === "exchange" ? "retry" : "continue";
    this.level = visit.level;
    this.lo = visit.lo;
    this.hi = visit.hi;
    const lo = ((visit.lo & ~this.clearLo) | this.setLo) >>> 0;
    const hi = (visit.hi & ~this.clearHi) >>> 0;
    if (lo === visit.lo && hi === visit.hi) return "continue";
    if (this.invalidatesIcache && isExecutable(hi) && !isExecutable(visit.hi))
      this.ops.invalidateIcache(visit.phys, visit.bytes);
    this.ops.store(this.store, visit, lo, hi);
    return "continue";
  }
}

/** Cleans all memory that is mapped cacheable. */
export class FlushWalker implements Visitor {
  constructor(private readonly ops: Ops) {}

  leaf(visit: Visit): Answer {
    if (visit.isValid && this.ops.table.format.isCacheable(visit.lo))
      this.ops.cleanDcache(visit.phys, visit.bytes);
    return "continue";
  }
}

/** Tears down a table that no CPU walks, because its VMID is dead or it is detached: no flush is needed. */
export class FreeWalker implements Visitor {
  constructor(
    private readonly ops: Ops,
    private readonly generation: Generation,
  ) {}

  leaf(visit: Visit): Answer {
    if (visit.isValid) this.ops.putPage(visit.page);
    return "continue";
  }

  tablePost(visit: Visit): Answer {
    this.ops.putPage(visit.page);
    if (this.generation.freesByFreePage) this.ops.freeTable(visit.child);
    else this.ops.putPage(visit.child);
    if (this.generation.clearsFreedTables) this.ops.clear(visit);
    return "continue";
  }
}
