import { leafText, plural } from "./address-text.js";
import type { Findings } from "./findings.js";
import { forEachLeafBelow } from "./leaves.js";
import { MemoryShadow } from "./memory-shadow.js";
import type { PageShadow } from "./page-shadow.js";
import { NO_PAGE, type PageTable } from "./page-table.js";
import { AF, grantsMore, isLeaf, isTable, isValid, mayChangeInPlace } from "./pte.js";
import { Stale, TlbShadow } from "./tlb-shadow.js";
import type { Visit } from "./visit.js";
import type { WalkLog } from "./walk-log.js";

/** Checks how entries change (break, flush, make) and whether memory that becomes visible is clean. */
export class EntryWatch {
  readonly memory: MemoryShadow;
  private readonly tlb = new TlbShadow();
  /** The log at the store that made an entry valid while the TLB could still hold the old one. */
  private readonly quotes = new Map<Stale, readonly string[]>();
  /** Slots of leaves whose output address is unknown. */
  private readonly planted = new Set<number>();

  constructor(
    private readonly table: PageTable,
    private readonly pages: PageShadow,
    private readonly log: WalkLog,
    private readonly findings: Findings,
  ) {
    this.memory = new MemoryShadow(table.granule);
  }

  begin(): void {
    this.tlb.begin();
    this.memory.begin();
    this.quotes.clear();
  }

  /** A leaf was put into this slot by inference: its output address is unknown. */
  plant(slot: number): void {
    this.planted.add(slot);
  }

  /** An entry that the hardware can walk to was stored. */
  stored(visit: Visit, lo: number, hi: number, newLo: number, newHi: number): void {
    if (isValid(lo) && (lo !== newLo || hi !== newHi)) this.unmake(visit, lo, hi, newLo, newHi);
    this.planted.delete(visit.slot);
    if (isValid(newLo)) this.make(visit, newLo, newHi);
  }

  /** @param isLocal whether only this CPU is flushed */
  flush(ipa: number, bytes: number, hint: number, isLocal = false): void {
    this.tlb.flush(ipa, bytes, hint, isLocal, (stale) => {
      const problem = `the new entry was stored before the TLBI for the old one, ${describe(stale)}: for a while the CPU had both`;
      this.findings.report("break-before-make", stale, problem, 0, this.quotes.get(stale));
    });
  }

  /** Whether a cached entry may still lead the CPU into this table. */
  mayWalkInto(page: number): boolean {
    return this.tlb.leadsTo(page);
  }

  /** Ends the operation: every entry that the TLB may still hold is reported. */
  end(): void {
    for (const stale of this.tlb.stale) if (!stale.reported) this.reportStale(stale);
  }

  /** A valid entry changes: notes what the CPU may have cached of it. */
  private unmake(visit: Visit, lo: number, hi: number, newLo: number, newHi: number): void {
    const { table } = this;
    const { level, base, bytes, slot } = visit;
    const stays = isValid(newLo);
    const inPlace = stays && mayChangeInPlace(level, lo, hi, newLo, newHi);
    const change = !inPlace ? "broken" : grantsMore(lo, hi, newLo, newHi) ? "raised" : "lowered";
    const child = isTable(lo, level) ? table.childOf(lo, hi) : NO_PAGE;
    const stale = new Stale(change, base, bytes, level, child);
    if (child === NO_PAGE) this.hold(stale, base, level, lo, hi, slot);
    else {
      const holdTable = (ipa: number, atLevel: number, page: number): void => {
        stale.holdsTable(ipa, table.granule.bytesAt(atLevel), atLevel, page);
        this.pages.locate(page, ipa, atLevel + 1);
        this.pages.touch(page);
      };
      holdTable(base, level, child);
      const holdLeaf = (ipa: number, atLevel: number, leafLo: number, leafHi: number, atSlot: number) =>
        this.hold(stale, ipa, atLevel, leafLo, leafHi, atSlot);
      forEachLeafBelow(table, child, level + 1, base, holdLeaf, holdTable);
    }
    this.tlb.add(stale);
    if (!stays || inPlace) return;
    stale.reported = true;
    const next = isTable(newLo, level) ? "a table" : `a ${leafText(level, bytes)}`;
    const problem = `a valid entry, ${describe(stale)}, was replaced by ${next} in one store: neither made invalid nor flushed between`;
    this.findings.report("break-before-make", stale, problem);
  }

