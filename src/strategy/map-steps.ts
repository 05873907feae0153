import type { Ops } from "../stage2/ops.js";
import { NO_PAGE } from "../stage2/page-table.js";
import { differsInPermissionsOnly } from "../stage2/pte.js";
import type { Answer, Visit } from "../stage2/visit.js";
import type { MapRequest } from "./map-request.js";

/** How walkers differ in writing a single leaf. */
export interface MapHabits {
  /** Memory is cleaned when a leaf is written (RFC 1/4, and mainline since v5.14); else the fault path cleans it. */
  readonly cleansBeforeStore: boolean;
  /** The I-cache is invalidated too when an executable leaf is written (v5.14). */
  readonly invalidatesIcache: boolean;
  /** Breaking an entry writes 0 (v5.14); else it clears only the valid bit. */
  readonly zeroesBroken: boolean;
  /**
   * For a valid leaf that differs at most in permissions: `retry` lets the guest fault again (v5.12); `replace` accepts
   * an identical leaf, and breaks and replaces one with other permissions.
   */
  readonly sameMapping: "retry" | "replace";
}

const v5_12_rc1: MapHabits = {
  cleansBeforeStore: false,
  invalidatesIcache: false,
  zeroesBroken: false,
  sameMapping: "retry",
};

/** Habits, named by the first kernel version that has them. */
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

  /** Handles an entry without a table: it becomes the requested leaf, or a table that the walk descends into. */
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
