/**
 * Models v6.12 (v6.12.107, pgtable.c blob dca66f7571be); v6.6 to v6.11 do the same. Faults hold the lock for read, so
 * an entry is taken by compare-and-exchange: a fault that finds it locked or changed lets the guest fault again.
 *
 * A coalesce, table -> block, is all in tablePre:
 *   tablePre   the entry that can be the block is locked (which breaks it), the VMID flushed (only its range, if
 *              the CPU can), the entry's reference dropped; the block's memory is cleaned, its I-cache
 *              invalidated if executable, a reference taken, the block stored. The detached table is queued for
 *              a deferred free (RCU): the window holds one flush and one clean, and no teardown.
 *   later      the deferred free walks the detached table: each valid leaf drops its reference, each table is
 *              freed by its last put.
 *
 * Left out: memory with tags, and the fault path around the walk. The model runs one walk at a time, so its own
 * exchanges never fail; the replay decides which fault would have lost a race.
 */
import type { Ops } from "../stage2/ops.js";
import { NO_PAGE } from "../stage2/page-table.js";
import { differsInPermissionsOnly } from "../stage2/pte.js";
import type { Answer, Visit, Visitor } from "../stage2/visit.js";
import { v6_12 as generation } from "./generation.js";
import type { MapRequest } from "./map-request.js";
import type { Strategy } from "./strategy.js";

/** The value of a locked entry, as two halves: invalid, but not 0. */
interface LockedEntry {
  readonly lo: number;
  readonly hi: number;
}

export class LockingMap implements Visitor {
  constructor(
    readonly ops: Ops,
    readonly map: MapRequest,
    readonly locked: LockedEntry,
  ) {}

  tablePre(visit: Visit): Answer {
    if (!this.map.allowsLeafAt(visit)) return "continue";
    this.replaceWithLeaf(visit);
    this.ops.deferFree(visit);
    return "continue";
  }

  leaf(visit: Visit): Answer {
    const { ops, map } = this;
    if (map.allowsLeafAt(visit)) {
      if (visit.isValid && differsInPermissionsOnly(visit.lo, visit.hi, map.leafLo(visit), map.leafHi()))
        return "retry";
      this.replaceWithLeaf(visit);
      return "continue";
    }
    const table = ops.allocateTable();
    if (table === NO_PAGE) return "no-memory";
    this.breakEntry(visit);
    ops.getPage(visit.page);
    ops.storeTable(visit, table);
    return "continue";
  }

  replaceWithLeaf(visit: Visit): void {
    const { ops, map } = this;
    this.breakEntry(visit);
    if (map.isCacheable) ops.cleanDcache(map.phys, visit.bytes);
    if (map.isExecutable) ops.invalidateIcache(map.phys, visit.bytes);
    ops.getPage(visit.page);
    ops.store("release", visit, map.leafLo(visit), map.leafHi());
    map.advance(visit);
  }

  /** Locks the entry, also an empty one, since another fault may want it. */
  breakEntry(visit: Visit): void {
    const { ops } = this;
    ops.store("exchange", visit, this.locked.lo, this.locked.hi);
    if (!visit.isValid) return;
    if (visit.isLeaf) ops.tlbiIpa(visit.ipa, visit.level);
    else if (ops.hasTlbiRange) ops.tlbiRange(visit.base, visit.bytes);
    else ops.tlbiVmid();
    ops.putPage(visit.page);
  }
}

const LOCKED: LockedEntry = { lo: 1 << 10, hi: 0 };

export const v6_12: Strategy = {
  name: "v6.12",
  compiledAs: "v6.12",
  models: "v6.6 to v6.12 (v6.12.107)",
  golden: "D",
  lockRegime: "shared",
  faultPathCleans: false,
  deferredFrees: true,
  generation,
  deviations: [],
  createMapWalker: (ops, map) => new LockingMap(ops, map, LOCKED),
};
