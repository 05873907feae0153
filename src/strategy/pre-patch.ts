/**
 * Models v5.11-rc6 with the "concurrent translation fault" series of January 2021 and RFC 1/4: the RFC's "before"
 * (pgtable.c blob 2f4f87021980).
 *
 * A coalesce, table -> block:
 *   tablePre   the entry that can be the block is broken and the VMID flushed; the entry is the anchor now.
 *              From here to the end every access to the block's range faults.
 *   leaf       each valid leaf below drops its reference.
 *   tablePost  each table below is freed.
 *   tablePost  at the anchor: its table is freed, the block's memory cleaned, and only then is the block
 *              stored: the window was open for the whole teardown and the clean.
 *
 * Left out: the fault path around the walk (host page-table look-up, cache of table pages, dirty log).
 */
import type { Answer, Visit, Visitor } from "../stage2/visit.js";
import { v5 } from "./generation.js";
import { habits, MapSteps } from "./map-steps.js";
import { type Strategy, skipsAfterBlock } from "./strategy.js";

export class PrePatchMap extends MapSteps implements Visitor {
  /** Slot of the entry that becomes a block, while the tables below it are torn down. */
  anchor: number | undefined;

  tablePre(visit: Visit): Answer {
    if (this.anchor !== undefined) return "continue";
    if (!this.map.allowsLeafAt(visit)) return "continue";
    this.ops.invalidate(visit);
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
    this.ops.freeTable(visit.child);
    this.ops.putPage(visit.page);
    if (this.anchor === visit.slot) {
      this.anchor = undefined;
      this.installLeaf(visit);
    }
    return "continue";
  }
}

export const prePatch: Strategy = {
  name: "pre-patch",
  compiledAs: "pre-patch",
  models: "v5.11-rc6 + concurrent translation fault series v3 + RFC 1/4: the RFC's before",
  golden: "A1",
  lockRegime: "exclusive",
  faultPathCleans: false,
  deferredFrees: false,
  generation: v5,
  deviations: [skipsAfterBlock],
  createMapWalker: (ops, map) => new PrePatchMap(ops, map, habits["rfc-1/4"]),
};
