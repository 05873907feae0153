import type { WalkRules } from "../stage2/walk.js";

/** Facts about a kernel release's generic walk, and its walkers other than map. */
export interface Generation {
  readonly walk: WalkRules;
  /** Unmapping writes 0 to an entry; else it clears only the valid bit. */
  readonly zeroesUnmapped: boolean;
  /** Level hint of the flush after an entry that held a table is unmapped: the entry's own level, 0, or none. */
  readonly tableFlushHint: "own" | "zero" | "none";
  /** The walker invalidates the I-cache when a mapping becomes executable (before v5.14 the fault path does). */
  readonly invalidatesIcache: boolean;
  /** Tables are freed with free_page(), else with a last put_page(). The work is the same; only the log differs. */
  readonly freesByFreePage: boolean;
  /** The entry of a table that is torn down is cleared afterwards (v7.2); else it is left as it was. */
  readonly clearsFreedTables: boolean;
  /** With TLBI by range and FWB, an unmap flushes its leaves once, by range, at the end of the walk (v6.6). */
  readonly flushesRanges: boolean;
  /**
   * Relaxing permissions and setting the access flag in the fault path run under the read lock (v6.2): entries change
   * by compare-and-exchange, the flush stays on this CPU, and an invalid entry returns -EAGAIN.
   */
  readonly faultsShareLock: boolean;
  /** What mkyoung returns: the old entry, or nothing. */
  readonly mkyoungReturns: "entry" | "nothing";
  /** What clearing or testing the access flag returns: the old entry, or whether the flag was set. */
  readonly ageReturns: "entry" | "flag";
  /** Flushes that the walkers leave to their callers. */
  readonly callersFlush: CallersFlush;
}

/** The operations after which the caller flushes the TLB, because the walker does not. */
interface CallersFlush {
  readonly afterWriteProtect: boolean;
  /** Relax has flushed by itself in all kernels so far. */
  readonly afterRelax: boolean;
  /** After the access flag was cleared. */
  readonly afterAge: boolean;
}

const callersFlush: CallersFlush = { afterWriteProtect: true, afterRelax: false, afterAge: true };

/** v5.10 to v5.13. */
export const v5: Generation = {
  walk: { rereadsAfterTablePre: false, stepsToEntryEnd: false },
  zeroesUnmapped: false,
  tableFlushHint: "own",
  invalidatesIcache: false,
  freesByFreePage: true,
  clearsFreedTables: false,
  flushesRanges: false,
  faultsShareLock: false,
  mkyoungReturns: "entry",
  ageReturns: "entry",
  callersFlush,
};

/** v5.14 to v6.1. */
export const v6: Generation = {
  ...v5,
  walk: { rereadsAfterTablePre: false, stepsToEntryEnd: true },
  zeroesUnmapped: true,
  tableFlushHint: "zero",
  invalidatesIcache: true,
  freesByFreePage: false,
};

/** v6.6 to v6.12; the caveats in kernel-release.ts say how v6.2 to v6.5 differ. */
export const v6_12: Generation = {
  ...v6,
  walk: { rereadsAfterTablePre: true, stepsToEntryEnd: true },
  tableFlushHint: "none",
  flushesRanges: true,
  faultsShareLock: true,
  ageReturns: "flag",
};

/** v7.2. */
export const v7_2: Generation = { ...v6_12, clearsFreedTables: true, mkyoungReturns: "nothing" };
