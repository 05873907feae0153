import { type Operation, OperationKind } from "../../activity/activity.js";
import type { CostProfile } from "../../cost/profile.js";
import { type Granule, LAST_LEVEL } from "../../stage2/granule.js";
import { Charge, type ChargeKind } from "../../stage2/meter.js";
import { Shape } from "../plan.js";
import { StreamMedian, slope } from "../samples.js";

/** The charges of walk and tear-down. */
const bodyKinds: readonly ChargeKind[] = [
  Charge.entryVisit,
  Charge.pagePut,
  Charge.tableFree,
  Charge.deferFree,
];

/** Longest hand-off, as a multiple of the usual one: if holds are further apart, there was no queue. */
const HANDOFF_LIMIT = 4;
/** The quantile for a thread that repeats the same work undisturbed. */
const BRISK = 0.1;
/** Largest share of the window that a clean may take: a larger one was disturbed when it was measured. */
const LARGEST_CLEAN = 0.95;

/** Number of kinds of a fault's own time, by the operation that follows. */
const ownKinds = 5;

/** The kind of fault, of `ownKinds`, by its operation: memory that is mapped first is also allocated and zeroed. */
export function ownKind({ kind, bytes, shape }: Operation, pageBytes: number): number {
  if (kind !== OperationKind.map) return 4;
  return (bytes > pageBytes ? 2 : 0) + (shape === Shape.install ? 1 : 0);
}

/**
 * Durations learnt from the record of one host (a VM with its own CPUs, or everything that one CPU ran). They are
 * learnt one window of the record at a time, before anything in that window is replayed.
 */
export class Learnt {
  private readonly own = Array.from({ length: ownKinds }, () => new StreamMedian());
  private readonly anyOwn = new StreamMedian();
  private readonly gaps = new StreamMedian();
  private readonly laps = new StreamMedian();
  private readonly tails = new StreamMedian();
  private readonly teardowns = new StreamMedian();
  private readonly toBreak = new StreamMedian();
  private readonly flush = new StreamMedian();
  /** From the flush's return to the install, if walk, clean or both are in between. */
  private readonly toInstall = new StreamMedian();
  /** For coalesces without a clean, or without a walk in the window: the time after the flush or the install. */
  private readonly bodies = new StreamMedian();
  /** For coalesces: their walk and tear-down as a multiple of the profile's time. */
  private readonly paces = new StreamMedian();
  /** Operations by shape and size (page or block), without their clean. */
  private readonly durations = Array.from({ length: 10 }, () => new StreamMedian());
  /** First maps, which clean the memory that they map. */
  private readonly freshPage = new StreamMedian();
  private readonly freshBlock = new StreamMedian();
  /** Before a map: time since the abort if the lock was free meanwhile, else since its release. */
  private readonly freePage = new StreamMedian();
  private readonly freeBlock = new StreamMedian();
  private readonly waitedPage = new StreamMedian();
  private readonly waitedBlock = new StreamMedian();
  /** For unmaps that clean leaf by leaf: from one flush to the next, of pages and of blocks. */
  private pageSpacingNs = Number.NaN;
  private blockSpacingNs = Number.NaN;
  private blockBytes = 0;
  private lineNs = Number.POSITIVE_INFINITY;
  private windowHoldsWalk = true;
  private windowHoldsClean = false;
  private cleanNsPerByte: number | undefined;
  /** Nothing showed a clean separately from the walk. */
  private isCleanGuessed = false;

  constructor(
    private readonly profile: CostProfile,
    /** Unit costs of the recording walker. */
    readonly recorderUnits: Float64Array,
    private readonly granule: Granule,
    /** Whether the recording walker's fault path cleaned before the map. */
    private readonly recorderCleansBefore: boolean,
    /** From the guest to the handler and back, as far as the trace shows it; ns. */
    private readonly backNs: () => number,
  ) {}

  private get pageBytes(): number {
    return this.granule.pageBytes;
  }

