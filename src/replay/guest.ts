import { type Activity, NO_INFERENCE, type Operation, OperationKind } from "../activity/activity.js";
import { VmMemory } from "../activity/vm.js";
import { FaultClass, faultClass, faultLevel, isExec, isGuestTableWalk, isWrite } from "../stage2/esr.js";
import { LAST_LEVEL, NO_SLOT } from "../stage2/granule.js";
import { Translation } from "../stage2/page-table.js";
import { isAccessed, isLeaf, isTable, isValid, Prot, permits } from "../stage2/pte.js";
import type { Sanitizer } from "../stage2/sanitizer.js";
import { SanitizedStage2 } from "../strategy/sanitized-stage2.js";
import { Errno, Stage2, type Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import { Shape } from "./plan.js";
import { SlotFlag } from "./slot-flags.js";
import { Splits } from "./splits.js";
import { StoreLog } from "./store-log.js";
import { TableAhead } from "./table-ahead.js";
import { WorkMeter } from "./work-meter.js";

/** The access succeeds; other answers are a FaultClass. */
export const HIT = -1;

/** Most leaves of one look-ahead, since it may turn out to be wasted. */
const PASSABLE_LEAVES = 8192;

/** One VM's guest in one replay: its memory, its stage-2 table, and the table's recent past. */
export class Guest {
  readonly memory = new VmMemory();
  readonly log = new StoreLog();
  readonly meter = new WorkMeter(this.log);
  readonly stage2: Stage2;
  readonly splits: Splits;
  readonly ahead: TableAhead;
  /** Where the last `access` ended. */
  readonly seen = new Translation();
  private readonly probe = new Translation();
  /** Activities whose operations have run in the table but have not ended in replayed time. */
  private inFlight = 0;
  /** A counted activity has queued tables for a deferred free. */
  private countsDeferred = false;

  /** Watches the table if the run is sanitized. */
  readonly sanitizer: Sanitizer | undefined;

  constructor(
    config: Stage2Config,
    readonly strategy: Strategy,
    sanitizes: boolean,
  ) {
    if (sanitizes) {
      const stage2 = new SanitizedStage2(config, strategy, this.meter);
      this.sanitizer = stage2.sanitizer;
      this.stage2 = stage2;
    } else this.stage2 = new Stage2(config, strategy, this.meter);
    this.meter.attach(this.stage2.table);
    this.ahead = new TableAhead(this.stage2.table, this.meter.flags);
    this.splits = new Splits(this.stage2.table.granule);
  }

  /** Makes the access of `activity` as of `atNs`. @returns HIT or the FaultClass of the abort; `seen` is the entry */
  access(activity: Activity, atNs: number): number {
    const { esr, ipa } = activity;
    return this.accessTo(ipa, isWrite(esr), isExec(esr) && !isGuestTableWalk(esr), atNs);
  }

  accessTo(ipa: number, write: boolean, exec: boolean, atNs: number): number {
    const seen = this.seen;
    this.stage2.table.translate(ipa, seen, this.log.asOf(atNs));
    return answer(seen.lo, seen.hi, write, exec);
  }

  /** Whether running operations may change an entry that translates `[start, end)`. */
  isChanging(start: number, end: number): boolean {
    return start < this.meter.changeEnd && end > this.meter.changeStart;
  }

  /**
   * For accesses to consecutive pages from `ipa`, which the last `access` found mapped at `atNs`: the first address at
   * which one would fault with the table as of then; at most `limit`, and possibly earlier than necessary.
   */
  passableEnd(ipa: number, limit: number, write: boolean, atNs: number): number {
    const { seen, log } = this;
    const { table } = this.stage2;
    const { granule } = table;
    const overlay = log.asOf(atNs);
    let end = granule.baseAt(ipa, seen.level) + granule.bytesAt(seen.level);
    for (let leaves = 1; end < limit && leaves < PASSABLE_LEAVES; leaves++) {
      if (seen.level === LAST_LEVEL) {
        const pastTable = granule.slotOf(granule.pageOf(seen.slot) + 1, 0);
        if (overlay === undefined || !log.isPendingIn(seen.slot, pastTable, atNs)) {
          let slot = seen.slot + 1;
          for (; slot < pastTable && end < limit; slot++) {
            if (answer(table.lo(slot), table.hi(slot), write, false) !== HIT) return end;
            end += granule.pageBytes;
          }
          leaves += slot - seen.slot - 1;
          if (end >= limit) return limit;
        }
      }
      table.translate(end, seen, overlay);
      if (answer(seen.lo, seen.hi, write, false) !== HIT) return end;
      end += granule.bytesAt(seen.level);
    }
    return Math.min(end, limit);
  }

  /** Whether the last access's entry is invalid as of `atNs` only because an operation is running. */
  isTransient(atNs: number): boolean {
    const { slot } = this.seen;
    return slot !== NO_SLOT && this.log.isBroken(slot, atNs);
  }

  /**
   * Until when a walk for the access at `atNs` hits an entry that a running operation has taken, or will have changed
   * before the walk gets there; at most `atNs` if there is none.
   */
  takenUntilNs(activity: Activity, atNs: number): number {
    this.access(activity, atNs);
    const here = this.log.settledNs(this.seen.slot, atNs);
    // Nearer to the root, another fault may be about to replace an entry on the way.
    this.access(activity, Number.POSITIVE_INFINITY);
    return Math.max(here, this.log.settledNs(this.seen.slot, atNs));
  }

  /**
   * Operations begin. Each `begin` is followed by an `end`.
   * @param line line of the trace, by which findings name them
   */
  begin(line: number): void {
    if (this.inFlight === 0) this.meter.forgetChanges();
    this.inFlight++;
    if (this.sanitizer !== undefined) this.sanitizer.number = line;
  }

  /** @returns whether deferred frees ran, some of them for a counted activity: the meter has their work */
  end(isCounted: boolean): boolean {
    const { stage2, meter } = this;
    const defers = stage2.ops.deferredTables.length > 0;
    if (isCounted && defers) this.countsDeferred = true;
    if (--this.inFlight > 0) return false;
    this.inFlight = 0;
    if (defers) meter.beginUntimed();
    stage2.endOperation();
    const counts = this.countsDeferred;
    this.countsDeferred = false;
    return counts;
  }

  /** Whether the current table permits the access. */
  isMapped(activity: Activity): boolean {
    return this.access(activity, Number.POSITIVE_INFINITY) === HIT;
  }

  get pageBytes(): number {
    return this.stage2.table.granule.bytesAt(LAST_LEVEL);
  }

  /** Whether the entry was valid at some time before its current value. */
  wasValid(slot: number): boolean {
    return (this.meter.flags.of(slot) & SlotFlag.wasValid) !== 0;
  }

  /** What a map operation will do to the current table. */
  shapeOf(operation: Operation): Shape {
    if (operation.kind !== OperationKind.map) return Shape.other;
    const { probe } = this;
    const { table } = this.stage2;
    table.translate(operation.ipa, probe);
    if (probe.slot === NO_SLOT) return Shape.other;
    const { granule } = table;
    const entryBytes = granule.bytesAt(probe.level);
    if (entryBytes < operation.bytes) return Shape.coalesce;
    if (!isLeaf(probe.lo, probe.level)) return Shape.install;
    if (entryBytes > operation.bytes) return Shape.split;
    return Shape.unchanged;
  }

  /** After `shapeOf`: the level of the entry at the operation's start. */
  get shapeLevel(): number {
    return this.probe.level;
  }

  /** After `shapeOf`: whether the trace showed the entry at the operation's start. */
  get shapeIsKnown(): boolean {
    return (this.meter.flags.of(this.probe.slot) & SlotFlag.known) !== 0;
  }

  /** Runs an operation. The caller must have begun the meter. @returns 0 or a negative errno */
  run(operation: Operation): number {
    const { stage2 } = this;
    const { ipa, bytes } = operation;
    switch (operation.kind) {
      case OperationKind.map:
        this.memory.noteMap(ipa, bytes);
        if (bytes > stage2.table.granule.bytesAt(LAST_LEVEL)) this.memory.noteBlockMap(ipa);
        return stage2.map(
          ipa,
          bytes,
          physOf(operation),
          protOf(operation),
          operation.ret === Errno.ENOMEM ? 0 : undefined,
        );
      case OperationKind.unmap:
        return stage2.unmap(ipa, bytes);
      case OperationKind.writeProtect:
        this.memory.noteWriteProtect(ipa, ipa + bytes);
        return stage2.wrprotect(ipa, bytes);
      case OperationKind.flush:
        return stage2.flush(ipa, bytes);
      case OperationKind.relaxPerms:
        return stage2.relaxPerms(ipa, protOf(operation));
      case OperationKind.makeYoung:
        return stage2.mkyoung(ipa);
      default:
        return 0;
    }
  }

  /**
   * Infers from a fault's own status what the table held at `atNs`, if nothing replayed so far shows it, and applies
   * it.
   * @returns whether anything was inferred
   */
  learn(activity: Activity, atNs: number): boolean {
    const level = faultLevel(activity.esr);
    const expected = this.access(activity, atNs);
    const { seen } = this;
    if ((this.meter.flags.of(seen.slot) & SlotFlag.known) !== 0 || seen.slot < 0) return false;
    const recorded = faultClass(activity.esr);
    const { granule } = this.stage2.table;
    if (level < granule.startLevel || level > 3) return false;
    if (recorded === FaultClass.translation) {
      if (level === seen.level && !isValid(seen.lo)) return false;
      activity.inferredInvalid = level;
    } else if (recorded === FaultClass.permission && granule.allowsLeafAt(level)) {
      if (expected === recorded && level === seen.level) return false;
      activity.inferredLeaf = level;
    } else return false;
    this.infer(activity);
    return true;
  }

  /** Applies what the reference pass inferred, unless this table's entry is known. */
  infer(activity: Activity): void {
    const invalid = activity.inferredInvalid;
    const leaf = activity.inferredLeaf;
    const { table } = this.stage2;
    const level = invalid !== NO_INFERENCE ? invalid : leaf;
    table.translate(activity.ipa, this.probe);
    if ((this.meter.flags.of(this.probe.slot) & SlotFlag.known) !== 0) return;
    if (leaf !== NO_INFERENCE) {
      const readOnly = faultClass(activity.esr) === FaultClass.permission && isWrite(activity.esr);
      table.plantLeaf(activity.ipa, leaf, 0, readOnly ? Prot.R : Prot.R | Prot.W);
      if (this.sanitizer !== undefined) {
        table.translate(activity.ipa, this.probe);
        this.sanitizer.plant(this.probe.slot);
      }
    } else table.resync(activity.ipa, invalid);
    this.forgetPlanted(activity.ipa, level);
    if (this.meter.leaves !== undefined) this.meter.countLeaves();
  }

  /** In tables that inference created, only the path to `ipa` is known. */
  private forgetPlanted(ipa: number, level: number): void {
    const { table } = this.stage2;
    const { granule } = table;
    let slot = table.rootSlot + granule.rootIndex(ipa);
    for (let at = granule.startLevel; at < level && isTable(table.lo(slot), at); at++) {
      const child = granule.slotOf(table.childOf(table.lo(slot), table.hi(slot)), 0);
      if ((this.meter.flags.of(slot) & SlotFlag.known) === 0) {
        this.meter.flags.fill(child, granule.entries, 0);
        this.meter.flags.add(slot, SlotFlag.known);
      }
      slot = child + granule.indexAt(ipa, at + 1);
    }
    this.meter.flags.add(slot, SlotFlag.known);
  }
}

function answer(lo: number, hi: number, write: boolean, exec: boolean): number {
  if (!isValid(lo)) return FaultClass.translation;
  if (!isAccessed(lo)) return FaultClass.accessFlag;
  return permits(lo, hi, write, exec) ? HIT : FaultClass.permission;
}

function physOf(operation: Operation): number {
  return Number.isNaN(operation.phys) ? 0 : operation.phys;
}

function protOf(operation: Operation): number {
  return operation.prot < 0 ? Prot.R | Prot.W : operation.prot;
}
