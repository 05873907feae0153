import type { WalkRules } from "../stage2/walk.js";

/** Facts of a kernel release about the generic walk and the walkers other than map. */
export interface Generation {
  readonly walk: WalkRules;
  /** An unmapped entry holds 0; else it keeps all but its valid bit (golden truth 6). */
  readonly zeroesUnmapped: boolean;
  /** An entry that held a table is flushed with level hint 0; else with its own level. */
  readonly flushesTablesAtLevel0: boolean;
  /** A mapping that becomes executable has its I-cache invalidated by the walker (before: by the fault path). */
  readonly invalidatesIcache: boolean;
  /** Tables are freed as free_page(); else as the last put_page(). The work is the same, the log is not. */
  readonly freesByFreePage: boolean;
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
  flushesTablesAtLevel0: false,
  invalidatesIcache: false,
  freesByFreePage: true,
  callersFlush,
};

/** v5.14 to v6.1. */
export const v6: Generation = {
  walk: { rereadsAfterTablePre: false, stepsToEntryEnd: true },
  zeroesUnmapped: true,
  flushesTablesAtLevel0: true,
  invalidatesIcache: true,
  freesByFreePage: false,
  callersFlush,
};
