import { hex, leafText, protLetters, sizeText } from "./address-text.js";
import { NO_PAGE, type PageTable } from "./page-table.js";
import { isTable, isValid } from "./pte.js";
import { Order, type Visit } from "./visit.js";

/** Numbers of events quoted before and after a finding. */
const BEFORE = 10;
const AFTER = 3;
/** Number of events kept for the history of one page. */
const KEPT = 512;

/** The kind of a log entry; `write` gives the meaning of the entry's numbers. */
type Kind =
  | "visit"
  | "store"
  | "get"
  | "put"
  | "free"
  | "alloc"
  | "tlbi vmid"
  | "tlbi ipa"
  | "tlbi ipa local"
  | "tlbi range"
  | "clean"
  | "icache"
  | "dsb"
  | "defer"
  | "run deferred"
  | "caller flushes"
  | "caller cleans";

/** One event, or visits of neighbouring leaves with the puts for them, as numbers. Text is made only when quoted. */
class Entry {
  kind: Kind = "dsb";
  level = 0;
  address = 0;
  page = NO_PAGE;
  n = 0;
  /** For a visit: its order, and how many visits were merged. */
  order: Order = Order.leaf;
  visits = 0;
  oldLo = 0;
  oldHi = 0;
  newLo = 0;
  newHi = 0;
}

interface Open {
  readonly lines: string[];
  /** The next event to quote. */
  next: number;
  readonly end: number;
}

/** The last events of an operation, quoted by findings. */
export class WalkLog {
  private readonly ring: Entry[] = [];
  /** Events of the operation so far. */
  private count = 0;
  private open: Open[] = [];

  constructor(private readonly table: PageTable) {}

  begin(): void {
    this.end();
    this.count = 0;
  }

  /** The operation is over: quotes get no more lines. */
  end(): void {
    for (const { lines, next } of this.open)
      if (next === this.count - 1) lines.push(`  ${this.write(this.last as Entry)}`);
    this.open = [];
  }

  /** Quotes the events so far, with the last one marked; up to three later events are added when they come. */
  quote(): string[] {
    const from = Math.max(0, this.count - BEFORE);
    const lines = from > 0 ? ["  .."] : [];
    for (let i = from; i < this.count; i++) {
      const mark = i === this.count - 1 ? ">" : " ";
      lines.push(`${mark} ${this.write(this.ring[i % KEPT] as Entry)}`);
    }
    this.open.push({ lines, next: this.count, end: this.count + AFTER });
    return lines;
  }

  /** The last events that touched one table page: its entries, its count, or the entry that leads to it. */
  history(page: number): string[] {
    const lines: string[] = [];
    const from = Math.max(0, this.count - KEPT);
    for (let i = this.count - 1; i >= from && lines.length < BEFORE; i--) {
      const entry = this.ring[i % KEPT] as Entry;
      if (this.touches(entry, page)) lines.unshift(`  ${this.write(entry)}`);
    }
    return lines;
  }

  private touches(entry: Entry, page: number): boolean {
    if (entry.page === page) return true;
    if (entry.kind !== "store") return false;
    const { format } = this.table;
    const { level, oldLo, oldHi, newLo, newHi } = entry;
    return (
      (isTable(oldLo, level) && format.childOf(oldLo, oldHi) === page) ||
      (isTable(newLo, level) && format.childOf(newLo, newHi) === page)
    );
  }

  visited(order: Order, visit: Visit): void {
    const { last } = this;
    if (order === Order.leaf && last?.kind === "visit" && last.order === order && last.page === visit.page) {
      last.visits++;
      return;
    }
    const entry = this.add("visit", visit.page, visit.ipa, 0, visit.level);
    entry.order = order;
    entry.visits = 1;
  }

  stored(visit: Visit, oldLo: number, oldHi: number, newLo: number, newHi: number): void {
    const entry = this.add("store", visit.page, visit.base, 0, visit.level);
    entry.oldLo = oldLo;
    entry.oldHi = oldHi;
    entry.newLo = newLo;
    entry.newHi = newHi;
  }