  private hold(stale: Stale, ipa: number, level: number, lo: number, hi: number, slot: number): void {
    const { granule, format } = this.table;
    const bytes = granule.bytesAt(level);
    this.memory.wasMapped(ipa, this.planted.has(slot) ? Number.NaN : format.physOf(lo, hi), bytes);
    // The TLB may not hold an entry whose access flag is clear.
    if ((lo & AF) !== 0) stale.holdsLeaf(ipa, bytes, level);
  }

  /** An entry becomes valid: the TLB may hold nothing old for its range, and its memory must be clean. */
  private make({ level, base, bytes }: Visit, lo: number, hi: number): void {
    const { table } = this;
    for (const stale of this.tlb.stale) {
      if (stale.reported || stale.remade || stale.change !== "broken") continue;
      if (!stale.overlaps(base, bytes)) continue;
      stale.remade = true;
      this.quotes.set(stale, this.log.quote());
    }
    if (table.format.fwb) return;
    if (isLeaf(lo, level)) this.expose(base, level, lo, hi);
    else
      forEachLeafBelow(table, table.childOf(lo, hi), level + 1, base, (ipa, atLevel, leafLo, leafHi) =>
        this.expose(ipa, atLevel, leafLo, leafHi),
      );
  }

  /** A leaf makes memory visible to the guest. */
  private expose(ipa: number, level: number, lo: number, hi: number): void {
    const { granule, format } = this.table;
    if (!format.isCacheable(lo)) return;
    const bytes = granule.bytesAt(level);
    const pages = this.memory.exposedPages(ipa, format.physOf(lo, hi), bytes);
    if (pages === 0) return;
    const all = plural(bytes / granule.pageBytes, "page");
    const which =
      pages * granule.pageBytes === bytes ? all : `${pages.toLocaleString("en-US")} of its ${all}`;
    const problem = `a ${leafText(level, bytes)} shows the guest ${which} that nothing had mapped before and nothing cleaned`;
    this.findings.report("unclean-leaf", { ipa, level }, problem, pages);
  }

  private reportStale(stale: Stale): void {
    const { findings } = this;
    const what = describe(stale);
    const quote = this.quotes.get(stale);
    if (stale.change === "lowered")
      findings.report(
        "stale-translation",
        stale,
        `${what} lost permissions or its access flag, and neither the walker nor its caller flushed it: a CPU may go on with what it had`,
      );
    else if (stale.change === "raised")
      findings.report(
        "stale-translation",
        stale,
        `${what} was given permissions, and neither the walker nor its caller flushed it: a CPU may fault on the old ones again and again`,
      );
    else if (stale.flushedSince)
      findings.report(
        "flush-too-narrow",
        stale,
        `${what} was broken, and the TLBI that followed left ${leftIn(stale)} in the TLB`,
        0,
        quote,
      );
    else if (stale.flushedBefore)
      findings.report(
        "flush-before-break",
        stale,
        `${what} was flushed first and broken then: the CPU may have cached it again between`,
        0,
        quote,
      );
    else if (stale.remade)
      findings.report(
        "flush-missing",
        stale,
        `${what} was broken and replaced, and no TLBI came, neither between nor after`,
        0,
        quote,
      );
    else
      findings.report(
        "stale-translation",
        stale,
        `${what} was broken and no TLBI followed: the CPU may go on using it`,
      );
  }
}

function describe({ table, leaves, bytes, level }: Stale): string {
  if (table === NO_PAGE) return `a ${leafText(level, bytes)}`;
  return `table p${table} with ${leaves === 0 ? "no leaves" : plural(leaves, "valid leaf")}`;
}

function leftIn(stale: Stale): string {
  const left = stale.leavesLeft;
  if (left === 0) return "the way into a table";
  return `${left.toLocaleString("en-US")} of ${plural(stale.leaves, "translation")}`;
}