  /** Learns from an operation of known shape and work that took `ns` and was not interrupted. */
  learnOperation(operation: Operation, ns: number): void {
    const { shape, kind, bytes, toBreakNs, toFlushedNs, toInstallNs } = operation;
    const work = operation.work as Float64Array;
    if (kind === OperationKind.unmap) {
      this.pageSpacingNs = least(this.pageSpacingNs, operation.pageSpacingNs);
      this.blockSpacingNs = least(this.blockSpacingNs, operation.blockSpacingNs);
    }
    if (kind !== OperationKind.map) return;
    const isBlock = this.isBlock(bytes);
    if (isBlock) this.blockBytes = Math.max(this.blockBytes, bytes);
    if (shape === Shape.install && (work[Charge.cleanByte] as number) === bytes)
      (isBlock ? this.freshBlock : this.freshPage).add(ns);
    if (shape === Shape.coalesce && !Number.isNaN(toFlushedNs)) {
      if (!Number.isNaN(toBreakNs)) {
        this.toBreak.add(toBreakNs);
        this.flush.add(toFlushedNs - toBreakNs);
      }
      const atInstall = operation.workToInstall as Float64Array;
      this.windowHoldsWalk =
        (atInstall[Charge.pagePut] as number) + (atInstall[Charge.tableFree] as number) > 1;
      this.windowHoldsClean = (atInstall[Charge.cleanByte] as number) > 0;
      const installNs = Number.isNaN(toInstallNs) ? ns : toInstallNs;
      if (this.windowHoldsClean || this.windowHoldsWalk) this.toInstall.add(installNs - toFlushedNs);
      if (!this.windowHoldsClean) this.bodies.add(ns - toFlushedNs);
    }
  }

  /** Learns from the same operation again when the window's clean is known. */
  learnDuration(operation: Operation, ns: number): void {
    const { shape, kind, bytes, visitsToBreak } = operation;
    if (kind !== OperationKind.map) return;
    if (shape === Shape.coalesce) {
      const work = operation.work as Float64Array;
      this.paces.add(this.bodyNs(operation, ns) / this.profileBody(work, visitsToBreak, this.recorderUnits));
    } else this.durationsOf(shape, this.isBlock(bytes)).add(ns - this.cleanPart(operation, ns));
  }

  /** Learns the time before a map: since the abort, and since another operation released the lock. */
  learnBefore(bytes: number, sinceAbortNs: number, sinceHeldNs: number): void {
    const isBlock = this.isBlock(bytes);
    const waited = sinceHeldNs < sinceAbortNs;
    const ns = Math.min(sinceAbortNs, sinceHeldNs);
    if (isBlock) {
      (waited ? this.waitedBlock : this.freeBlock).add(ns);
      this.blockBytes = Math.max(this.blockBytes, bytes);
    } else (waited ? this.waitedPage : this.freePage).add(ns);
  }

  learnOwn(kind: number, ns: number): void {
    (this.own[kind] as StreamMedian).add(ns);
    this.anyOwn.add(ns);
  }

  learnLine(ns: number): void {
    if (ns < this.lineNs) this.lineNs = ns;
  }

  learnGap(ns: number): void {
    this.gaps.add(ns);
  }

  learnLap(ns: number): void {
    this.laps.add(ns);
  }

  /** Learns the time from an operation's return to the guest. */
  learnTail(ns: number): void {
    this.tails.add(ns);
  }

  learnTeardown(ns: number): void {
    this.teardowns.add(ns);
  }

  /** The window has been learnt: computes what several figures determine. */
  settle(): void {
    this.cleanNsPerByte = this.recorderCleansBefore ? this.cleanBefore() : this.cleanInside();
  }

  /** From abort to request of an uncontended fault of this kind, else of any; undefined if there was none. */
  ownNs(kind: number): number | undefined {
    return (this.own[kind] as StreamMedian).median ?? this.anyOwn.median;
  }

  /** The spread of a thread's own time: its interquartile range. */
  get ownSpreadNs(): number {
    const upper = this.anyOwn.quantile(0.75);
    return upper === undefined ? 0 : upper - (this.anyOwn.quantile(0.25) as number);
  }

  /** From a release to the next waiter's start. */
  get handoffNs(): number {
    return Math.round(this.usualGapNs ?? this.profile.figure("lockHandoffNs"));
  }

  get handoffLimitNs(): number {
    return Math.max(HANDOFF_LIMIT * (this.usualGapNs ?? 0), this.profile.figure("lockHandoffNs"));
  }

  /**
   * The gap between a release and the next operation is at most a fault's own time before its operation: if threads
   * lack CPUs, most gaps are other threads' turns, not hand-offs.
   */
  private get usualGapNs(): number | undefined {
    const gapNs = this.gaps.median;
    return gapNs === undefined ? undefined : Math.min(gapNs, this.anyOwn.quantile(BRISK) ?? gapNs);
  }

