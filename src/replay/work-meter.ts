import { ZERO } from "../double.js";
import { Charge, type ChargeKind, chargeKinds, type Meter } from "../stage2/meter.js";
import type { PageTable } from "../stage2/page-table.js";
import { isLeaf, isTable, isValid } from "../stage2/pte.js";
import type { Plan } from "./plan.js";
import type { StoreLog } from "./store-log.js";

/** What is known of an entry beside its value. */
export const SlotFlag = {
  /** The replay knows what the entry holds: it was stored, or its table was made, in the replay. */
  known: 1,
  /** It was valid once. */
  wasValid: 2,
  /** Its table was made by a split. */
  bornOfSplit: 4,
} as const;

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
  private brokeTable = false;
  /** The range whose valid entries changed since `forgetChanges`. */
  changeStart = Number.POSITIVE_INFINITY;
  changeEnd = ZERO;
  /** Visits before the first break. */
  visitsToBreak = 0;
  private startNs = ZERO;
  private replaces = false;
  private flags = new Uint8Array(4096);
  private plan: Plan | undefined;

  constructor(private readonly log: StoreLog) {}

  /** The table whose stores are logged; set once, right after it was made. */
  table: PageTable | undefined;

  /** @param replaces whether the operation makes entries invalid only to write them anew: a map */
  begin(startNs: number, plan: Plan, replaces: boolean): void {
    this.log.beginOperation();
    this.replaces = replaces;
    this.visitsToBreak = 0;
    this.counts.fill(0);
    this.startNs = startNs;
    this.atNs = startNs + plan.beforeNs;
    this.flushedAtNs = Number.NaN;
    this.windows = 0;
    this.brokenSlot = -1;
    this.installedAtNs = Number.POSITIVE_INFINITY;
    this.plan = plan;
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
    // The recorded time to the break has these visits in it.
    if (plan.reachesBreak && this.brokenSlot < 0) return;
    this.atNs += n * (plan.unitNs[kind] as number);
    if (kind === Charge.tlbiVmid && Number.isNaN(this.flushedAtNs)) this.flushedAtNs = this.atNs;
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
    const reopened = slot === this.brokenSlot;
    if (this.replaces && wasValid && !isValid(newLo) && this.brokenSlot < 0) {
      this.visitsToBreak = this.counts[Charge.entryVisit] as number;
      this.brokenSlot = slot;
      this.brokeTable = isTable(oldLo, level);
      this.brokenAtNs = Math.round(this.atNs);
    } else if (reopened && isValid(newLo)) {
      if (this.brokeTable && isLeaf(newLo, level)) {
        this.reachInstall();
        this.windows++;
      }
      this.installedAtNs = Math.round(this.atNs);
    }
    this.log.add(slot, oldLo, oldHi, Math.round(this.atNs));
    this.setFlags(slot, SlotFlag.known | (wasValid ? SlotFlag.wasValid : 0));
    if (!isTable(newLo, level)) return;
    const isSplit = (reopened && !this.brokeTable) || (wasValid && isLeaf(oldLo, level));
    // What was unmapped with its table is no first touch in the next table there.
    const inherited = this.flagsOf(slot) & SlotFlag.wasValid;
    this.flagPage(newLo, newHi, isSplit ? SlotFlag.bornOfSplit : inherited);
  }

  private noteChange(level: number, ipa: number): void {
    const { granule } = this.table as PageTable;
    const start = granule.baseAt(ipa, level);
    const end = start + granule.bytesAt(level);
    if (start < this.changeStart) this.changeStart = start;
    if (end > this.changeEnd) this.changeEnd = end;
  }

  private reachInstall(): void {
    const { plan } = this;
    if (plan === undefined) return;
    const recordedNs = this.startNs + plan.installAtNs;
    // Without a probe at the break its time is modelled, and may come out behind the install's.
    this.atNs = Number.isNaN(recordedNs) ? this.atNs + plan.installNs : Math.max(recordedNs, this.brokenAtNs);
  }

  flagsOf(slot: number): number {
    return slot < this.flags.length ? (this.flags[slot] as number) : 0;
  }

  /** Every entry's content is unknown again: tracing was off, or events were lost. */
  forget(): void {
    for (let slot = 0; slot < this.flags.length; slot++)
      this.flags[slot] = (this.flags[slot] as number) & ~SlotFlag.known;
  }

  setFlags(slot: number, flags: number): void {
    this.reserve(slot + 1);
    this.flags[slot] = (this.flags[slot] as number) | flags;
  }

  clearPage(firstSlot: number, entries: number): void {
    this.reserve(firstSlot + entries);
    this.flags.fill(0, firstSlot, firstSlot + entries);
  }

  /** A new table's entries are known: all empty. */
  private flagPage(lo: number, hi: number, flags: number): void {
    const table = this.table as PageTable;
    const { granule } = table;
    const first = granule.slotOf(table.childOf(lo, hi), 0);
    this.reserve(first + granule.entries);
    this.flags.fill(SlotFlag.known | flags, first, first + granule.entries);
  }

  private reserve(slots: number): void {
    if (slots <= this.flags.length) return;
    const grown = new Uint8Array(Math.max(slots, this.flags.length * 2));
    grown.set(this.flags);
    this.flags = grown;
  }
}
