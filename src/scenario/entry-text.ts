import { hex, leafText, protLetters } from "../stage2/address-text.js";
import type { PageTable } from "../stage2/page-table.js";
import { isAccessed, isTable, isValid } from "../stage2/pte.js";

/** The two 32-bit halves of an entry. */
interface Entry {
  readonly lo: number;
  readonly hi: number;
}

function entryOf(text: string): Entry {
  const digits = text.slice(2);
  return { lo: Number.parseInt(digits.slice(-8), 16), hi: Number.parseInt(digits.slice(0, -8) || "0", 16) };
}

/** Describes PTE stores: what an entry was, and what it becomes. */
export class EntryText {
  /** Values that a compare-and-exchange left in an entry that is not valid. */
  private readonly locks = new Set<string>();

  /** @param brief omits all but the last four digits of an entry, and the address a leaf maps to */
  constructor(
    private readonly table: PageTable,
    private readonly brief: boolean,
  ) {}

  /** `PTE 0x..4003 -> 0x..4002 (table p4, valid bit off)` */
  store(kind: "w" | "rel" | "cas", level: number, old: string, entry: string): string {
    if (kind === "cas" && !isValid(entryOf(entry).lo) && entry !== "0x0") this.locks.add(entry);
    const meaning = this.meaning(level, entryOf(old), entryOf(entry));
    const how = { w: "", rel: "release", cas: "cmpxchg" }[kind];
    const notes = [meaning, how].filter((note) => note !== "").join(", ");
    return `PTE ${this.value(old)} -> ${this.value(entry)}${notes === "" ? "" : ` (${notes})`}`;
  }

  private value(text: string): string {
    if (this.locks.has(text)) return "locked";
    if (text === "0x0") return "0";
    return this.brief && text.length > 8 ? `0x..${text.slice(-4)}` : text;
  }

  private meaning(level: number, old: Entry, entry: Entry): string {
    if (isValid(entry.lo)) {
      const changed = isValid(old.lo) ? this.change(level, old, entry) : undefined;
      return changed ?? this.content(level, entry);
    }
    if (!isValid(old.lo)) return "";
    const keepsRest = entry.hi === old.hi && entry.lo === (old.lo & ~1) >>> 0;
    return this.content(level, old) + (keepsRest ? ", valid bit off" : "");
  }

  /** What differs between two valid leaves that map the same memory; undefined for any other two entries. */
  private change(level: number, old: Entry, entry: Entry): string | undefined {
    const { format } = this.table;
    if (isTable(old.lo, level) || isTable(entry.lo, level)) return undefined;
    if (format.physOf(old.lo, old.hi) !== format.physOf(entry.lo, entry.hi)) return undefined;
    const before = this.letters(old);
    const after = this.letters(entry);
    const flag = isAccessed(entry.lo) ? "AF on" : "AF off";
    const parts = [
      ...(before === after ? [] : [`${before} -> ${after}`]),
      ...(isAccessed(old.lo) === isAccessed(entry.lo) ? [] : [flag]),
    ];
    return `${this.leaf(level)} ${parts.length === 0 ? "as before" : parts.join(", ")}`;
  }

  private content(level: number, entry: Entry): string {
    const { format } = this.table;
    if (isTable(entry.lo, level)) return `table p${format.childOf(entry.lo, entry.hi)}`;
    const where = this.brief ? "" : `${hex(format.physOf(entry.lo, entry.hi))} `;
    return `${this.leaf(level)} ${where}${this.letters(entry)}`;
  }

  private leaf(level: number): string {
    return leafText(level, this.table.granule.bytesAt(level));
  }

  private letters(entry: Entry): string {
    return protLetters(this.table.format.protOf(entry.lo, entry.hi)) || "no access";
  }
}
