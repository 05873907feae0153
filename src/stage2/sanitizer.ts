import { type StrategyError, UnallocatedPageError } from "../errors.js";
import { hex, plural } from "./address-text.js";
import { EntryWatch } from "./entry-watch.js";
import type { Tally } from "./finding.js";
import { Findings, NO_PLACE, type OperationName, type Place } from "./findings.js";
import { whatMapLacks } from "./map-check.js";
import { NO_HINT, type OpsObserver, type PutKind, type StoreKind } from "./ops.js";
import { PageShadow } from "./page-shadow.js";
import { NO_PAGE, type PageTable } from "./page-table.js";
import { isTable } from "./pte.js";
import type { Order, Visit } from "./visit.js";
import { WalkLog } from "./walk-log.js";

/**
 * Watches the walks on one table and reports what would be wrong on a machine (`rules` in finding.ts). It tracks what
 * the CPU may know apart from the table: translations in the TLB, cached table entries, memory that was cleaned.
 *
 * The code that runs the operations reports when one begins and ends, and what callers do for the walker (see
 * SanitizedStage2): a duty that nobody performs becomes a finding.
 */
export class Sanitizer implements OpsObserver {
  private readonly log: WalkLog;
  private readonly findings: Findings;
  private readonly entries: EntryWatch;
  private readonly pages: PageShadow;
  private count = 0;
  private given: number | undefined;
  /** The operation is over; only deferred frees run now. */
  private isOver = false;
  private isDestroying = false;
  /** Pages were leaked or miscounted before, so they are also missing at the end. */
  private countsAreOff = false;
  private lastPage = NO_PAGE;

  constructor(private readonly table: PageTable) {
    this.log = new WalkLog(table);
    this.findings = new Findings(this.log);
    this.pages = new PageShadow(table);
    this.entries = new EntryWatch(table, this.pages, this.log, this.findings);
  }

  /** What was found so far. */
  get found(): readonly Tally[] {
    return this.findings.all;
  }

  /** The runner's own number for its current step, which may be several operations. Default: counted from 1. */
  set number(number: number) {
    this.given = number;
  }

  /** An operation begins. Only map has `phys` and `prot`. */
  begin(name: OperationName, ipa = 0, bytes = 0, phys = 0, prot = 0): void {
    this.findings.operation = this.given ?? ++this.count;
    this.findings.operating = { name, ipa, bytes, phys, prot };
    this.isDestroying = name === "destroy";
    this.isOver = false;
    this.lastPage = NO_PAGE;
    this.log.begin();
    this.entries.begin();
    this.pages.begin();
  }

  /** The operation returned `ret`, and its caller's duties are done. */
  end(ret: number): void {
    if (this.isDestroying) this.checkDestroyed();
    else {
      this.entries.end();
      this.pages.check(
        (lost) => this.reportLeaked(lost, "nothing leads there and nothing will free it"),
        (page, refs, entries) => this.reportMiscounted(page, refs, entries),
      );
      if (this.findings.operating.name === "map" && ret === 0) this.checkMapped();
    }
    this.isOver = true;
    this.log.end();
  }

  /** Deferred frees have run. */
  settle(): void {
    const left = this.pages.settle();
    if (left.length > 0) this.reportLeaked(left, "its deferred free has run");
    this.log.end();
  }

  /** The operation threw an error: the strategy broke its contract. */
  fail(error: StrategyError): void {
    if (!(error instanceof UnallocatedPageError)) this.findings.report("bad-answer", NO_PLACE, error.message);
    else if (error.page >= 1 && error.page < this.table.pageLimit) {
      const problem = `a reference to table p${error.page} was dropped, which is free already`;
      this.findings.report("freed-twice", this.placeOf(error.page), problem);
    } else {
      const problem = `a reference was dropped to page ${error.page}, which is no table page: a kernel would free somebody else's memory`;
      this.findings.report("freed-no-table", NO_PLACE, problem);
    }
    this.log.end();
  }

  /** The caller flushes the VMID, as its duty is. */
  callerFlushes(): void {
    this.log.add("caller flushes", NO_PAGE, 0, 0, 0);
    this.entries.flush(0, Number.POSITIVE_INFINITY, NO_HINT);
  }

  /** The caller cleans memory before the walk, as its duty is. */
  callerCleans(phys: number, bytes: number): void {
    this.log.add("caller cleans", NO_PAGE, phys, bytes, 0);
    this.entries.memory.cleaned(phys, bytes);
  }

  /** A leaf was put into this slot by inference: its output address is unknown. */
  plant(slot: number): void {
    this.entries.plant(slot);
  }

  visited(order: Order, visit: Visit): void {
    this.log.visited(order, visit);
    const { page, level } = visit;
    if (page !== this.lastPage && !this.isOver) {
      this.lastPage = page;
      this.pages.locate(page, this.table.granule.baseAt(visit.ipa, level - 1), level);
    }
    if (this.table.refsOf(page) > 0) return;
    const problem = `the walk went on into table p${page}, which is free: in a kernel it may hold anything by now`;
    this.findings.report("walk-into-freed", { ipa: visit.base, level }, problem);
  }