  /** @param refs the new count */
  put(kind: "put" | "free", page: number, refs: number): void {
    const { last } = this;
    if (last?.kind === "visit" && last.order === Order.leaf && last.page === page && refs > 0) last.n++;
    else this.add(kind, page, 0, refs, 0);
  }

  add(kind: Kind, page: number, address: number, n: number, level: number): Entry {
    if (this.open.length > 0) this.continueQuotes();
    const at = this.count++ % KEPT;
    if (at === this.ring.length) this.ring.push(new Entry());
    const entry = this.ring[at] as Entry;
    entry.kind = kind;
    entry.page = page;
    entry.address = address;
    entry.n = n;
    entry.level = level;
    return entry;
  }

  private get last(): Entry | undefined {
    return this.count === 0 ? undefined : this.ring[(this.count - 1) % KEPT];
  }

  /** The last event is complete now: adds it to the quotes that wait for it. */
  private continueQuotes(): void {
    for (const open of this.open) {
      if (open.next >= this.count) continue;
      open.lines.push(`  ${this.write(this.last as Entry)}`);
      open.next++;
    }
    this.open = this.open.filter(({ next, end }) => next < end);
  }

  private write(entry: Entry): string {
    const { kind, level, address, page, n } = entry;
    switch (kind) {
      case "visit":
        return this.writeVisit(entry);
      case "store": {
        const old = this.pte(level, entry.oldLo, entry.oldHi);
        return `PTE L${level} ${hex(address)} in p${page}: ${old} -> ${this.pte(level, entry.newLo, entry.newHi)}`;
      }
      case "get":
        return `get p${page} -> ${n}`;
      case "put":
      case "free":
        return `${kind === "free" ? "free_page" : kind} p${page} -> ${n}${n === 0 ? ", freed" : ""}`;
      case "alloc":
        return page === NO_PAGE ? "the memory cache is empty" : `new table p${page}`;
      case "tlbi vmid":
        return "TLBI whole VMID";
      case "tlbi ipa":
        return `TLBI ${hex(address)}, ${level > 0 ? `level ${level}` : "any level"}`;
      case "tlbi ipa local":
        return `TLBI ${hex(address)}, this CPU only`;
      case "tlbi range":
        return `TLBI ${hex(address)}, ${sizeText(n)}`;
      case "clean":
        return `clean D-cache ${hex(address)}, ${sizeText(n)}`;
      case "icache":
        return `invalidate I-cache ${hex(address)}, ${sizeText(n)}`;
      case "dsb":
        return "DSB ishst";
      case "defer":
        return `RCU: free table p${page} later`;
      case "run deferred":
        return `RCU: table p${page} is torn down`;
      case "caller flushes":
        return "(caller) TLBI whole VMID";
      case "caller cleans":
        return `(caller) clean D-cache ${hex(address)}, ${sizeText(n)}`;
    }
  }

  private writeVisit({ order, level, address, page, visits, n }: Entry): string {
    const place = `L${level} ${hex(address)} in p${page}`;
    if (order !== Order.leaf) return `${order === Order.tablePre ? "TABLE_PRE" : "TABLE_POST"} ${place}`;
    const entries = visits === 1 ? "" : `, ${visits} entries`;
    return `LEAF ${place}${entries}${n === 0 ? "" : `, ${n} x put p${page}`}`;
  }

  private pte(level: number, lo: number, hi: number): string {
    const { format, granule } = this.table;
    if (!isValid(lo)) return lo === 0 && hi === 0 ? "0" : "invalid";
    if (isTable(lo, level)) return `table p${format.childOf(lo, hi)}`;
    const letters = protLetters(format.protOf(lo, hi));
    return `${leafText(level, granule.bytesAt(level))} ${hex(format.physOf(lo, hi))} ${letters || "no access"}`;
  }
}
