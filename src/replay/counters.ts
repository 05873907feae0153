import { build, type Histogram } from "hdr-histogram-js";
import { ZERO } from "../double.js";
import { FaultClass } from "../stage2/esr.js";
import { Charge, chargeKinds } from "../stage2/meter.js";
import type { EndedEpoch } from "./epochs.js";

/** Why an access faulted; exclusive. The names are those of the JSON result. */
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
 * Where stall time goes. A wait for a CPU (cpuWait) exists where threads share CPUs, laps beyond an access's first
 * fault (retry) where faults share the lock. The names are those of the JSON result.
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

/** Which cost a charge kind belongs to. */
export function costOf(charge: number): number {
  return costOfCharge[charge] as number;
}

/** How the recorded faults came out when their own walker was replayed. */
export class Matching {
  recordedFaults = 0;
  replayedFaults = 0;
  matched = 0;
  corrected = 0;
  missing = 0;
  extra = 0;
  /**
   * What passed between aborts and operations beyond the threads' own time; what of it waits for the lock explain; and
   * what the threads had no CPU before they asked: fit to run, and asleep.
   */
  excessNs = ZERO;
  explainedNs = ZERO;
  preemptedNs = ZERO;
  sleptNs = ZERO;

  /** What is known of the excess. */
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

/** What a fault came to (see Episode). */
interface EndedFault {
  readonly faultClass: number;
  readonly cause: number;
  readonly laps: number;
  readonly costNs: Float64Array;
  readonly stallNs: number;
}

/** Everything one replay counts. Times are whole nanoseconds once read out. */
export class Counters {
  total = 0;
  readonly byCause = new Float64Array(causes.length);
  readonly byClass = new Float64Array(3);
  guestTable = 0;
  retries = 0;
  avoided = 0;
  /** Of those, the ones that come before the entry is broken, where the record has them behind it. */
  ahead = 0;
  /** Recorded aborts on memory, laps included. */
  recorded = 0;
  /** Of the total, faults of accesses that the trace has one by one (guest_access, guest_access_run). */
  ofRuns = 0;
  mmioAborts = 0;
  readonly costNs = new Float64Array(costs.length);
  /** Of each, what was taken from the trace. */
  readonly recordedCostNs = new Float64Array(costs.length);
  /** Stall time apart from waits. */
  timedNs = ZERO;
  readonly work = new Float64Array(chargeKinds);
  stallTotalNs = ZERO;
  stallMaxNs = ZERO;
  readonly stalls = histogram();
  /** Stalls since whoever set it up last looked, by length. */
  recentStalls: Map<number, number> | undefined;
  /** Blocks mapped over a table without a clean, on a machine without FWB, and their pages that were not mapped before. */
  uncleanBlocks = 0;
  uncleanPages = 0;
  windows = 0;
  /** Of them, those whose break and install are the trace's. */
  recordedWindows = 0;
  windowTotalNs = ZERO;
  windowMaxNs = ZERO;
  readonly windowLengths = histogram();
  /** How often this side did otherwise than the record: 0 = it is the record. */
  differences = 0;
  /** Time that was to be saved where the record has none. */
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
    // A lap meets an entry that is invalid while somebody replaces it.
    this.byClass[0] = (this.byClass[0] as number) + laps - 1;
    if (isGuestTable) this.guestTable += laps;
  }

  /** A fault is over; of its handler's time `handlerShare` was taken from the trace. `recordedLaps`: aborts that the trace has of it. */
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
   * Of a coalesce without FWB: a block that nobody cleaned shows the guest whatever is not yet in memory of the pages it
   * had not mapped.
   */
  noteUnclean(counts: Float64Array, bytes: number, pageBytes: number): void {
    if ((counts[Charge.cleanByte] as number) >= bytes) return;
    // Tear-down drops one reference for each leaf, and two for each table but the topmost, which has one.
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

  /** All sums as they are now; windows, makespans and what a self-replay matches are not among them. */
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

  /** Two of the sums in what `figures` has given, as views. */
  parts(figures: Float64Array): { byCause: Float64Array; costNs: Float64Array } {
    const causesAt = scalars.length;
    const costsAt = causesAt + this.byCause.length + this.byClass.length;
    return {
      byCause: figures.subarray(causesAt, causesAt + this.byCause.length),
      costNs: figures.subarray(costsAt, costsAt + this.costNs.length),
    };
  }

  /** Adds what `figures` has grown by, so many times. The histograms are the caller's. */
  add(more: Float64Array, times: number): void {
    let at = 0;
    for (const name of scalars) this[name] += (more[at++] as number) * times;
    for (const sums of this.sums())
      for (let n = 0; n < sums.length; n++) sums[n] = (sums[n] as number) + (more[at++] as number) * times;
  }

  /** Adds time to a cost; `recordedShare` of it was taken from the trace. Lock waits have no share: they follow. */
  spend(cost: number, ns: number, recordedShare: number): void {
    this.costNs[cost] = (this.costNs[cost] as number) + ns;
    if (cost === Cost.lockWait || cost === Cost.cpuWait) return;
    this.timedNs += ns;
    this.recordedCostNs[cost] = (this.recordedCostNs[cost] as number) + ns * recordedShare;
  }
}

/** Sums that grow with every fault, whatever it is. */
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
