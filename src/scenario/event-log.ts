import { hex } from "../stage2/address-text.js";
import { NO_HINT, type OpsObserver, type PutKind, type StoreKind } from "../stage2/ops.js";
import { Order, type Visit } from "../stage2/visit.js";
import { HashText } from "./hash-text.js";
import { LeafRun } from "./leaf-run.js";

/**
 * An event as the golden files have it. Addresses and entries are hex strings; a page is the sequential number
 * of a table page; the page of a visit or store is the one that holds the entry.
 */
export type WalkEvent =
  | readonly [order: "pre" | "post", level: number, ipa: string, page: number]
  | readonly [order: "leaf", level: number, ipa: string, page: number, visits: number]
  | readonly [
      name: "st",
      kind: "w" | "rel" | "cas",
      level: number,
      ipa: string,
      page: number,
      old: string,
      entry: string,
    ]
  | readonly [name: "get" | "put" | "fp" | "fpx", page: number, refs: number]
  | readonly [name: "alloc" | "free", page: number]
  | readonly [name: "enomem" | "tlbi_vmid"]
  | readonly [name: "tlbi_ipa" | "tlbi_ipa_nsh", ipa: string, level: number | "unk"]
  | readonly [name: "tlbi_range", ipa: string, pages: number]
  | readonly [name: "dc" | "ic", phys: string, bytes: string]
  | readonly [name: "dsb", domain: "ishst"]
  | readonly [name: "rcu_defer" | "rcu_run", page: number, level: number];

export function hexPte(lo: number, hi: number): string {
  if (hi === 0) return hex(lo);
  return `${hex(hi)}${lo.toString(16).padStart(8, "0")}`;
}

/** Scripts always run with 4 KiB pages. */
const PAGE_BYTES = 4096;

const storeWords = { once: "w", release: "rel", exchange: "cas" } as const;
const putWords = { put: "put", free: "fp", "free-root": "fpx" } as const;

/** Selects which of an operation's events a log keeps. */
export interface LogOptions {
  /** If there are more events than this, none is kept. */
  readonly maxEvents: number;
  /** Whether the text of the events is hashed. */
  readonly hashes: boolean;
}

/** Collects the events of one operation in the form of the golden files, and the hash of their text. */
export class EventLog implements OpsObserver {
  private kept: WalkEvent[] = [];
  private count = 0;
  private readonly hash = new HashText();
  private readonly run = new LeafRun();

  constructor(private readonly options: LogOptions) {
    this.begin();
  }

  begin(): void {
    this.kept = [];
    this.count = 0;
    this.run.end();
    this.hash.begin();
    this.hash.text("[");
  }

  /** All events since `begin`; undefined if there were more than `maxEvents`. */
  get events(): readonly WalkEvent[] | undefined {
    this.endRun();
    return this.count > this.options.maxEvents ? undefined : this.kept;
  }

  /** Hash of the events' text. It ends the log until the next `begin`. */
  digest(): string {
    this.endRun();
    this.hash.text("]");
    return this.hash.digest();
  }

  visited(order: Order, visit: Visit): void {
    if (order === Order.leaf) {
      // A run is written when it ends, since only then its number of visits is known.
      if (visit.page !== this.run.page) this.endRun();
      const { level, ipa, page, visits } = this.run;
      if (!this.run.takes(visit) && page !== 0) this.writeRun(level, ipa, page, visits);
      return;
    }
    const name = order === Order.tablePre ? "pre" : "post";
    this.open(name);
    if (this.options.hashes) {
      this.hash.decimal(visit.level);
      this.hash.text(",");
      this.hash.hex(visit.ipa);
      this.hash.text(",");
      this.closeWith(visit.page);
    }
    if (this.keeps) this.kept.push([name, visit.level, hex(visit.ipa), visit.page]);
  }

  stored(kind: StoreKind, visit: Visit, oldLo: number, oldHi: number, newLo: number, newHi: number): void {
    const word = storeWords[kind];
    this.open("st");
    if (this.options.hashes) {
      const { hash } = this;
      hash.text(`"${word}",${visit.level},`);
      hash.hex(visit.base);
      hash.text(",");
      hash.decimal(visit.page);
      hash.text(",");
      hash.hexHalves(oldLo, oldHi);
      hash.text(",");
      hash.hexHalves(newLo, newHi);
      hash.text("]");
    }
    if (this.keeps)
      this.kept.push([
        "st",
        word,
        visit.level,
        hex(visit.base),
        visit.page,
        hexPte(oldLo, oldHi),
        hexPte(newLo, newHi),
      ]);
  }

  gotPage(page: number, refs: number): void {
    this.addCounted("get", page, refs);
  }

