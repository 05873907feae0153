import type { Rule } from "../stage2/finding.js";
import type { Ops } from "../stage2/ops.js";
import type { Visitor } from "../stage2/visit.js";
import type { Generation } from "./generation.js";
import type { MapRequest } from "./map-request.js";

/**
 * Laws that every strategy keeps, or deviates from for a stated reason: it has the answers and final tables of a
 * reference (scenario/laws.ts), and breaks no rule that a sanitizer checks.
 */
export type Law = "same-answer" | "same-table" | Rule;

export interface Deviation {
  readonly law: Law;
  readonly reason: string;
}

/** What every walker before v5.14 does, regardless of its map. */
export const skipsAfterBlock: Deviation = {
  law: "same-table",
  reason: "a range that starts inside a block steps over part of the next table",
};

/**
 * A policy under test: the callbacks of one map operation, and a few declared facts.
 *
 * It acts only through `ops`, and never counts, times or logs. A user's module (`--strategy ./mine.js`)
 * has as its default export one, or a function that makes one from parts of the built-in ones (the kit in load.ts):
 *
 * ```js
 * // mine.js: pre-patch, but a coalesce flushes only the anchor's IPA. (Is that enough? Run `verify`.)
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
  /** One line that says which generation it models (release, commit or message id). */
  readonly models: string;
  /** Letter of the golden files that it must reproduce. */
  readonly golden?: string;
  /**
   * Name under which a profile may have its own figures for this compiled code; default: the strategy's name. A
   * strategy that spreads this one inherits it.
   */
  readonly compiledAs?: string;
  /**
   * The side of the MMU lock that a fault takes: `exclusive` faults queue; `shared` ones run in parallel, and the loser
   * of a race returns to the guest, which faults again.
   */
  readonly lockRegime: "exclusive" | "shared";
  /**
   * The kind of MMU lock. A queued spinlock goes from one waiter to the next. A free rwlock may be taken ahead of its
   * queue until the first waiter has marked it as wanted. Default: an rwlock if faults share it.
   */
  readonly mmuLock?: "spinlock" | "rwlock";
  /** The fault path cleans the whole block before it calls map, for every faulting vCPU. `map` does not clean. */
  readonly faultPathCleans: boolean;
  /** Detached tables are torn down after the operation, off the faulting vCPU's path. */
  readonly deferredFrees: boolean;
  /** How the generic walk and the walkers other than map behave. */
  readonly generation: Generation;
  /** The laws it breaks, each with its reason. */
  readonly deviations: readonly Deviation[];
  /** Creates a visitor for one map operation; it keeps no state for the next one. */
  createMapWalker(ops: Ops, map: MapRequest): Visitor;
}
