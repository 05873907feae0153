import { Charge, type ChargeKind, type Meter } from "./meter.js";
import { NO_PAGE, type PageTable } from "./page-table.js";
import type { Order, Visit } from "./visit.js";

/** The level hint of a TLBI by IPA that covers any level. */
export const NO_HINT = -2;

/** The kind of store: WRITE_ONCE, store-release, or compare-and-exchange. */
export type StoreKind = "once" | "release" | "exchange";
/** The call that drops a reference: put_page, or free_page / free_pages_exact, which count the same. */
export type PutKind = "put" | "free" | "free-root";

/** A table that no entry points to any more. */
export interface DetachedTable {
  readonly page: number;
  /** Level and base of the entry that held it. */
  readonly level: number;
  readonly base: number;
}

/**
 * Observes ops, such as an event log or a sanitizer. Each method is called after the work, in the order of the work. A
 * replay has none: only the Meter is called.
 */
export interface OpsObserver {
  visited(order: Order, visit: Visit): void;
  stored(kind: StoreKind, visit: Visit, oldLo: number, oldHi: number, newLo: number, newHi: number): void;
  gotPage(page: number, refs: number): void;
  /** `refs` is the count afterwards; at 0 the page is free. */
  putPage(kind: PutKind, page: number, refs: number): void;
  /** `page` is NO_PAGE if the cache of table pages was empty. */
  allocated(page: number): void;
  flushedVmid(): void;
  /** `level` is the entry's, or NO_HINT. */
  flushedIpa(ipa: number, level: number): void;
  /** The same on this CPU only (non-shareable). */
  flushedIpaLocally(ipa: number, level: number): void;
  flushedRange(ipa: number, bytes: number): void;
  cleaned(phys: number, bytes: number): void;
  invalidatedIcache(phys: number, bytes: number): void;
  barrier(): void;
  deferred(page: number, level: number): void;
  ranDeferred(page: number, level: number): void;
}

/**
 * Everything that a walker can do. Each operation acts on the table and charges the Meter in the order of the work, so
 * walkers do not count or time anything themselves.
 */
export class Ops {
  observer: OpsObserver | undefined;
  /** Table pages that the running operation may still allocate: the kernel's memory cache. */
  cachePages = Number.POSITIVE_INFINITY;
  /** Detached tables that wait for their deferred free. */
  readonly deferredTables: DetachedTable[] = [];

  /** Visits since the last charge. */
  private uncharged = 0;

  constructor(
    readonly table: PageTable,
    private readonly meter: Meter,
    /** Whether the CPU has TLBI by range (FEAT_TLBIRANGE). */
    readonly hasTlbiRange = false,
  ) {}

  get fwb(): boolean {
    return this.table.format.fwb;
  }

  /** Only the generic walk calls this. */
  visited(order: Order, visit: Visit): void {
    this.uncharged++;
    if (this.observer !== undefined) this.observer.visited(order, visit);
  }

  getPage(page: number): void {
    const refs = this.table.get(page);
    this.charge(Charge.pageGet, 1);
    if (this.observer !== undefined) this.observer.gotPage(page, refs);
  }

  /** Drops a reference; the last one frees the page. */
  putPage(page: number): void {
    this.drop("put", page);
  }

  /** free_page(), which walkers before v5.14 call to free a table. It too frees only at the last reference. */
  freeTable(page: number): void {
    this.drop("free", page);
  }

  /** Root pages are freed by another allocator. */
  freeRoot(page: number): void {
    this.drop("free-root", page);
  }

  refsOf(page: number): number {
    return this.table.refsOf(page);
  }

  /** Returns a zeroed table page with one reference; NO_PAGE if the cache is empty. */
  allocateTable(): number {
    if (this.cachePages <= 0) {
      if (this.observer !== undefined) this.observer.allocated(NO_PAGE);
      return NO_PAGE;
    }
    this.cachePages--;
    const page = this.table.allocate();
    this.charge(Charge.tableAlloc, 1);
    if (this.observer !== undefined) this.observer.allocated(page);
    return page;
  }

