import { build, type Histogram } from "hdr-histogram-js";
import { ZERO } from "../double.js";
import { FaultClass } from "../stage2/esr.js";
import { Charge, chargeKinds } from "../stage2/meter.js";
import type { EndedEpoch } from "./epochs.js";

/** Why an access faulted; causes are exclusive. The names are those of the JSON result. */
export const causes = [
  "firstTouch",
  "loggingWrite",
  "hole",
  "coalesceTrigger",
  "brokenWindow",
  "lostRace",
  "afterUnmap",
  "relax",
  "accessFlag",
  "unexplained",
] as const;
export type Cause = (typeof causes)[number];
export const Cause = Object.fromEntries(causes.map((name, i) => [name, i])) as Record<Cause, number>;

/**
 * Where stall time goes. Waits for a CPU (cpuWait) occur only if threads share CPUs, laps after an access's first fault
 * (retry) only if faults share the lock. The names are those of the JSON result.
 */
export const costs = [
  "exit",
  "handler",
  "lockWait",
  "retry",
  "cpuWait",
  "walk",
  "tlbi",
  "clean",
  "teardown",
] as const;
export type Cost = (typeof costs)[number];
export const Cost = Object.fromEntries(costs.map((name, i) => [name, i])) as Record<Cost, number>;

const costOfCharge = new Uint8Array(chargeKinds).fill(Cost.walk);
for (const kind of [Charge.pagePut, Charge.tableFree, Charge.deferFree]) costOfCharge[kind] = Cost.teardown;
for (const kind of [Charge.tlbiVmid, Charge.tlbiIpa, Charge.tlbiRange]) costOfCharge[kind] = Cost.tlbi;
for (const kind of [Charge.cleanByte, Charge.icacheByte]) costOfCharge[kind] = Cost.clean;

/** The cost that a charge kind belongs to. */
export function costOf(charge: number): number {
  return costOfCharge[charge] as number;
}

/** How well a replay of the recording walker reproduced the recorded faults. */
export class Matching {
  recordedFaults = 0;
  replayedFaults = 0;
  matched = 0;
  corrected = 0;
  missing = 0;
  extra = 0;
  /**
   * The time between aborts and operations beyond the threads' own time; the part that waits for the lock explain; and
   * the parts before the request in which the threads had no CPU: runnable, and asleep.
   */
  excessNs = ZERO;
  explainedNs = ZERO;
  preemptedNs = ZERO;
  sleptNs = ZERO;

  /** The part of the excess that is explained. */
  get toldNs(): number {
    return this.explainedNs + this.preemptedNs + this.sleptNs;
  }

  add(other: Matching): void {
    this.recordedFaults += other.recordedFaults;
    this.replayedFaults += other.replayedFaults;
    this.matched += other.matched;
    this.corrected += other.corrected;
    this.missing += other.missing;
    this.extra += other.extra;
    this.excessNs += other.excessNs;
    this.explainedNs += other.explainedNs;
    this.preemptedNs += other.preemptedNs;
    this.sleptNs += other.sleptNs;
  }
}

export interface EpochResult {
  /** See Barrier. */
  readonly number: number;
  readonly label: string;
  readonly startNs: number;
  readonly recordedNs: number;
  readonly makespanNs: number;
  readonly recordedMakespanNs: number;
  readonly faults: number;
}

/** The results of a fault (see Episode). */
interface EndedFault {
  readonly faultClass: number;
  readonly cause: number;
  readonly laps: number;
  readonly costNs: Float64Array;
  readonly stallNs: number;
}

/** Everything that one replay counts. Times are whole nanoseconds when read. */
export class Counters {
  total = 0;
  readonly byCause = new Float64Array(causes.length);
  readonly byClass = new Float64Array(3);
  guestTable = 0;
  retries = 0;
  avoided = 0;
  /** Those of them whose access comes before the entry is broken, but after it in the record. */
  ahead = 0;
  /** Recorded aborts on memory, laps included. */
  recorded = 0;
  /** Those of the total on accesses that the trace lists (guest_access, guest_access_run). */
  ofRuns = 0;
  mmioAborts = 0;
  readonly costNs = new Float64Array(costs.length);
  /** The part of each cost that was taken from the trace. */
  readonly recordedCostNs = new Float64Array(costs.length);
  /** Stall time without waits. */
  timedNs = ZERO;
  readonly work = new Float64Array(chargeKinds);
  stallTotalNs = ZERO;
  stallMaxNs = ZERO;
  readonly stalls = histogram();
  /** Stalls since its owner last read it, by length. */
  recentStalls: Map<number, number> | undefined;
  /** Blocks mapped over a table without a clean, on a machine without FWB; and the pages in them not mapped before. */
  uncleanBlocks = 0;
  uncleanPages = 0;
  windows = 0;
  /** Those of them whose break and install come from the trace. */
  recordedWindows = 0;
  windowTotalNs = ZERO;
  windowMaxNs = ZERO;
  readonly windowLengths = histogram();
  /** How often this side differed from the record: 0 = it is the record. */
  differences = 0;
  /** Time that a side should have saved but the record did not have. */
  clampedNs = ZERO;
  makespanNs = ZERO;
  epochs: EpochResult[] = [];

