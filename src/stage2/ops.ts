import { Charge, type ChargeKind, type Meter } from "./meter.js";
import { NO_PAGE, type PageTable } from "./page-table.js";
import type { Order, Visit } from "./visit.js";

/** The level of a TLBI by IPA that may be for any level. */
export const NO_HINT = -2;

/** How a store is made: WRITE_ONCE, store-release, or compare-and-exchange. */
export type StoreKind = "once" | "release" | "exchange";
/** How a reference is dropped: put_page, or free_page / free_pages_exact, which count the same. */
export type PutKind = "put" | "free" | "free-root";

/** A table that no entry leads to any more. */
export interface DetachedTable {
  readonly page: number;
  /** Level and base of the entry that held it. */
  readonly level: number;
  readonly base: number;
}

/**
 * An observer of ops: a log of events, a sanitizer. Each method is called once the work is done, in the order
 * of the work. Undefined in a replay, where only the Meter listens.
 */
export interface OpsObserver {
  visited(order: Order, visit: Visit): void;
  stored(kind: StoreKind, visit: Visit, oldLo: number, oldHi: number, newLo: number, newHi: number): void;
  gotPage(page: number, refs: number): void;
  /** `refs` 0: the page is free now. */
  putPage(kind: PutKind, page: number, refs: number): void;
  /** NO_PAGE: the cache of table pages was empty. */
  allocated(page: number): void;
  flushedVmid(): void;
  /** `level`: of the entry, or NO_HINT. */
  flushedIpa(ipa: number, level: number): void;
  /** The same on this CPU alone (non-shareable). */
  flushedIpaLocally(ipa: number, level: number): void;
  flushedRange(ipa: number, bytes: number): void;
  cleaned(phys: number, bytes: number): void;
  invalidatedIcache(phys: number, bytes: number): void;
  barrier(): void;
  deferred(page: number, level: number): void;
  ranDeferred(page: number, level: number): void;
}

/**
 * All that a walker can do. Each operation acts on the table and tells the Meter in the order of the work,
 * so no walker counts or times anything itself.
 */
export class Ops {
  observer: OpsObserver | undefined;
  /** Table pages that the running operation may still take: the kernel's memory cache. */
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

  /** The generic walk alone calls this. */
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

  /** free_page(): what a walker before v5.14 calls to get rid of a table. It too frees at the last reference only. */
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

  /** A zeroed table page, referenced once; NO_PAGE when the cache is empty. */
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

  /** Breaks an entry: clears its valid bit and leaves the rest, as walkers before v5.14 do. */
  invalidate(visit: Visit): void {
    const lo = this.table.lo(visit.slot);
    this.store("once", visit, (lo & ~1) >>> 0, this.table.hi(visit.slot));
  }

  /** Breaks an entry: writes zero. */
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

  /** On this CPU alone: enough where the other CPUs may go on with what they have, and fault if it is too little. */
  tlbiIpaLocal(ipa: number, level: number): void {
    this.charge(Charge.tlbiIpa, 1);
    if (this.observer !== undefined) this.observer.flushedIpaLocally(ipa, level);
  }

  tlbiRange(ipa: number, bytes: number): void {
    this.charge(Charge.tlbiRange, 1);
    if (this.observer !== undefined) this.observer.flushedRange(ipa, bytes);
  }

  /** Cleans memory to the point of coherency. With FWB the guest cannot see it unclean: nothing is done. */
  cleanDcache(phys: number, bytes: number): void {
    if (this.fwb) return;
    this.charge(Charge.cleanByte, bytes);
    if (this.observer !== undefined) this.observer.cleaned(phys, bytes);
  }

  invalidateIcache(phys: number, bytes: number): void {
    this.charge(Charge.icacheByte, bytes);
    if (this.observer !== undefined) this.observer.invalidatedIcache(phys, bytes);
  }

  /** dsb(ishst): the stores before it are seen by later walks. */
  dsb(): void {
    if (this.observer !== undefined) this.observer.barrier();
  }

  /** Hands the table that the entry held over, to be torn down when no walker can stand in it any more. */
  deferFree(visit: Visit): void {
    const { child: page, level, base } = visit;
    this.deferredTables.push({ page, level, base });
    this.charge(Charge.deferFree, 1);
    if (this.observer !== undefined) this.observer.deferred(page, level);
  }

  /** Visits are charged in runs, just before what follows them: a call for each empty entry would cost more than the visit. */
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