  store(kind: StoreKind, visit: Visit, lo: number, hi: number): void {
    const { table } = this;
    const oldLo = table.lo(visit.slot);
    const oldHi = table.hi(visit.slot);
    table.write(visit.slot, lo, hi);
    this.charge(Charge.pteStore, 1);
    this.meter.stored(visit.slot, visit.level, visit.base, oldLo, oldHi, lo, hi);
    if (this.observer !== undefined) this.observer.stored(kind, visit, oldLo, oldHi, lo, hi);
  }

  /** Breaks an entry by clearing only its valid bit, as walkers before v5.14 do. */
  invalidate(visit: Visit): void {
    const lo = this.table.lo(visit.slot);
    this.store("once", visit, (lo & ~1) >>> 0, this.table.hi(visit.slot));
  }

  /** Breaks an entry by writing zero. */
  clear(visit: Visit): void {
    this.store("once", visit, 0, 0);
  }

  /** Points an entry at a table. */
  storeTable(visit: Visit, page: number): void {
    const { format } = this.table;
    this.store("release", visit, format.tableLo(page), format.tableHi(page));
  }

  tlbiVmid(): void {
    this.charge(Charge.tlbiVmid, 1);
    if (this.observer !== undefined) this.observer.flushedVmid();
  }

  tlbiIpa(ipa: number, level: number): void {
    this.charge(Charge.tlbiIpa, 1);
    if (this.observer !== undefined) this.observer.flushedIpa(ipa, level);
  }

  /** Flushes this CPU only: enough if other CPUs may keep the old entry and fault when its permissions are too few. */
  tlbiIpaLocal(ipa: number, level: number): void {
    this.charge(Charge.tlbiIpa, 1);
    if (this.observer !== undefined) this.observer.flushedIpaLocally(ipa, level);
  }

  tlbiRange(ipa: number, bytes: number): void {
    this.charge(Charge.tlbiRange, 1);
    if (this.observer !== undefined) this.observer.flushedRange(ipa, bytes);
  }

  /** Cleans memory to the point of coherency. With FWB the guest cannot see it unclean, so nothing is done. */
  cleanDcache(phys: number, bytes: number): void {
    if (this.fwb) return;
    this.charge(Charge.cleanByte, bytes);
    if (this.observer !== undefined) this.observer.cleaned(phys, bytes);
  }

  invalidateIcache(phys: number, bytes: number): void {
    this.charge(Charge.icacheByte, bytes);
    if (this.observer !== undefined) this.observer.invalidatedIcache(phys, bytes);
  }

  /** dsb(ishst): later walks see the stores before it. */
  dsb(): void {
    if (this.observer !== undefined) this.observer.barrier();
  }

  /** Queues the table that the entry held, to be torn down when no walker can be in it any more. */
  deferFree(visit: Visit): void {
    const { child: page, level, base } = visit;
    this.deferredTables.push({ page, level, base });
    this.charge(Charge.deferFree, 1);
    if (this.observer !== undefined) this.observer.deferred(page, level);
  }

  /** Charges the visits so far, once before the next work: a call per empty entry would cost more than the visit. */
  settle(): void {
    if (this.uncharged === 0) return;
    this.meter.charge(Charge.entryVisit, this.uncharged);
    this.uncharged = 0;
  }

  private charge(kind: ChargeKind, n: number): void {
    if (this.uncharged !== 0) this.settle();
    this.meter.charge(kind, n);
  }

  private drop(kind: PutKind, page: number): void {
    const refs = this.table.put(page);
    this.charge(Charge.pagePut, 1);
    if (refs === 0) this.charge(Charge.tableFree, 1);
    if (this.observer !== undefined) this.observer.putPage(kind, page, refs);
  }
}
