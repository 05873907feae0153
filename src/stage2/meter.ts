/** Units of walker work, as charged by `ops`. Each number is an index into a counter array. */
export const Charge = {
  /** A visit of one entry by the generic walk (TABLE_PRE, LEAF or TABLE_POST callback). */
  entryVisit: 0,
  pteStore: 1,
  pageGet: 2,
  pagePut: 3,
  tableAlloc: 4,
  tableFree: 5,
  tlbiVmid: 6,
  tlbiIpa: 7,
  tlbiRange: 8,
  /** D-cache clean to the point of coherency, bytes. */
  cleanByte: 9,
  /** I-cache invalidation, bytes. */
  icacheByte: 10,
  /** Hand-over of a detached subtree to a deferred free. */
  deferFree: 11,
} as const;
export type ChargeKind = (typeof Charge)[keyof typeof Charge];
export const chargeKinds = 12;

/**
 * Counts and times the work of a walk. `ops` calls it in the order of the work, so a meter knows at which point of the
 * walk each store became visible.
 */
export interface Meter {
  charge(kind: ChargeKind, n: number): void;
  /**
   * A PTE store (also charged as `pteStore`). `slot` names the entry (see PageTable); `ipa` is the base of
   * the range that the entry covers. PTE values are two 32-bit halves.
   */
  stored(
    slot: number,
    level: number,
    ipa: number,
    oldLo: number,
    oldHi: number,
    newLo: number,
    newHi: number,
  ): void;
}
