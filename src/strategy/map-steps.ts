import type { Ops } from "../stage2/ops.js";
import { NO_PAGE } from "../stage2/page-table.js";
import { differsInPermissionsOnly } from "../stage2/pte.js";
import type { Answer, Visit } from "../stage2/visit.js";
import type { MapRequest } from "./map-request.js";

/** What differs between walkers where they write a single leaf. */
export interface MapHabits {
  /** Memory is cleaned where a leaf is written (RFC 1/4 and mainline since v5.14); else by the fault path. */
  readonly cleansBeforeStore: boolean;
  /** A leaf that becomes executable has its I-cache invalidated there too (v5.14). */
  readonly invalidatesIcache: boolean;
  /** A broken entry holds 0 (v5.14); else it keeps all but its valid bit. */
  readonly zeroesBroken: boolean;
  /**
   * A valid leaf that is the same but for permissions: `retry` lets the guest fault again (v5.12).
   * `replace` tolerates an identical leaf, and breaks and replaces one of other permissions.
   */
  readonly sameMapping: "retry" | "replace";
}

const v5_12_rc1: MapHabits = {
  cleansBeforeStore: false,
  invalidatesIcache: false,
  zeroesBroken: false,
  sameMapping: "retry",
};

/** Habits by the first state of the kernel that has them. */
export const habits = {
  "v5.10": { ...v5_12_rc1, sameMapping: "replace" },
  "v5.12-rc1": v5_12_rc1,
  "rfc-1/4": { ...v5_12_rc1, cleansBeforeStore: true },
  "v6.1": { cleansBeforeStore: true, invalidatesIcache: true, zeroesBroken: true, sameMapping: "retry" },
} as const satisfies Record<string, MapHabits>;

/** The steps that the map walkers of all generations up to v6.1 share. */
export class MapSteps {
  constructor(
    readonly ops: Ops,
    readonly map: MapRequest,
    readonly habits: MapHabits,
  ) {}

  /** An entry without a table: becomes the leaf that was asked for, or a table to go down through. */
  mapEntry(visit: Visit): Answer {
    if (this.map.allowsLeafAt(visit)) return this.mapLeaf(visit);
    const table = this.ops.allocateTable();
    if (table === NO_PAGE) return "no-memory";
    if (visit.isValid) this.breakLeaf(visit);
    this.ops.storeTable(visit, table);
    this.ops.getPage(visit.page);
    return "continue";
  }

  mapLeaf(visit: Visit): Answer {
    if (visit.isValid) {
      const lo = this.map.leafLo(visit);
      const hi = this.map.leafHi();
      if (this.habits.sameMapping === "retry") {
        if (differsInPermissionsOnly(visit.lo, visit.hi, lo, hi)) return "retry";
      } else if (visit.lo === lo && visit.hi === hi) {
        this.map.advance(visit);
        return "continue";
      }
      this.breakLeaf(visit);
    }
    this.installLeaf(visit);
    return "continue";
  }

  /** Stores the leaf into an invalid entry. */
  installLeaf(visit: Visit): void {
    const { ops, map, habits } = this;
    if (habits.cleansBeforeStore && map.isCacheable) ops.cleanDcache(map.phys, visit.bytes);
    if (habits.invalidatesIcache && map.isExecutable) ops.invalidateIcache(map.phys, visit.bytes);
    ops.store("release", visit, map.leafLo(visit), map.leafHi());
    ops.getPage(visit.page);
    map.advance(visit);
  }

  /** Break-before-make of one leaf. */
  breakLeaf(visit: Visit): void {
    this.breakEntry(visit);
    this.ops.tlbiIpa(visit.ipa, visit.level);
    this.ops.putPage(visit.page);
  }

  breakEntry(visit: Visit): void {
    if (this.habits.zeroesBroken) this.ops.clear(visit);
    else this.ops.invalidate(visit);
  }
}