  /**
   * One lap of a retried access: the median recorded lap, or the sum of a lap's parts if that is less (the few laps of
   * a quiet trace may all have been delayed); undefined if the record has neither.
   */
  get lapNs(): number | undefined {
    const recordedNs = this.laps.median;
    const ownNs = this.anyOwn.quantile(BRISK);
    const tailNs = this.tails.quantile(BRISK);
    const mapNs =
      this.durationsOf(Shape.unchanged, false).quantile(BRISK) ??
      this.durationsOf(Shape.unchanged, true).quantile(BRISK);
    if (ownNs === undefined || tailNs === undefined || mapNs === undefined) return recordedNs;
    return Math.min(recordedNs ?? Number.POSITIVE_INFINITY, this.backNs() + ownNs + mapNs + tailNs);
  }

  /**
   * For coalesces whose clean is not shown separately from the walk: the time of both, from the flush's return to the
   * install, and the part attributed to the walk; undefined if the trace shows the clean, or has none.
   */
  get untoldClean(): { readonly bothNs: number; readonly walkNs: number } | undefined {
    const bothNs = this.toInstall.median;
    if (!this.isCleanGuessed || bothNs === undefined) return undefined;
    return { bothNs, walkNs: Math.max(0, bothNs - this.blockBytes * this.cleanByteNs) };
  }

  /** Whether the clean's cost comes from the trace. */
  get knowsClean(): boolean {
    return this.cleanNsPerByte !== undefined && !this.isCleanGuessed;
  }

  get cleanByteNs(): number {
    return this.cleanNsPerByte ?? (this.recorderUnits[Charge.cleanByte] as number);
  }

  /** The cost of a recorded line inside an interval: the shortest time between two events of an activity. */
  get line(): number {
    return Number.isFinite(this.lineNs) ? this.lineNs : 0;
  }

  /** The clean in a recorded operation that took `ns`. */
  cleanPart({ shape, work }: Operation, ns: number): number {
    if (shape === Shape.coalesce) return 0;
    return Math.min(ns, ((work as Float64Array)[Charge.cleanByte] as number) * this.cleanByteNs);
  }

  /**
   * Walk and tear-down of a recorded coalesce that took `ns`. If its window also holds a clean, its walk is the usual
   * time between flush and install, less the clean that first maps and unmaps show.
   */
  bodyNs(operation: Operation, ns: number): number {
    const rest = Math.max(0, ns - this.fixedNs(operation));
    const cleaned = (operation.work as Float64Array)[Charge.cleanByte] as number;
    if (cleaned === 0) return rest;
    if (!this.windowHoldsWalk && !Number.isNaN(operation.toFlushedNs))
      return Math.max(0, ns - (Number.isNaN(operation.toInstallNs) ? ns : operation.toInstallNs));
    // If there is only an interrupted coalesce, its own time is used as the usual one.
    const { toInstallNs, toFlushedNs } = operation;
    const ownNs = (Number.isNaN(toInstallNs) ? ns : toInstallNs) - toFlushedNs;
    const usualNs = this.toInstall.median ?? (Number.isNaN(ownNs) ? undefined : ownNs);
    const beyondNs = usualNs === undefined ? 0 : usualNs - cleaned * this.cleanByteNs;
    // A walk over unknown entries has no known cost: then the profile's clean is a better guide than its visits.
    const isTold =
      this.cleanNsPerByte !== undefined ||
      (!operation.knowsSubtree && beyondNs > (1 - LARGEST_CLEAN) * (usualNs ?? Number.POSITIVE_INFINITY));
    const walkNs = isTold
      ? beyondNs
      : this.profileBody(operation.work as Float64Array, operation.visitsToBreak, this.recorderUnits);
    return Math.min(rest, Math.max(0, walkNs));
  }

  /**
   * Walk and tear-down of an undisturbed coalesce as a multiple of the profile's time; undefined if there was none. A
   * disturbance of one does not slow down the extra work any more than that of another.
   */
  get bodyPace(): number | undefined {
    return this.paces.quantile(BRISK);
  }

  /** Tear-down that the recording walker leaves to others, if the trace shows it. */
  get teardownNs(): number | undefined {
    return this.teardowns.median;
  }

