import { forEachLeaf } from "../stage2/leaves.js";
import type { Meter } from "../stage2/meter.js";
import { Translation } from "../stage2/page-table.js";
import { isAccessed, isValid, Prot } from "../stage2/pte.js";
import { EventLog, type GoldenEvent, hex, hexPte } from "./golden-log.js";
import { Stage2 } from "./stage2.js";
import type { Strategy } from "./strategy.js";

/** What one operation of a golden script did, in the fields and words of the golden files. */
export interface GoldenLine {
  ret: number | string | boolean | null;
  ev: GoldenEvent[];
  n: Record<string, number>;
  win: [number, number, number] | undefined;
  live: number;
  rsum: number;
  rc: [number, number][];
  lv: [number, number, number];
  level?: number;
  pte?: string;
  valid?: number;
  phys?: string;
  prot?: string;
  leaves?: (string | number)[][];
}

const silent: Meter = { charge() {}, stored() {} };

function protOf(letters: string): number {
  let prot = 0;
  for (const letter of letters) {
    if (letter === "r") prot |= Prot.R;
    if (letter === "w") prot |= Prot.W;
    if (letter === "x") prot |= Prot.X;
    if (letter === "d") prot |= Prot.DEVICE;
  }
  return prot;
}

function lettersOf(prot: number, accessed: boolean): string {
  return (
    (prot & Prot.R ? "r" : "") +
    (prot & Prot.W ? "w" : "") +
    (prot & Prot.X ? "x" : "") +
    (prot & Prot.DEVICE ? "d" : "") +
    (accessed ? "a" : "")
  );
}

/** Runs the operations of one golden scenario. */
export class GoldenRun {
  private readonly log = new EventLog();
  private readonly stage2: Stage2;

  /** @param header the scenario's first line: `S name fwb=0|1 range=0|1 [ipa=N]` */
  constructor(strategy: Strategy, header: string) {
    const option = (name: string): number | undefined => {
      const match = new RegExp(`\\b${name}=(\\d+)`).exec(header);
      return match === null ? undefined : Number(match[1]);
    };
    const config = {
      granuleBytes: 4096,
      iaBits: option("ipa") ?? 40,
      fwb: option("fwb") === 1,
      hasTlbiRange: option("range") === 1,
      recyclesPages: false,
    };
    this.stage2 = new Stage2(config, strategy, silent);
    this.stage2.ops.observer = this.log;
  }

  /** What making the table looks like: the kernel's own allocation is not in ops. */
  init(): GoldenLine {
    this.log.begin();
    for (let page = 1; page <= this.stage2.table.granule.rootPages; page++) this.log.allocated(page);
    this.log.barrier();
    return this.line(0);
  }

  /** @param text an operation as the script has it */
  operation(text: string): GoldenLine {
    this.log.begin();
    const [name, ...words] = text.trim().split(/\s+/);
    const at = (index: number): number => Number(words[index]);
    const { stage2 } = this;
    const { lastLeaf } = stage2;
    const { mkyoungReturns, ageReturns } = stage2.strategy.generation;
    let ret: GoldenLine["ret"] = 0;
    let lookup: Translation | undefined;
    switch (name) {
      case "map":
        ret = stage2.map(at(0), at(1), at(2), protOf(words[3]!), words[4] === undefined ? undefined : at(4));
        break;
      case "fill":
        for (let i = 0; i < at(1); i++) {
          const offset = i * at(2);
          if (stage2.map(at(0) + offset, 4096, at(3) + offset, protOf(words[4]!)) !== 0) ret++;
        }
        break;
      case "unmap":
        ret = stage2.unmap(at(0), at(1));
        break;
      case "wp":
        ret = stage2.wrprotect(at(0), at(1));
        break;
      case "flush":
        ret = stage2.flush(at(0), at(1));
        break;
      case "relax":
        ret = stage2.relaxPerms(at(0), protOf(words[1]!));
        break;
      case "young":
        stage2.mkyoung(at(0));
        ret = mkyoungReturns === "entry" ? hexPte(lastLeaf.lo, lastLeaf.hi) : null;
        break;
      case "old":
        stage2.mkold(at(0));
        ret = ageReturns === "entry" ? hexPte(lastLeaf.lo, lastLeaf.hi) : Number(isAccessed(lastLeaf.lo));
        break;
      case "isyoung":
        ret = Number(stage2.isYoung(at(0)));
        break;
      case "lookup":
        lookup = new Translation();
        stage2.table.translate(at(0), lookup);
        break;
      case "destroy":
        stage2.destroy();
        break;
      case "dump":
        break;
      default:
        throw new Error(`unknown operation ${text}`);
    }
    stage2.endOperation();
    const line = this.line(ret);
    if (lookup !== undefined) {
      line.level = lookup.level;
      line.pte = hexPte(lookup.lo, lookup.hi);
      line.valid = Number(isValid(lookup.lo));
      if (isValid(lookup.lo)) {
        const { format, granule } = stage2.table;
        const offset = at(0) - granule.baseAt(at(0), lookup.level);
        line.phys = hex(format.physOf(lookup.lo, lookup.hi) + offset);
        line.prot = lettersOf(format.protOf(lookup.lo, lookup.hi), isAccessed(lookup.lo));
      }
    }
    if (name === "dump") line.leaves = this.leaves();
    return line;
  }

  private line(ret: GoldenLine["ret"]): GoldenLine {
    const { table } = this.stage2;
    const rc: [number, number][] = [];
    for (let page = 1; page < table.pageLimit; page++)
      if (table.refsOf(page) > 0) rc.push([page, table.refsOf(page)]);
    const lv: [number, number, number] = [0, 0, 0];
    forEachLeaf(table, (_, level) => {
      lv[level - 1]!++;
    });
    const { windows } = this.log;
    return {
      ret,
      ev: this.log.events,
      n: this.log.counts,
      win:
        windows.length === 0
          ? undefined
          : [windows.length, windows.reduce((a, b) => a + b, 0), windows.reduce((a, b) => Math.max(a, b), 0)],
      live: table.livePages,
      rsum: rc.reduce((sum, [, refs]) => sum + refs, 0),
      rc,
      lv,
    };
  }

  private leaves(): (string | number)[][] {
    const { table } = this.stage2;
    const rows: { ipa: number; level: number; phys: number; letters: string; count: number }[] = [];
    forEachLeaf(table, (ipa, level, lo, hi) => {
      const phys = table.format.physOf(lo, hi);
      const letters = lettersOf(table.format.protOf(lo, hi), isAccessed(lo));
      const last = rows.at(-1);
      const bytes = table.granule.bytesAt(level);
      if (
        last !== undefined &&
        // Runs end where a table does; the concatenated root pages are one table.
        (level === table.granule.startLevel || table.granule.indexAt(ipa, level) !== 0) &&
        last.level === level &&
        last.letters === letters &&
        last.ipa + last.count * bytes === ipa &&
        last.phys + last.count * bytes === phys
      )
        last.count++;
      else rows.push({ ipa, level, phys, letters, count: 1 });
    });
    return rows.map((row) => [hex(row.ipa), row.level, hex(row.phys), row.letters, row.count]);
  }
}
