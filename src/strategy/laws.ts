import { StrategyError } from "../errors.js";
import { forEachLeaf } from "../stage2/leaves.js";
import { Charge, type ChargeKind, type Meter } from "../stage2/meter.js";
import type { PageTable } from "../stage2/page-table.js";
import { AF, isLeaf, isTable, isValid, S2AP_R, S2AP_W, XN_HI } from "../stage2/pte.js";
import { Errno, Stage2, type Stage2Config } from "./stage2.js";
import type { Law, Strategy } from "./strategy.js";

/** One step of a script that the laws are tried on. */
export type Operation =
  | {
      readonly op: "map";
      readonly ipa: number;
      readonly bytes: number;
      readonly phys: number;
      readonly prot: number;
      readonly cachePages?: number;
    }
  | { readonly op: "unmap" | "wrprotect"; readonly ipa: number; readonly bytes: number }
  | { readonly op: "relax"; readonly ipa: number; readonly prot: number }
  | { readonly op: "young" | "old"; readonly ipa: number };

export interface Breach {
  readonly law: Law;
  /** Index of the operation, or the script's length when the end shows it. */
  readonly at: number;
  readonly problem: string;
}

/**
 * Runs a script under a strategy, side by side with a reference, and returns each law that it broke.
 * Deviations that the strategy declares are returned too: the caller knows whether the script provokes them.
 */
export function breaches(
  strategy: Strategy,
  reference: Strategy,
  config: Stage2Config,
  script: readonly Operation[],
): Breach[] {
  const found: Breach[] = [];
  const meter = new LawMeter(strategy);
  const subject = new Stage2(config, strategy, meter);
  const model = new Stage2(config, reference, { charge() {}, stored() {} });
  meter.watch(subject.table);
  for (const [at, operation] of script.entries()) {
    const report = (law: Law, problem: string) => found.push({ law, at, problem });
    meter.begin(operation.op === "map", report);
    let answer: number;
    try {
      answer = perform(subject, operation);
    } catch (error) {
      if (!(error instanceof StrategyError)) throw error;
      report("no-error", error.message);
      return found;
    }
    meter.end();
    const expected = perform(model, operation);
    if (!agrees(strategy, operation, answer, expected))
      report("same-answer", `${operation.op} returned ${answer}, not ${expected}`);
    for (const problem of countingErrors(subject.table)) report("exact-references", problem);
    subject.endOperation();
    model.endOperation();
    const leaked = subject.table.livePages - reachablePages(subject.table);
    if (leaked !== 0) report("nothing-leaked", `${leaked} live pages cannot be reached`);
  }
  const report = (law: Law, problem: string) => found.push({ law, at: script.length, problem });
  const [ours, theirs] = [contents(subject.table), contents(model.table)];
  const differing = ours.findIndex((line, i) => line !== theirs[i]);
  if (differing >= 0 || ours.length !== theirs.length) {
    const i = differing >= 0 ? differing : ours.length;
    report("same-table", `${ours[i] ?? "nothing"} where the reference has ${theirs[i] ?? "nothing"}`);
  }
  subject.destroy();
  if (subject.table.livePages !== 0)
    report("nothing-leaked", `${subject.table.livePages} pages outlive the table`);
  return found;
}

/** Under the read lock, relaxing or ageing what is not mapped answers -EAGAIN; else 0 (golden truth 5). */
function agrees(strategy: Strategy, { op }: Operation, answer: number, expected: number): boolean {
  if (answer === expected) return true;
  const isRefault = strategy.generation.faultsShareLock && (op === "relax" || op === "young");
  return isRefault && answer === Errno.EAGAIN && expected === 0;
}

function perform(stage2: Stage2, operation: Operation): number {
  switch (operation.op) {
    case "map":
      return stage2.map(operation.ipa, operation.bytes, operation.phys, operation.prot, operation.cachePages);
    case "unmap":
      return stage2.unmap(operation.ipa, operation.bytes);
    case "wrprotect":
      return stage2.wrprotect(operation.ipa, operation.bytes);
    case "relax":
      return stage2.relaxPerms(operation.ipa, operation.prot);
    case "young":
      return stage2.mkyoung(operation.ipa);
    case "old":
      return stage2.mkold(operation.ipa);
  }
}

