import type { Rule } from "../stage2/finding.js";
import type { Ops } from "../stage2/ops.js";
import type { Visitor } from "../stage2/visit.js";
import type { Generation } from "./generation.js";
import type { MapRequest } from "./map-request.js";

/**
 * Laws that every strategy keeps, or deviates from for a stated reason: the answers and final tables of a reference
 * (laws.ts), and all that a sanitizer watches for.
 */
export type Law = "same-answer" | "same-table" | Rule;

export interface Deviation {
  readonly law: Law;
  readonly reason: string;
}

/** What every walker before v5.14 does, whatever its map. */
export const skipsAfterBlock: Deviation = {
  law: "same-table",
  reason: "a range that starts inside a block steps over part of the next table",
};

/**
 * A policy under test: what the visits of one map operation do, and a few declared facts.
 *
 * It acts only through `ops`, and never counts, times or logs. A user's module (`--strategy ./mine.js`)
 * exports one by default, or a function that makes one from the parts of the built-in ones (the kit in load.ts):
 *
 * ```js
 * // mine.js: pre-patch, but a coalesce flushes the anchor's IPA alone. (Is that enough? `verify` knows.)
 * export default ({ strategyByName, PrePatchMap, habits }) => {
 *   class FlushOneIpa extends PrePatchMap {
 *     tablePre(visit) {
 *       if (this.anchor !== undefined || !this.map.allowsLeafAt(visit)) return "continue";
 *       this.ops.invalidate(visit);
 *       this.ops.tlbiIpa(visit.ipa, visit.level);
 *       this.anchor = visit.slot;
 *       return "continue";
 *     }
 *   }
 *   return {
 *     ...strategyByName("pre-patch"),
 *     name: "flush-one-ipa",
 *     models: "pre-patch with a narrower flush",
 *     createMapWalker: (ops, map) => new FlushOneIpa(ops, map, habits["rfc-1/4"]),
 *   };
 * };
 * ```
 *
 * A module may leave out `deviations` (none) and `generation` (v6.1's).
 */
export interface Strategy {
  readonly name: string;
  /** One line: which generation it models (release, commit or message id). */
  readonly models: string;
  /** Letter of the golden files that it must agree with. */
  readonly golden?: string;
  /** Under which name a profile may have figures of its own for this compiled code; default: its name. What spreads it inherits it. */
  readonly compiledAs?: string;
  /**
   * Which side of the MMU lock a fault takes: `exclusive` faults queue; `shared` ones run side by side, and
   * the loser of a race goes back to the guest to fault again.
   */
  readonly lockRegime: "exclusive" | "shared";
  /**
   * What the MMU lock is: a queued spinlock goes from one waiter to the next; an rwlock that is free may be taken past
   * its queue until the first there has said that it waits. Left out: an rwlock where faults share it.
   */
  readonly mmuLock?: "spinlock" | "rwlock";
  /** The fault path cleans the whole block before it calls map, for every faulting vCPU. `map` does not do it. */
  readonly faultPathCleans: boolean;
  /** Detached tables are torn down after the operation, off the faulting vCPU's path. */
  readonly deferredFrees: boolean;
  /** How the generic walk and the walkers other than map behave. */
  readonly generation: Generation;
  /** Laws it breaks, each with its reason. */
  readonly deviations: readonly Deviation[];
  /** A fresh visitor for one map operation: what it remembers is gone at the next. */
  createMapWalker(ops: Ops, map: MapRequest): Visitor;
}
