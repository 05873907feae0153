/**
 * Models pre-patch with RFC 2/4 and 3/4 as posted: the RFC's "after" (pgtable.c blob 308c36b9cd21).
 *
 * A coalesce, table -> block:
 *   tablePre   the entry that can be the block is broken, the VMID flushed, and **the block stored at once**:
 *              the window is one flush. The detached table is kept in `follow`; the walk continues through it.
 *   leaf       each valid leaf below drops its reference.
 *   tablePost  each table below is freed.
 *   tablePost  at the anchor: `follow` is freed. The page that holds the anchor keeps its reference: a block
 *              replaced the table.
 *
 * As posted it does not clean the block's memory: pages that were never mapped become visible uncleaned. Left out: the
 * fault path around the walk (host page-table look-up, cache of table pages, dirty log).
 */
import { NO_PAGE } from "../stage2/page-table.js";
import type { Answer, Visit, Visitor } from "../stage2/visit.js";
import { v5 } from "./generation.js";
import { habits, MapSteps } from "./map-steps.js";
import { type Strategy, skipsAfterBlock } from "./strategy.js";

export class PostPatchMap extends MapSteps implements Visitor {
  /** Slot of the entry that became a block, while the tables that were below it are torn down. */
  anchor: number | undefined;
  /** The table that the anchor held. */
  follow = NO_PAGE;

  tablePre(visit: Visit): Answer {
    if (this.anchor !== undefined) return "continue";
    if (!this.map.allowsLeafAt(visit)) return "continue";
    this.follow = visit.child;
    this.ops.invalidate(visit);
    // Many leaves below may be cached: one flush of the whole VMID instead of one for each.
    this.ops.tlbiVmid();
    this.makeBlock(visit);
    this.map.advance(visit);
    this.anchor = visit.slot;
    return "continue";
  }

  makeBlock(visit: Visit): void {
    this.ops.store("release", visit, this.map.leafLo(visit), this.map.leafHi());
  }

  leaf(visit: Visit): Answer {
    if (this.anchor === undefined) return this.mapEntry(visit);
    if (visit.isValid) this.ops.putPage(visit.page);
    return "continue";
  }

  tablePost(visit: Visit): Answer {
    if (this.anchor === undefined) return "continue";
    if (this.anchor === visit.slot) {
      this.ops.freeTable(this.follow);
      this.anchor = undefined;
      return "continue";
    }
    this.ops.freeTable(visit.child);
    this.ops.putPage(visit.page);
    return "continue";
  }
}

export const postPatch: Strategy = {
  name: "post-patch",
  compiledAs: "post-patch",
  models: "pre-patch + RFC 2/4 and 3/4, as posted: the RFC's after",
  golden: "B",
  lockRegime: "exclusive",
  faultPathCleans: false,
  deferredFrees: false,
  generation: v5,
  deviations: [
    skipsAfterBlock,
    {
      law: "unclean-leaf",
      reason: "the posted helper stores the block without its clean",
    },
  ],
  createMapWalker: (ops, map) => new PostPatchMap(ops, map, habits["rfc-1/4"]),
};