  fault(faultClass: number, cause: number, laps: number, isGuestTable: boolean): void {
    this.total += laps;
    this.retries += laps - 1;
    this.byCause[cause] = (this.byCause[cause] as number) + 1;
    this.byCause[Cause.brokenWindow as number] =
      (this.byCause[Cause.brokenWindow as number] as number) + laps - 1;
    const kind = faultClass === FaultClass.permission ? 1 : faultClass === FaultClass.accessFlag ? 2 : 0;
    this.byClass[kind] = (this.byClass[kind] as number) + 1;
    // A lap hits an entry that is invalid while another fault replaces it.
    this.byClass[0] = (this.byClass[0] as number) + laps - 1;
    if (isGuestTable) this.guestTable += laps;
  }

  /** A fault has ended. `recordedLaps`: its recorded aborts; `handlerShare`: recorded part of its handler time. */
  ended(fault: EndedFault, recordedLaps: number, isGuestTable: boolean, handlerShare: number): void {
    const { costNs, laps } = fault;
    this.avoided += Math.max(0, recordedLaps - laps);
    this.fault(fault.faultClass, fault.cause, laps, isGuestTable);
    this.spend(Cost.exit, costNs[Cost.exit] as number, 0);
    this.spend(Cost.handler, costNs[Cost.handler] as number, handlerShare);
    this.spend(Cost.lockWait, costNs[Cost.lockWait] as number, 0);
    this.spend(Cost.retry, costNs[Cost.retry] as number, 0);
    this.spend(Cost.cpuWait, costNs[Cost.cpuWait] as number, 0);
    this.stall(fault.stallNs);
  }

  charge(kind: number, n: number): void {
    this.work[kind] = (this.work[kind] as number) + n;
  }

  /** @param counts work of a walk, by charge kind */
  addWork(counts: Float64Array): void {
    for (let kind = 0; kind < chargeKinds; kind++) this.charge(kind, counts[kind] as number);
  }

  /**
   * For a coalesce without FWB: if the block was not cleaned, its pages that the guest had not mapped before may show
   * the guest stale memory.
   */
  noteUnclean(counts: Float64Array, bytes: number, pageBytes: number): void {
    if ((counts[Charge.cleanByte] as number) >= bytes) return;
    // Tear-down drops one reference for each leaf, and two for each table except the topmost, for which it drops one.
    const leaves = (counts[Charge.pagePut] as number) - 2 * (counts[Charge.tableFree] as number) + 1;
    this.uncleanBlocks++;
    this.uncleanPages += Math.max(0, bytes / pageBytes - Math.max(0, leaves));
  }

  closeEpoch(epoch: EndedEpoch, faults: number): void {
    const { number, label, startNs, recordedNs, makespanNs, recordedMakespanNs } = epoch;
    this.makespanNs += makespanNs;
    this.epochs.push({
      number,
      label: label ?? "",
      startNs: Math.round(startNs),
      recordedNs,
      makespanNs: Math.round(makespanNs),
      recordedMakespanNs: Math.round(recordedMakespanNs),
      faults,
    });
  }

  stall(ns: number): void {
    const whole = Math.round(ns);
    this.stallTotalNs += whole;
    if (whole > this.stallMaxNs) this.stallMaxNs = whole;
    this.stalls.recordValue(whole);
    const recent = this.recentStalls;
    if (recent !== undefined) recent.set(whole, (recent.get(whole) ?? 0) + 1);
  }

  window(ns: number, isRecorded: boolean): void {
    const whole = Math.round(ns);
    this.windows++;
    if (isRecorded) this.recordedWindows++;
    this.windowTotalNs += whole;
    if (whole > this.windowMaxNs) this.windowMaxNs = whole;
    this.windowLengths.recordValue(whole);
  }

  /** All current sums, without windows, makespans and the matching of a self-replay. */
  figures(): Float64Array {
    const all = this.sums();
    const figures = new Float64Array(scalars.length + all.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const name of scalars) figures[at++] = this[name];
    for (const sums of all) {
      figures.set(sums, at);
      at += sums.length;
    }
    return figures;
  }

  private sums(): Float64Array[] {
    return [this.byCause, this.byClass, this.costNs, this.recordedCostNs, this.work];
  }

  /** Two of the sums in a result of `figures`, as views. */
  parts(figures: Float64Array): { byCause: Float64Array; costNs: Float64Array } {
    const causesAt = scalars.length;
    const costsAt = causesAt + this.byCause.length + this.byClass.length;
    return {
      byCause: figures.subarray(causesAt, causesAt + this.byCause.length),
      costNs: figures.subarray(costsAt, costsAt + this.costNs.length),
    };
  }

  /** Adds the growth of `figures`, this many times. The caller handles the histograms. */
  add(more: Float64Array, times: number): void {
    let at = 0;
    for (const name of scalars) this[name] += (more[at++] as number) * times;
    for (const sums of this.sums())
      for (let n = 0; n < sums.length; n++) sums[n] = (sums[n] as number) + (more[at++] as number) * times;
  }

  /** Adds time to a cost; `recordedShare` of it was taken from the trace. Waits have no share: they are derived. */
  spend(cost: number, ns: number, recordedShare: number): void {
    this.costNs[cost] = (this.costNs[cost] as number) + ns;
    if (cost === Cost.lockWait || cost === Cost.cpuWait) return;
    this.timedNs += ns;
    this.recordedCostNs[cost] = (this.recordedCostNs[cost] as number) + ns * recordedShare;
  }
}

/** Sums that grow with every fault of any kind. */
const scalars = [
  "total",
  "guestTable",
  "retries",
  "avoided",
  "recorded",
  "ofRuns",
  "timedNs",
  "stallTotalNs",
  "uncleanBlocks",
  "uncleanPages",
] as const satisfies readonly (keyof Counters)[];

/** Three significant digits over the whole range of a 64-bit count. */
function histogram(): Histogram {
  return build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3, autoResize: true });
}