  stored(_kind: StoreKind, visit: Visit, oldLo: number, oldHi: number, newLo: number, newHi: number): void {
    const { level, page, base } = visit;
    this.log.stored(visit, oldLo, oldHi, newLo, newHi);
    this.pages.touch(page);
    if (isTable(newLo, level)) {
      const child = this.table.childOf(newLo, newHi);
      this.pages.locate(child, base, level + 1);
      this.pages.touch(child);
    }
    // The hardware neither caches nor sees an entry that it cannot walk to.
    if (this.isDestroying || this.isOver || !this.pages.isReachable(page)) return;
    this.entries.stored(visit, oldLo, oldHi, newLo, newHi);
  }

  gotPage(page: number, refs: number): void {
    this.log.add("get", page, 0, refs, 0);
    this.pages.touch(page);
  }

  putPage(kind: PutKind, page: number, refs: number): void {
    this.log.put(kind === "put" ? "put" : "free", page, refs);
    this.pages.touch(page);
    // A table is destroyed only when its VMID is dead: no CPU walks it.
    if (refs > 0 || this.isDestroying) return;
    const place = this.placeOf(page);
    if (this.pages.isReachable(page)) {
      const problem = `table p${page} was freed while the entry of level ${place.level} for ${hex(place.ipa)} leads to it`;
      this.findings.report("freed-while-reachable", place, problem);
    } else if (this.entries.mayWalkInto(page)) {
      const problem = `table p${page} was freed before a TLBI: the CPU may still walk into it by what it has cached`;
      this.findings.report("freed-before-flush", place, problem);
    }
  }

  allocated(page: number): void {
    this.log.add("alloc", page, 0, 0, 0);
    if (page !== NO_PAGE) this.pages.allocated(page);
  }

  flushedVmid(): void {
    this.log.add("tlbi vmid", NO_PAGE, 0, 0, 0);
    this.entries.flush(0, Number.POSITIVE_INFINITY, NO_HINT);
  }

  flushedIpa(ipa: number, level: number): void {
    this.log.add("tlbi ipa", NO_PAGE, ipa, 0, level);
    this.entries.flush(ipa, 1, level);
  }

  flushedIpaLocally(ipa: number, level: number): void {
    this.log.add("tlbi ipa local", NO_PAGE, ipa, 0, level);
    this.entries.flush(ipa, 1, level, true);
  }

  flushedRange(ipa: number, bytes: number): void {
    this.log.add("tlbi range", NO_PAGE, ipa, bytes, 0);
    this.entries.flush(ipa, bytes, NO_HINT);
  }

  cleaned(phys: number, bytes: number): void {
    this.log.add("clean", NO_PAGE, phys, bytes, 0);
    this.entries.memory.cleaned(phys, bytes);
  }

  invalidatedIcache(phys: number, bytes: number): void {
    this.log.add("icache", NO_PAGE, phys, bytes, 0);
  }

  barrier(): void {
    this.log.add("dsb", NO_PAGE, 0, 0, 0);
  }

  deferred(page: number, level: number): void {
    this.log.add("defer", page, 0, 0, level);
    this.pages.defer(page);
  }

  ranDeferred(page: number, level: number): void {
    this.isOver = true;
    this.log.add("run deferred", page, 0, 0, level);
  }

  /** The entry that leads, or led, to a table page. */
  private placeOf(page: number): Place {
    return { ipa: this.pages.baseOf(page), level: this.pages.levelOf(page) - 1 };
  }

  private reportLeaked(lost: readonly number[], why: string): void {
    this.countsAreOff = true;
    const [page = NO_PAGE] = lost;
    const others = lost.length === 1 ? "" : ` (and ${plural(lost.length - 1, "table page")} more)`;
    const problem = `table p${page}${others} is alive with a count of ${this.table.refsOf(page)}: ${why}`;
    this.findings.report("leaked-pages", this.placeOf(page), problem, lost.length, this.log.history(page));
  }

  private reportMiscounted(page: number, refs: number, entries: number): void {
    this.countsAreOff = true;
    const held = entries === 1 ? "1 valid entry" : `${entries} valid entries`;
    const problem = `table p${page} holds ${held} and counts ${refs}, not ${entries + 1}`;
    this.findings.report("wrong-reference-count", this.placeOf(page), problem, 0, this.log.history(page));
  }

  private checkDestroyed(): void {
    const { livePages } = this.table;
    if (livePages === 0 || this.countsAreOff) return;
    const problem = `${plural(livePages, "table page")} outlived the table`;
    this.findings.report("leaked-pages", NO_PLACE, problem, livePages);
  }

  private checkMapped(): void {
    const lacks = whatMapLacks(this.table, this.findings.operating);
    if (lacks !== undefined) this.findings.report("bad-answer", lacks.place, lacks.problem);
  }
}
