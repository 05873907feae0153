import { ZERO } from "../double.js";
import { countLeaves, forEachLeafBelow } from "../stage2/leaves.js";
import { Charge, type ChargeKind, chargeKinds, type Meter } from "../stage2/meter.js";
import type { PageTable } from "../stage2/page-table.js";
import { isLeaf, isTable, isValid } from "../stage2/pte.js";
import type { Plan } from "./plan.js";
import { SlotFlag, SlotFlags } from "./slot-flags.js";
import type { StoreLog } from "./store-log.js";

/**
 * Counts and times one VM's walks. Before a walk it gets a plan (the time of each unit of work) and the start time; the
 * walk's charges advance its clock, and each store is logged at its own time.
 */
export class WorkMeter implements Meter {
  /** Work of the current operation, by charge kind. */
  readonly counts = new Float64Array(chargeKinds);
  /** Current time of the walk. */
  atNs = ZERO;
  /** When the first VMID flush was done; NaN = no flush yet. */
  flushedAtNs = Number.NaN;
  /** The entry that the operation made invalid in order to replace it; its window is [brokenAt, installedAt). */
  brokenSlot = -1;
  brokenAtNs = ZERO;
  installedAtNs = Number.POSITIVE_INFINITY;
  /** Table -> block replacements of the operation. */
  windows = 0;
  /** Times of the first put and of the last free, or deferral, in a walk; NaN = none yet. */
  firstPutAtNs = Number.NaN;
  lastFreeAtNs = Number.NaN;
  private brokeTable = false;
  /** The range whose valid entries have changed since `forgetChanges`. */
  changeStart = Number.POSITIVE_INFINITY;
  changeEnd = ZERO;
  /** The work done before the break of the window's entry, and before its install. */
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

  /** Valid leaves in the table, by level; undefined if they are not counted. */
  leaves: Float64Array | undefined;

  /** Sets the table whose stores are logged; call it once, right after the table was created. */
  attach(table: PageTable): void {
    this.table = table;
    this.flags = new SlotFlags(table.granule.entries);
  }

  /** @param replaces whether the operation makes entries invalid only to store them again, as map does */
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

  /** Corrects the times that the walk was run with. */
  retime(breakNs: number, flushNs: number, installNs: number, teardownNs: number, endNs: number): void {
    this.brokenAtNs = breakNs;
    this.installedAtNs = installNs;
    if (!Number.isNaN(this.flushedAtNs)) this.flushedAtNs = breakNs + flushNs;
    const hasFreed = (this.counts[Charge.tableFree] as number) > 0 && teardownNs > 0;
    this.firstPutAtNs = hasFreed ? endNs - teardownNs : Number.NaN;
    this.lastFreeAtNs = hasFreed ? endNs : Number.NaN;
  }

  /** Begins work that is counted but takes none of the operation's time: deferred frees. */
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
    // A deferred free clears entries that no walk can reach.
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
    // Memory unmapped with its table is no first touch in the next table; a table below a split is part of it.
    const inherited = this.flags.of(slot) & (SlotFlag.wasValid | SlotFlag.bornOfSplit);
    this.flagPage(newLo, newHi, isSplit ? SlotFlag.bornOfSplit : inherited);
  }

  /** Counts leaves from now on; called again if anything but a walk changed the table. */
  countLeaves(): void {
    const counts = countLeaves(this.table as PageTable);
    this.leaves = Float64Array.of(0, ...counts);
  }

  /** Adds the leaves that an entry leads to (`sign` 1), or removes them (-1). */
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
    // Without a probe at the break, its time is modelled, and may be later than the install's.
    if (!Number.isNaN(recordedNs)) this.atNs = Math.max(recordedNs, this.brokenAtNs);
  }

  /** Marks a new table's entries as known: all are empty. */
  private flagPage(lo: number, hi: number, flags: number): void {
    const table = this.table as PageTable;
    const { granule } = table;
    this.flags.fill(granule.slotOf(table.childOf(lo, hi), 0), granule.entries, SlotFlag.known | flags);
  }
}
