import { hex, protLetters } from "../stage2/address-text.js";
import { countLeaves } from "../stage2/leaves.js";
import type { OpsObserver } from "../stage2/ops.js";
import { isAccessed, isValid } from "../stage2/pte.js";
import { tee } from "../stage2/tee.js";
import type { Strategy } from "../strategy/strategy.js";
import { EventCount, type Windows } from "./event-count.js";
import { EventLog, hexPte, type WalkEvent } from "./event-log.js";
import { type Extent, ExtentHash, extentsOf } from "./extents.js";
import { HashText } from "./hash-text.js";
import type { Operation, Script } from "./script.js";
import { type Return, ScriptRun } from "./script-run.js";

/** What one operation did. The keys are in the order of the golden files. */
export interface GoldenLine {
  readonly s: string;
  /** Number of the operation; 0 is the creation of the table. */
  readonly i: number;
  readonly op: string;
  readonly ret: Return;
  readonly cfg?: { readonly ver: string; readonly fwb: number; readonly range: number; readonly ipa: number };
  readonly level?: number;
  readonly pte?: string;
  readonly valid?: number;
  readonly phys?: string;
  readonly prot?: string;
  readonly leaves?: readonly Extent[];
  /** null: there were more than are kept. Absent: none are kept. */
  readonly ev?: readonly WalkEvent[] | null;
  readonly en: number;
  readonly eh?: string;
  readonly n: EventCount["counters"];
  readonly win?: Windows;
  readonly live: number;
  readonly rsum: number;
  readonly rh?: string;
  readonly rc?: readonly (readonly [page: number, refs: number])[];
  readonly lv: readonly [number, number, number];
  readonly lh?: string;
}

export interface LineOptions {
  /** If there are more events than this, `ev` is null; if undefined, `ev` is absent. */
  readonly maxEvents: number | undefined;
  /** If false, `eh`, `rh` and `lh` are omitted: counting alone is several times faster. */
  readonly hashes: boolean;
  /** Whether a sanitizer watches; `run.sanitizer` has its findings. */
  readonly sanitizes?: boolean;
  /** Observes the walks in addition to the log. */
  readonly observer?: OpsObserver;
}

/** Reference counts are listed while at most this many table pages are live. */
const LISTED_PAGES = 12;

/** Runs a scenario and describes each operation as the golden files do. */
export class GoldenWalk {
  readonly run: ScriptRun;
  private readonly count = new EventCount();
  private readonly log: EventLog | undefined;
  private readonly extentHash = new ExtentHash();
  private readonly refsHash = new HashText();
  private operations = 0;

  constructor(
    readonly strategy: Strategy,
    private readonly script: Script,
    private readonly options: LineOptions,
  ) {
    const { maxEvents, hashes, sanitizes, observer } = options;
    if (maxEvents !== undefined || hashes) this.log = new EventLog({ maxEvents: maxEvents ?? -1, hashes });
    const observers = [this.count, this.log, observer].filter((each) => each !== undefined);
    this.run = new ScriptRun(strategy, script, tee(...observers), sanitizes);
  }

  /** One line for the creation of the table, then one per operation. */
  *lines(): Generator<GoldenLine> {
    this.begin();
    this.run.begin();
    yield this.line("init", 0, { cfg: this.config() });
    for (const operation of this.script.operations) {
      this.operations++;
      this.begin();
      const returned = this.run.operate(operation);
      yield this.line(operation.text, returned, this.answer(operation));
    }
  }

  private begin(): void {
    this.count.begin();
    this.log?.begin();
  }

  private config(): NonNullable<GoldenLine["cfg"]> {
    const { fwb, tlbiRange, iaBits } = this.script;
    return {
      ver: this.strategy.golden ?? this.strategy.name,
      fwb: Number(fwb),
      range: Number(tlbiRange),
      ipa: iaBits,
    };
  }

  private answer(operation: Operation): Partial<GoldenLine> {
    if (operation.name === "dump") return { leaves: extentsOf(this.run.stage2.table) };
    if (operation.name !== "lookup") return {};
    const { level, lo, hi } = this.run.translation;
    const found = { level, pte: hexPte(lo, hi), valid: Number(isValid(lo)) };
    if (!isValid(lo)) return found;
    const { format, granule } = this.run.stage2.table;
    const offset = operation.ipa - granule.baseAt(operation.ipa, level);
    return {
      ...found,
      phys: hex(format.physOf(lo, hi) + offset),
      prot: protLetters(format.protOf(lo, hi), isAccessed(lo)),
    };
  }

  private line(op: string, ret: Return, answer: Partial<GoldenLine>): GoldenLine {
    const { count, log, options } = this;
    const { table } = this.run.stage2;
    const { windows } = count;
    const { rsum, rc, rh } = this.references();
    return {
      s: this.script.name,
      i: this.operations,
      op,
      ret,
      ...answer,
      ...(options.maxEvents === undefined ? {} : { ev: log?.events ?? null }),
      en: count.events,
      ...(options.hashes ? { eh: log!.digest() } : {}),
      n: count.counters,
      ...(windows === undefined ? {} : { win: windows }),
      live: table.livePages,
      rsum,
      ...(options.hashes ? { rh } : {}),
      ...(table.livePages <= LISTED_PAGES ? { rc } : {}),
      lv: countLeaves(table),
      ...(options.hashes ? { lh: this.extentHash.of(table) } : {}),
    };
  }

  private references(): { rsum: number; rc: [page: number, refs: number][]; rh: string } {
    const { table } = this.run.stage2;
    const lists = table.livePages <= LISTED_PAGES;
    const rc: [page: number, refs: number][] = [];
    let rsum = 0;
    this.refsHash.begin();
    for (let page = 1; page < table.pageLimit; page++) {
      const refs = table.refsOf(page);
      if (refs === 0) continue;
      rsum += refs;
      if (lists) rc.push([page, refs]);
      if (!this.options.hashes) continue;
      this.refsHash.decimal(page);
      this.refsHash.text(":");
      this.refsHash.decimal(refs);
      this.refsHash.text(",");
    }
    return { rsum, rc, rh: this.refsHash.digest() };
  }
}
