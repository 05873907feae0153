/**
 * Models v6.1 (v6.1.192, pgtable.c blob d2838de92b47); v5.14 to v6.0 do the same.
 *
 * A coalesce, table -> block:
 *   tablePre   the entry that can be the block is saved with its table and set to 0, and the VMID flushed.
 *   leaf       each valid leaf below drops its reference.
 *   tablePost  each table below is freed by its last put.
 *   tablePost  at the anchor: the block's memory is cleaned, its I-cache invalidated if executable, the block
 *              stored; only then are its table and the table's reference dropped. The window was open for the
 *              whole teardown, clean and invalidation.
 *
 * Left out: the read side of the lock, which is taken to relax one page's write permission under dirty logging.
 */
import { NO_PAGE } from "../stage2/page-table.js";
import type { Answer, Visit, Visitor } from "../stage2/visit.js";
import { v6 } from "./generation.js";
import { habits, MapSteps } from "./map-steps.js";
import type { Strategy } from "./strategy.js";

export class V6Map extends MapSteps implements Visitor {
  /** Slot of the entry that becomes a block, while the tables below it are torn down. */
  anchor: number | undefined;
  /** The table that the anchor held. */
  detached = NO_PAGE;

  tablePre(visit: Visit): Answer {
    if (this.anchor !== undefined) return "continue";
    if (!this.map.allowsLeafAt(visit)) return "continue";
    this.detached = visit.child;
    this.ops.clear(visit);
    // Many leaves below may be cached: one flush of the whole VMID instead of one for each.
    this.ops.tlbiVmid();
    this.anchor = visit.slot;
    return "continue";
  }

  leaf(visit: Visit): Answer {
    if (this.anchor === undefined) return this.mapEntry(visit);
    if (visit.isValid) this.ops.putPage(visit.page);
    return "continue";
  }

  tablePost(visit: Visit): Answer {
    if (this.anchor === undefined) return "continue";
    let table = visit.child;
    if (this.anchor === visit.slot) {
      table = this.detached;
      this.anchor = undefined;
      this.installLeaf(visit);
    }
    this.ops.putPage(table);
    this.ops.putPage(visit.page);
    return "continue";
  }
}

export const v6_1: Strategy = {
  name: "v6.1",
  compiledAs: "v6.1",
  models: "v5.14 to v6.1 (v6.1.192)",
  golden: "C",
  lockRegime: "exclusive",
  mmuLock: "rwlock",
  faultPathCleans: false,
  deferredFrees: false,
  generation: v6,
  deviations: [],
  createMapWalker: (ops, map) => new V6Map(ops, map, habits["v6.1"]),
};
