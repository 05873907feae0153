import { ZERO } from "../double.js";
import { countLeaves, forEachLeafBelow } from "../stage2/leaves.js";
import { Charge, type ChargeKind, chargeKinds, type Meter } from "../stage2/meter.js";
import type { PageTable } from "../stage2/page-table.js";
import { isLeaf, isTable, isValid } from "../stage2/pte.js";
import type { Plan } from "./plan.js";
import { SlotFlag, SlotFlags } from "./slot-flags.js";
import type { StoreLog } from "./store-log.js";

/**
 * Counts and times one VM's walks. Before a walk it is given a plan (what a unit of each kind takes here, and
 * when the walk starts); the walk's charges move its clock, and each store is logged at its own time.
 */
export class WorkMeter implements Meter {
  /** Work of the operation under way, by charge kind. */
  readonly counts = new Float64Array(chargeKinds);
  /** Time of the walk so far. */
  atNs = ZERO;
  /** When the VMID flush was done; NaN = no flush yet. */
  flushedAtNs = Number.NaN;
  /** The entry that the operation made invalid, to replace it: its window is [brokenAt, installedAt). */
  brokenSlot = -1;
  brokenAtNs = ZERO;
  installedAtNs = Number.POSITIVE_INFINITY;
  /** Table -> block replacements of the operation. */
  windows = 0;
  /** From the first put to the last free of a walk that has freed a table. */
  firstPutAtNs = Number.NaN;
  lastFreeAtNs = Number.NaN;
  private brokeTable = false;
  /** The range whose valid entries changed since `forgetChanges`. */
  changeStart = Number.POSITIVE_INFINITY;
  changeEnd = ZERO;
  /** What had been done at the break of the entry whose window it is, and at its install. */
  readonly countsToBreak = new Float64Array(chargeKinds);
  readonly countsToInstall = new Float64Array(chargeKinds);
  /** Visits before the first break. */
  visitsToBreak = 0;
  private startNs = ZERO;
  private replaces = false;
  private plan: Plan | undefined;

  constructor(private readonly log: StoreLog) {}

  private table: PageTable | undefined;
  flags = new SlotFlags(512);

  /** Valid leaves in the table, by level; undefined where nobody asked for them. */
  leaves: Float64Array | undefined;

  /** Says whose stores are logged; once, right after the table was made. */
  attach(table: PageTable): void {
    this.table = table;
    this.flags = new SlotFlags(table.granule.entries);
  }

  /** @param replaces whether the operation makes entries invalid only to write them anew: a map */
  begin(startNs: number, plan: Plan, replaces: boolean): void {
    this.log.beginOperation();
    this.replaces = replaces;
    this.visitsToBreak = 0;
    this.counts.fill(0);
    this.startNs = startNs;
    this.atNs = startNs + plan.beforeNs;
    this.flushedAtNs = Number.NaN;
    this.firstPutAtNs = this.lastFreeAtNs = Number.NaN;
    this.windows = 0;
    this.brokenSlot = -1;
    this.installedAtNs = Number.POSITIVE_INFINITY;
    this.plan = plan;
  }

  /** The walk takes other times than it was run with. */
  retime(breakNs: number, flushNs: number, installNs: number, teardownNs: number, endNs: number): void {
    this.brokenAtNs = breakNs;
    this.installedAtNs = installNs;
    if (!Number.isNaN(this.flushedAtNs)) this.flushedAtNs = breakNs + flushNs;
    const hasFreed = (this.counts[Charge.tableFree] as number) > 0 && teardownNs > 0;
    this.firstPutAtNs = hasFreed ? endNs - teardownNs : Number.NaN;
    this.lastFreeAtNs = hasFreed ? endNs : Number.NaN;
  }

  /** What follows is counted, and takes no time of the operation's: deferred frees. */
  beginUntimed(): void {
    this.counts.fill(0);
    this.plan = undefined;
  }