  /** Walk and tear-down of a coalesce that is not in the record; undefined if it has none at all. */
  get usualBodyNs(): number | undefined {
    if (this.bodies.median !== undefined && this.windowHoldsWalk) return this.bodies.median;
    const usual = this.toInstall.median;
    if (usual === undefined || !this.windowHoldsWalk) return this.teardowns.median;
    return this.windowHoldsClean ? Math.max(0, usual - this.blockBytes * this.cleanByteNs) : usual;
  }

  /** From the operation's entry to the break, and from there to the flush's return; undefined if not recorded. */
  get usualToBreakNs(): number | undefined {
    return this.toBreak.median;
  }

  get usualFlushNs(): number | undefined {
    return this.flush.median;
  }

  /** Usual duration of an operation of this shape and size, without the clean; undefined if there was none. */
  usualNs(shape: number, bytes: number): number | undefined {
    const isBlock = this.isBlock(bytes);
    return this.durationsOf(shape, isBlock).median ?? this.durationsOf(shape, !isBlock).median;
  }

  /** Entry, flush, install and return of a recorded coalesce. */
  fixedNs({ toBreakNs, toFlushedNs, work, bytes }: Operation): number {
    if (!Number.isNaN(toFlushedNs)) return toFlushedNs + 2 * this.line;
    const flushes = (work as Float64Array)[Charge.tlbiVmid] as number;
    const before = Number.isNaN(toBreakNs)
      ? (this.usualNs(Shape.unchanged, bytes) ?? this.profile.figure("mapFixedNs"))
      : toBreakNs;
    return before + flushes * (this.usualFlushNs ?? (this.recorderUnits[Charge.tlbiVmid] as number));
  }

  /** The profile's time for walk and tear-down. */
  profileBody(work: Float64Array, visitsToBreak: number, units: Float64Array): number {
    let sum = 0;
    for (const kind of bodyKinds) sum += (work[kind] as number) * (units[kind] as number);
    return Math.max(1, sum - visitsToBreak * (units[Charge.entryVisit] as number));
  }

  private isBlock(bytes: number): boolean {
    return bytes > this.pageBytes;
  }

  private durationsOf(shape: number, isBlock: boolean): StreamMedian {
    return this.durations[2 * shape + (isBlock ? 1 : 0)] as StreamMedian;
  }

  /** The clean per byte, from anything that shows one: first maps, and unmaps that clean leaf by leaf. */
  private cleanInside(): number | undefined {
    const { blockBytes, pageBytes } = this;
    const usual = this.toInstall.median;
    if (this.windowHoldsClean && !this.windowHoldsWalk && usual !== undefined) return usual / blockBytes;
    const witnesses = this.witnesses();
    const largest =
      this.windowHoldsClean && usual !== undefined
        ? LARGEST_CLEAN * (this.toInstall.quantile(0.1) as number)
        : Number.POSITIVE_INFINITY;
    const accepted = witnesses.filter((ns) => ns * blockBytes < largest);
    this.isCleanGuessed = this.windowHoldsClean && accepted.length === 0;
    // A disturbance only makes the clean look longer: the smallest is the least disturbed.
    if (accepted.length > 0) return Math.min(...accepted);
    if (!this.windowHoldsClean || usual === undefined) return undefined;
    const units = this.recorderUnits;
    const walkNs = (blockBytes / pageBytes) * (units[Charge.entryVisit] as number);
    return Math.max(0, usual - walkNs) / blockBytes;
  }

  /** Independent estimates, in nanoseconds per byte. */
  private witnesses(): number[] {
    const { blockBytes, pageBytes, pageSpacingNs, blockSpacingNs } = this;
    const found = [slope(this.freshPage, pageBytes, this.freshBlock, blockBytes)];
    const more = this.granule.bytesAt(LAST_LEVEL - 1) - pageBytes;
    if (blockSpacingNs > pageSpacingNs) found.push((blockSpacingNs - pageSpacingNs) / more);
    return found.filter((ns) => ns !== undefined);
  }

  private cleanBefore(): number | undefined {
    const { pageBytes, blockBytes } = this;
    // A fault that waited does little but clean; the first may also zero new memory, and may be the smallest.
    const waitedNs = this.waitedBlock.least;
    if (waitedNs !== undefined)
      return slope(this.waitedPage, pageBytes, this.waitedBlock, blockBytes) ?? waitedNs / blockBytes;
    return slope(this.freePage, pageBytes, this.freeBlock, blockBytes);
  }
}

function least(a: number, b: number): number {
  return Number.isNaN(a) || b < a ? b : a;
}
