import { NO_PAGE } from "./page-table.js";

/** Levels that a TLBI's hint can name; with any other hint it covers all levels. */
const LEAF_LEVELS = new Set([1, 2, 3]);

/** What the TLB may still hold: contiguous leaves of one size, or the entry of one table. */
interface Cached {
  ipa: number;
  bytes: number;
  /** Bytes of one leaf; for a table, those of the whole range. */
  readonly unit: number;
  readonly level: number;
  /** The table that the CPU may still walk into; NO_PAGE for leaves. */
  readonly page: number;
}

/** Why an entry's old value may not stay in the TLB. */
type Change =
  /** The entry was made invalid, or replaced. */
  | "broken"
  /** The entry lost permissions or its access flag. */
  | "lowered"
  /** The entry gained permissions: a CPU that keeps the old ones only faults once more. */
  | "raised";

/** One change of a valid entry, and the part of the old entry that the TLB may still hold. */
export class Stale {
  readonly cached: Cached[] = [];
  /** Leaves that could be cached when the entry was changed. */
  leaves = 0;
  /** An earlier TLBI covered it while the entry was still valid. */
  flushedBefore = false;
  /** A later TLBI overlapped its range. */
  flushedSince = false;
  /** A new valid entry was stored before the flush. */
  remade = false;
  /** It was already reported: what is left in the TLB is not a second finding. */
  reported = false;

  constructor(
    readonly change: Change,
    /** Base and size of the entry's range. */
    readonly ipa: number,
    readonly bytes: number,
    readonly level: number,
    /** The table that the entry led to; NO_PAGE for a leaf. */
    readonly table: number,
  ) {}

  holdsLeaf(ipa: number, bytes: number, level: number): void {
    this.leaves++;
    const last = this.cached.at(-1);
    if (last !== undefined && last.page === NO_PAGE && last.level === level && last.ipa + last.bytes === ipa)
      last.bytes += bytes;
    else this.cached.push({ ipa, bytes, unit: bytes, level, page: NO_PAGE });
  }

  holdsTable(ipa: number, bytes: number, level: number, page: number): void {
    this.cached.push({ ipa, bytes, unit: bytes, level, page });
  }

  get isFlushed(): boolean {
    return this.cached.length === 0;
  }

  overlaps(ipa: number, bytes: number): boolean {
    return this.ipa < ipa + bytes && ipa < this.ipa + this.bytes;
  }

  /** Leaves that may still be cached. */
  get leavesLeft(): number {
    let left = 0;
    for (const { page, bytes, unit } of this.cached) if (page === NO_PAGE) left += bytes / unit;
    return left;
  }

  /** Drops what a TLBI of [ipa, ipa + bytes) reaches. @returns whether it reached anything */
  flush(ipa: number, bytes: number, hint: number): boolean {
    const end = ipa + bytes;
    let reached = false;
    for (let i = this.cached.length - 1; i >= 0; i--) {
      const each = this.cached[i] as Cached;
      const eachEnd = each.ipa + each.bytes;
      if (each.ipa >= end || ipa >= eachEnd) continue;
      // The hint names the leaf's level; leaves at other levels need not be dropped.
      if (each.page === NO_PAGE && LEAF_LEVELS.has(hint) && hint !== each.level) continue;
      reached = true;
      const from = Math.max(each.ipa, ipa - (ipa % each.unit));
      const to = Math.min(eachEnd, end + ((each.unit - (end % each.unit)) % each.unit));
      const rest: Cached[] = [];
      if (from > each.ipa) rest.push({ ...each, bytes: from - each.ipa });
      if (to < eachEnd) rest.push({ ...each, ipa: to, bytes: eachEnd - to });
      this.cached.splice(i, 1, ...rest);
    }
    return reached;
  }
}

/** What the TLB may hold of entries that the running operation changed and nothing flushed since. */
export class TlbShadow {
  readonly stale: Stale[] = [];
  /** TLBIs that found nothing stale: they came too early if their range is broken afterwards. */
  private readonly idle: { ipa: number; bytes: number }[] = [];

  begin(): void {
    this.stale.length = 0;
    this.idle.length = 0;
  }

  add(stale: Stale): void {
    if (stale.isFlushed) return;
    stale.flushedBefore = this.idle.some(
      ({ ipa, bytes }) => ipa <= stale.ipa && ipa + bytes >= stale.ipa + stale.bytes,
    );
    this.stale.push(stale);
  }

  /**
   * A TLBI of [ipa, ipa + bytes).
   * @param hint level of the leaf; another number is no hint
   * @param isLocal whether only this CPU is flushed
   * @param late is called with each change that is now flushed completely, but was remade before
   */
  flush(ipa: number, bytes: number, hint: number, isLocal: boolean, late: (stale: Stale) => void): void {
    let reached = false;
    for (let i = this.stale.length - 1; i >= 0; i--) {
      const stale = this.stale[i] as Stale;
      if (!stale.overlaps(ipa, bytes)) continue;
      stale.flushedSince = true;
      if (isLocal && stale.change !== "raised") continue;
      if (!stale.flush(ipa, bytes, hint)) continue;
      reached = true;
      if (!stale.isFlushed) continue;
      this.stale.splice(i, 1);
      if (stale.remade && !stale.reported) late(stale);
    }
    if (!reached) this.idle.push({ ipa, bytes });
  }

  /** Whether a cached entry may still lead the CPU into this table. */
  leadsTo(page: number): boolean {
    return this.stale.some(({ cached }) => cached.some((each) => each.page === page));
  }
}