  putPage(kind: PutKind, page: number, refs: number): void {
    this.addCounted(putWords[kind], page, refs);
    if (refs === 0) this.addPage("free", page);
  }

  allocated(page: number): void {
    if (page === 0) this.addBare("enomem");
    else this.addPage("alloc", page);
  }

  flushedVmid(): void {
    this.addBare("tlbi_vmid");
  }

  flushedIpa(ipa: number, level: number): void {
    this.addFlush("tlbi_ipa", ipa, level);
  }

  flushedIpaLocally(ipa: number, level: number): void {
    this.addFlush("tlbi_ipa_nsh", ipa, level);
  }

  flushedRange(ipa: number, bytes: number): void {
    const pages = bytes / PAGE_BYTES;
    this.open("tlbi_range");
    if (this.options.hashes) {
      this.hash.hex(ipa);
      this.hash.text(",");
      this.closeWith(pages);
    }
    if (this.keeps) this.kept.push(["tlbi_range", hex(ipa), pages]);
  }

  cleaned(phys: number, bytes: number): void {
    this.addMemory("dc", phys, bytes);
  }

  invalidatedIcache(phys: number, bytes: number): void {
    this.addMemory("ic", phys, bytes);
  }

  barrier(): void {
    this.open("dsb");
    if (this.options.hashes) this.hash.text('"ishst"]');
    if (this.keeps) this.kept.push(["dsb", "ishst"]);
  }

  deferred(page: number, level: number): void {
    this.addCounted("rcu_defer", page, level);
  }

  ranDeferred(page: number, level: number): void {
    this.addCounted("rcu_run", page, level);
  }

  /** Whether the event just opened is kept. The first one over the limit discards all. */
  private get keeps(): boolean {
    if (this.count <= this.options.maxEvents) return true;
    if (this.kept.length > 0) this.kept = [];
    return false;
  }

  private addCounted(
    name: "get" | "put" | "fp" | "fpx" | "rcu_defer" | "rcu_run",
    page: number,
    count: number,
  ): void {
    this.open(name);
    if (this.options.hashes) {
      this.hash.decimal(page);
      this.hash.text(",");
      this.closeWith(count);
    }
    if (this.keeps) this.kept.push([name, page, count]);
  }

  private addPage(name: "alloc" | "free", page: number): void {
    this.open(name);
    if (this.options.hashes) this.closeWith(page);
    if (this.keeps) this.kept.push([name, page]);
  }

  private addBare(name: "enomem" | "tlbi_vmid"): void {
    this.endRun();
    this.separate();
    if (this.options.hashes) this.hash.text(`["${name}"]`);
    if (this.keeps) this.kept.push([name]);
  }

  private addFlush(name: "tlbi_ipa" | "tlbi_ipa_nsh", ipa: number, level: number): void {
    this.open(name);
    if (this.options.hashes) {
      this.hash.hex(ipa);
      if (level === NO_HINT) this.hash.text(',"unk"]');
      else {
        this.hash.text(",");
        this.closeWith(level);
      }
    }
    if (this.keeps) this.kept.push([name, hex(ipa), level === NO_HINT ? "unk" : level]);
  }

  private addMemory(name: "dc" | "ic", phys: number, bytes: number): void {
    this.open(name);
    if (this.options.hashes) {
      this.hash.hex(phys);
      this.hash.text(",");
      this.hash.hex(bytes);
      this.hash.text("]");
    }
    if (this.keeps) this.kept.push([name, hex(phys), hex(bytes)]);
  }

  private endRun(): void {
    const { page, level, ipa, visits } = this.run;
    if (page === 0) return;
    this.run.end();
    this.writeRun(level, ipa, page, visits);
  }

  private writeRun(level: number, ipa: number, page: number, visits: number): void {
    this.separate();
    if (this.options.hashes) {
      const { hash } = this;
      hash.text('["leaf",');
      hash.decimal(level);
      hash.text(",");
      hash.hex(ipa);
      hash.text(",");
      hash.decimal(page);
      hash.text(",");
      this.closeWith(visits);
    }
    if (this.keeps) this.kept.push(["leaf", level, hex(ipa), page, visits]);
  }

  /** Begins an event that has at least two fields. */
  private open(name: string): void {
    this.endRun();
    this.separate();
    if (!this.options.hashes) return;
    this.hash.text('["');
    this.hash.text(name);
    this.hash.text('",');
  }

  private closeWith(value: number): void {
    this.hash.decimal(value);
    this.hash.text("]");
  }

  private separate(): void {
    if (this.count++ > 0 && this.options.hashes) this.hash.text(",");
  }
}