  charge(kind: ChargeKind, n: number): void {
    this.counts[kind] = (this.counts[kind] as number) + n;
    const plan = this.plan;
    if (plan === undefined) return;
    const sinceNs = this.atNs;
    this.atNs += n * (plan.unitNs[kind] as number);
    if (kind === Charge.tlbiVmid && Number.isNaN(this.flushedAtNs)) this.flushedAtNs = this.atNs;
    else if (kind === Charge.pagePut && Number.isNaN(this.firstPutAtNs)) this.firstPutAtNs = sinceNs;
    else if (kind === Charge.tableFree || kind === Charge.deferFree) this.lastFreeAtNs = this.atNs;
  }

  forgetChanges(): void {
    this.changeStart = Number.POSITIVE_INFINITY;
    this.changeEnd = 0;
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
    // A deferred free clears entries that no walk can come by.
    if (this.plan === undefined) return;
    const wasValid = isValid(oldLo);
    if (wasValid) this.noteChange(level, ipa);
    if (this.leaves !== undefined) {
      this.addLeaves(this.leaves, level, oldLo, oldHi, -1);
      this.addLeaves(this.leaves, level, newLo, newHi, 1);
    }
    const reopened = slot === this.brokenSlot;
    let { atNs } = this;
    if (this.replaces && wasValid && !isValid(newLo) && this.brokenSlot < 0) {
      this.visitsToBreak = this.counts[Charge.entryVisit] as number;
      this.brokenSlot = slot;
      this.countsToBreak.set(this.counts);
      this.brokeTable = isTable(oldLo, level);
      if (!Number.isNaN(this.plan.breakAtNs)) atNs = this.startNs + this.plan.breakAtNs;
      this.brokenAtNs = Math.round(atNs);
    } else if (reopened && isValid(newLo)) {
      if (this.brokeTable && isLeaf(newLo, level)) {
        this.reachInstall();
        this.windows++;
        atNs = this.atNs;
      }
      this.installedAtNs = Math.round(atNs);
      this.countsToInstall.set(this.counts);
    }
    if (isTable(newLo, level)) atNs -= this.plan.tableLeadNs;
    this.log.add(slot, oldLo, oldHi, Math.round(atNs));
    this.flags.add(slot, SlotFlag.known | (wasValid ? SlotFlag.wasValid : 0));
    if (!isTable(newLo, level)) return;
    const isSplit = (reopened && !this.brokeTable) || (wasValid && isLeaf(oldLo, level));
    // What was unmapped with its table is no first touch in the next table there; and a table below a split is of it.
    const inherited = this.flags.of(slot) & (SlotFlag.wasValid | SlotFlag.bornOfSplit);
    this.flagPage(newLo, newHi, isSplit ? SlotFlag.bornOfSplit : inherited);
  }

  /** From here on leaves are counted; and once more where the table was changed by other than a walk. */
  countLeaves(): void {
    const counts = countLeaves(this.table as PageTable);
    this.leaves = Float64Array.of(0, ...counts);
  }

  /** What an entry leads to is in the table now, or no more. */
  private addLeaves(leaves: Float64Array, level: number, lo: number, hi: number, sign: number): void {
    const table = this.table as PageTable;
    if (isTable(lo, level)) {
      forEachLeafBelow(table, table.childOf(lo, hi), level + 1, 0, (_, at) => {
        leaves[at] = (leaves[at] as number) + sign;
      });
    } else if (isValid(lo)) leaves[level] = (leaves[level] as number) + sign;
  }

  private noteChange(level: number, ipa: number): void {
    const { granule } = this.table as PageTable;
    const start = granule.baseAt(ipa, level);
    const end = start + granule.bytesAt(level);
    if (start < this.changeStart) this.changeStart = start;
    if (end > this.changeEnd) this.changeEnd = end;
  }

  private reachInstall(): void {
    const recordedNs = this.startNs + (this.plan as Plan).installAtNs;
    // Without a probe at the break its time is modelled, and may come out behind the install's.
    if (!Number.isNaN(recordedNs)) this.atNs = Math.max(recordedNs, this.brokenAtNs);
  }

  /** A new table's entries are known: all empty. */
  private flagPage(lo: number, hi: number, flags: number): void {
    const table = this.table as PageTable;
    const { granule } = table;
    this.flags.fill(granule.slotOf(table.childOf(lo, hi), 0), granule.entries, SlotFlag.known | flags);
  }
}