/** Watches one strategy's stores, flushes and cleans in their order. */
class LawMeter implements Meter {
  private table: PageTable | undefined;
  private report: (law: Law, problem: string) => void = () => {};
  private readonly unflushed = new Set<number>();
  private cleanedBytes = 0;
  private watchesCleans = false;
  /** False behind an operation: what a deferred free stores is in tables that nobody can reach. */
  private isRunning = false;

  constructor(private readonly strategy: Strategy) {}

  watch(table: PageTable): void {
    this.table = table;
  }

  begin(maps: boolean, report: (law: Law, problem: string) => void): void {
    this.report = report;
    this.isRunning = true;
    // Where the fault path cleans, that is the caller's duty; with FWB nobody's.
    this.watchesCleans = maps && !this.strategy.faultPathCleans && this.table?.format.fwb === false;
    this.cleanedBytes = 0;
  }

  end(): void {
    if (this.unflushed.size > 0) this.report("break-before-make", "a broken entry was never flushed");
    this.unflushed.clear();
    this.isRunning = false;
  }

  charge(kind: ChargeKind, n: number): void {
    if (kind === Charge.tlbiVmid || kind === Charge.tlbiIpa || kind === Charge.tlbiRange)
      this.unflushed.clear();
    if (kind === Charge.cleanByte) this.cleanedBytes += n;
  }

  stored(
    slot: number,
    level: number,
    ipa: number,
    oldLo: number,
    oldHi: number,
    newLo: number,
    newHi: number,
  ): void {
    if (!this.isRunning) return;
    const where = `level ${level}, 0x${ipa.toString(16)}`;
    if (isValid(oldLo) && !isValid(newLo)) this.unflushed.add(slot);
    if (!isValid(newLo)) return;
    if (isValid(oldLo)) {
      if (!mayChangeInPlace(level, oldLo, oldHi, newLo, newHi))
        this.report("break-before-make", `${where}: a valid entry was replaced`);
      return;
    }
    if (this.unflushed.has(slot))
      this.report("break-before-make", `${where}: a new entry was made before the old one was flushed`);
    const { table } = this;
    if (table === undefined || !this.watchesCleans) return;
    if (!isLeaf(newLo, level) || !table.format.isCacheable(newLo)) return;
    if (this.cleanedBytes < table.granule.bytesAt(level))
      this.report("clean-before-visible", `${where}: ${this.cleanedBytes} bytes were cleaned`);
    this.cleanedBytes = 0;
  }
}

/** Permissions and the access flag may change while the entry is valid; all else needs a break. */
function mayChangeInPlace(
  level: number,
  oldLo: number,
  oldHi: number,
  newLo: number,
  newHi: number,
): boolean {
  if (isTable(oldLo, level) || isTable(newLo, level)) return oldLo === newLo && oldHi === newHi;
  return ((oldLo ^ newLo) & ~(S2AP_R | S2AP_W | AF)) === 0 && ((oldHi ^ newHi) & ~XN_HI) === 0;
}

/** Calls back for each page that can be reached, with the number of valid entries in it. */
function forEachPage(table: PageTable, visit: (page: number, entries: number) => void): void {
  const { granule } = table;
  const below = (page: number, level: number): void => {
    let entries = 0;
    for (let i = 0; i < granule.entries; i++) {
      const slot = granule.slotOf(page, i);
      const lo = table.lo(slot);
      if (isValid(lo)) entries++;
      if (isTable(lo, level)) below(table.childOf(lo, table.hi(slot)), level + 1);
    }
    visit(page, entries);
  };
  for (let i = 0; i < granule.rootPages; i++) below(granule.pageOf(table.rootSlot) + i, granule.startLevel);
}

function reachablePages(table: PageTable): number {
  let pages = 0;
  forEachPage(table, () => {
    pages++;
  });
  return pages;
}

function countingErrors(table: PageTable): string[] {
  const errors: string[] = [];
  forEachPage(table, (page, entries) => {
    const refs = table.refsOf(page);
    if (refs !== entries + 1) errors.push(`page ${page} with ${entries} entries counts ${refs}`);
  });
  return errors;
}

/** The table's leaves and its size, one line each. */
function contents(table: PageTable): string[] {
  const lines: string[] = [];
  forEachLeaf(table, (ipa, level, lo, hi) => {
    lines.push(`0x${ipa.toString(16)} level ${level}: ${hi.toString(16)}:${lo.toString(16)}`);
  });
  lines.push(`${table.livePages} pages`);
  return lines;
}
