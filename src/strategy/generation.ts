import type { WalkRules } from "../stage2/walk.js";

/** Facts of a kernel release about the generic walk and the walkers other than map. */
export interface Generation {
  readonly walk: WalkRules;
  /** An unmapped entry holds 0; else it keeps all but its valid bit. */
  readonly zeroesUnmapped: boolean;
  /** The level hint of the flush after an entry that held a table was unmapped: the entry's own, 0, or none. */
  readonly tableFlushHint: "own" | "zero" | "none";
  /** A mapping that becomes executable has its I-cache invalidated by the walker (before: by the fault path). */
  readonly invalidatesIcache: boolean;
  /** Tables are freed as free_page(); else as the last put_page(). The work is the same, the log is not. */
  readonly freesByFreePage: boolean;
  /** A table that is torn down has its entry cleared behind it (v7.2); else the entry is left as it was. */
  readonly clearsFreedTables: boolean;
  /** Tables are flushed by range where the CPU can (v6.6); with FWB too, so are all leaves of an unmap, once at its end. */
  readonly flushesRanges: boolean;
  /**
   * Relaxing and ageing in the fault path run under the read lock (v6.2): entries change by compare-and-exchange,
   * the flush stays on this CPU, and an entry that is not valid answers -EAGAIN.
   */
  readonly faultsShareLock: boolean;
  /** What mkyoung returns: the entry as it was, or nothing. */
  readonly mkyoungReturns: "entry" | "nothing";
  /** What clearing or testing the access flag returns: the entry as it was, or whether it was set. */
  readonly ageReturns: "entry" | "flag";
  /** What the walkers leave to their callers, and the callers do. */
  readonly callersFlush: CallersFlush;
}

/** After which operations the caller flushes the TLB, because the walker does not. */
interface CallersFlush {
  readonly afterWriteProtect: boolean;
  /** Relax flushes by itself in all kernels so far. */
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

/** v6.6 to v6.12; v6.2 to v6.5 differ in what the caveats of index.ts say. */
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
