import { ZERO } from "../double.js";
import { NO_SLOT } from "./granule.js";
import type { PageTable } from "./page-table.js";
import { isLeaf, isValid } from "./pte.js";

/**
 * What a callback answers. `continue` goes on; every other answer ends the walk and is the operation's:
 * `retry` (-EAGAIN: let the guest fault again), `too-big` (-E2BIG), `no-memory` (-ENOMEM: the cache of
 * table pages is empty), `invalid` (-EINVAL).
 */
export type Answer = "continue" | "retry" | "too-big" | "no-memory" | "invalid";

/** Order of a visit: before, at, or after what an entry leads to. */
export const Order = { tablePre: 0, leaf: 1, tablePost: 2 } as const;
export type Order = (typeof Order)[keyof typeof Order];

/** Callbacks of one operation. A method left out = a visit not asked for. */
export interface Visitor {
  /** An entry that holds a table, before its children. */
  tablePre?(visit: Visit): Answer;
  /** An entry that holds no table: a leaf, or invalid. */
  leaf?(visit: Visit): Answer;
  /** An entry that held a table, after its children. */
  tablePost?(visit: Visit): Answer;
}

/** One entry as a callback sees it. There is one object per level, reused: keep numbers, not the visit. */
export class Visit {
  /** Where in the entry's range the walk stands. */
  ipa = ZERO;
  /** End of the walk. */
  end = 0;
  /** Page that holds the entry. */
  page = 0;
  slot = NO_SLOT;
  /** Added to `ipa` for the guest's address: of a detached table the walk counts IPAs from 0. */
  origin = 0;
  /** The entry, read once before the callbacks; stores do not change it. */
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

  /** Base and size of the range that the entry covers, as the guest has it. */
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
