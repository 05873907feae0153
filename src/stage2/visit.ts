import { ZERO } from "../double.js";
import { NO_SLOT } from "./granule.js";
import type { PageTable } from "./page-table.js";
import { isLeaf, isValid } from "./pte.js";

/**
 * The answer of a callback. `continue` goes on; every other answer ends the walk and is the operation's result: `retry`
 * (-EAGAIN: let the guest fault again), `too-big` (-E2BIG), `no-memory` (-ENOMEM: the cache of table pages is empty),
 * `invalid` (-EINVAL).
 */
export type Answer = "continue" | "retry" | "too-big" | "no-memory" | "invalid";

/** When an entry is visited: before, at, or after what it leads to. */
export const Order = { tablePre: 0, leaf: 1, tablePost: 2 } as const;
export type Order = (typeof Order)[keyof typeof Order];

/** Callbacks of one operation. A missing method means that those visits are not wanted. */
export interface Visitor {
  /** An entry that holds a table, before its children. */
  tablePre?(visit: Visit): Answer;
  /** An entry that holds no table: a leaf or an invalid entry. */
  leaf?(visit: Visit): Answer;
  /** An entry that held a table, after its children. */
  tablePost?(visit: Visit): Answer;
}

/** One entry as a callback sees it. There is one reused object per level: keep numbers, not the visit. */
export class Visit {
  /** The walk's position within the entry's range. */
  ipa = ZERO;
  /** End of the walk. */
  end = 0;
  /** Page that holds the entry. */
  page = 0;
  slot = NO_SLOT;
  /** Added to `ipa` to get the guest's address: the walk of a detached table counts IPAs from 0. */
  origin = 0;
  /** The entry, read before the callback; stores do not change it. */
  lo = 0;
  hi = 0;

  constructor(
    private readonly table: PageTable,
    readonly level: number,
  ) {}

  get isValid(): boolean {
    return isValid(this.lo);
  }

  get isLeaf(): boolean {
    return isLeaf(this.lo, this.level);
  }

  /** Base of the range that the entry covers, as a guest address. */
  get base(): number {
    return this.table.granule.baseAt(this.ipa, this.level) + this.origin;
  }

  get bytes(): number {
    return this.table.granule.bytesAt(this.level);
  }

  /** Table that the entry leads to. */
  get child(): number {
    return this.table.childOf(this.lo, this.hi);
  }

  /** Output address of a leaf. */
  get phys(): number {
    return this.table.format.physOf(this.lo, this.hi);
  }
}
