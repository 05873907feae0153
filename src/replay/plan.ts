import { type Operation, OperationKind } from "../activity/activity.js";
import type { CostProfile, FigureName } from "../cost/profile.js";
import { Charge, type ChargeKind, chargeKinds } from "../stage2/meter.js";
import { StreamMedian } from "./samples.js";

/** What a map-like operation turns out to do to the table. */
export const Shape = {
  /** The mapping is there already. */
  unchanged: 0,
  /** An invalid entry becomes a leaf. */
  install: 1,
  /** A block becomes a table. */
  split: 2,
  /** A table becomes a block. */
  coalesce: 3,
  /** Everything that is not a map. */
  other: 4,
} as const;
export type Shape = (typeof Shape)[keyof typeof Shape];

/** How long one operation takes, part by part: filled in before its walk. */
export class Plan {
  /** From the function's entry to the walk. */
  beforeNs = 0;
  /** `beforeNs` reaches to the break: the visits up to there are in it. */
  reachesBreak = false;
  /** Added when a block is installed in a broken entry. */
  installNs = 0;
  /** From the walk to the function's return. */
  afterNs = 0;
  /** One unit of each charge kind. */
  readonly unitNs = new Float64Array(chargeKinds);
  /** Of each kind, the share that is taken from the trace (1) or from a profile (0). */
  readonly recorded = new Float64Array(chargeKinds);
  /** Whether beforeNs, installNs and afterNs come from the trace. */
  fixedRecorded = false;
  /** Units are 0 but for the clean's: `beforeNs` has all of the walk. */
  isFlat = false;

  /** Takes a profile's units. */
  set(units: Float64Array): void {
    this.isFlat = false;
    this.unitNs.set(units);
    this.recorded.fill(0);
  }

  /** The whole walk takes `ns`, whatever it does. */
  setFlat(ns: number): void {
    this.beforeNs = ns;
    if (this.isFlat) return;
    this.isFlat = true;
    this.unitNs.fill(0);
    this.recorded.fill(1);
  }
}

const figureOf: readonly (readonly [ChargeKind, FigureName, number])[] = [
  [Charge.entryVisit, "entryVisitNs", 1],
  [Charge.pteStore, "pteStoreNs", 1],
  [Charge.pageGet, "pagePutNs", 1],
  [Charge.pagePut, "pagePutNs", 1],
  [Charge.tableAlloc, "tableAllocNs", 1],
  [Charge.tableFree, "tableFreeNs", 1],
  [Charge.tlbiVmid, "tlbiVmidNs", 1],
  [Charge.tlbiIpa, "tlbiIpaNs", 1],
  [Charge.tlbiRange, "tlbiRangeNs", 1],
  [Charge.cleanByte, "cleanLineNs", 1 / 64],
  [Charge.icacheByte, "icacheLineNs", 1 / 64],
  [Charge.deferFree, "deferFreeNs", 1],
];

/** Walk and tear-down work: what is left of a recorded operation once its flush and its clean are taken off. */
const bodyKinds: readonly ChargeKind[] = [
  Charge.entryVisit,
  Charge.pteStore,
  Charge.pageGet,
  Charge.pagePut,
  Charge.tableAlloc,
  Charge.tableFree,
  Charge.deferFree,
];

/** A profile's figures by charge kind, for one walker. */
export function unitCosts(profile: CostProfile, walker: string): Float64Array {
  const units = new Float64Array(chargeKinds);
  for (const [kind, name, share] of figureOf) units[kind] = profile.figure(name, walker) * share;
  return units;
}

/**
 * What the trace tells about durations, learnt operation by operation in trace order, and the plan for a
 * replayed operation that follows from it.
 *
 * A recorded operation is split into its parts: entry, flush, install and return by the probes at the
 * window's edges where they are; the clean by what fresh maps of different sizes took; what remains is walk
 * and tear-down, shared out in the profile's proportion. Another walker moves the parts, drops them, or adds
 * its own from the trace's other operations, and only where there are none from the profile.
 */
export class TraceTiming {
  private readonly freshPage = new StreamMedian();
  private readonly freshBlock = new StreamMedian();
  private freshPageBytes = 0;
  private freshBlockBytes = 0;
  private readonly beforePage = new StreamMedian();
  private readonly beforeBlock = new StreamMedian();
  private beforeBlockBytes = 0;
  private readonly toBreak = new StreamMedian();
  private readonly flush = new StreamMedian();
  /** Body over its profile cost: how much slower or faster walks are here than the profile says. */
  private readonly bodyScale = new StreamMedian();
  /** Durations of the other shapes by shape, their clean taken off. */
  private readonly bodies = [0, 1, 2, 3, 4].map(() => new StreamMedian());

  constructor(
    private readonly profile: CostProfile,
    /** Unit costs of the recording walker. */
    private readonly recorderUnits: Float64Array,
    /** What a recorded line costs inside an interval: the shortest time between two events of a thread; ns. */
    private readonly lineNs: () => number,
    private readonly pageBytes: number,
    /** The recording walker's fault path cleaned before the map. */
    private readonly recorderCleansBefore: boolean,
  ) {}

  /** Time that the fault path spends on cleaning `bytes` before the map, as far as the trace shows. */
  cleanNs(bytes: number): number {
    return bytes * this.cleanByteNs();
  }

  /** Whether the clean's cost comes from the trace. */
  get knowsClean(): boolean {
    return this.fittedCleanByteNs() !== undefined;
  }

  /** Learns from an operation whose `shape` and `work` are known. */
  learn(operation: Operation): void {
    const { cpuNs, shape } = operation;
    const work = operation.work as Float64Array;
    // Where another thread ran in between the thread's own part is only estimated: nothing is learnt from that.
    if (Number.isNaN(cpuNs) || operation.endNs - operation.startNs !== cpuNs) return;
    if (shape === Shape.install) {
      if (operation.bytes > this.pageBytes) {
        this.freshBlock.add(cpuNs);
        this.freshBlockBytes = work[Charge.cleanByte] as number;
      } else {
        this.freshPage.add(cpuNs);
        this.freshPageBytes = work[Charge.cleanByte] as number;
      }
    }
    if (
      shape === Shape.coalesce &&
      !Number.isNaN(operation.toFlushedNs) &&
      !Number.isNaN(operation.toBreakNs)
    ) {
      this.toBreak.add(operation.toBreakNs);
      this.flush.add(operation.toFlushedNs - operation.toBreakNs);
    }
    const body = this.bodyOf(operation);
    if (shape === Shape.coalesce) this.bodyScale.add(body / this.profileBody(work, this.recorderUnits));
    else if (operation.kind === OperationKind.map) (this.bodies[shape] as StreamMedian).add(body);
  }

  /** Learns how long the fault path took before a map of `bytes`, uncontended; ns of CPU time. */
  learnBefore(bytes: number, cpuNs: number): void {
    if (bytes > this.pageBytes) {
      this.beforeBlock.add(cpuNs);
      this.beforeBlockBytes = bytes;
    } else this.beforePage.add(cpuNs);
  }

  /** Median time before an uncontended map of a page or a block; undefined where the trace shows none. */
  beforeNs(bytes: number): number | undefined {
    return (bytes > this.pageBytes ? this.beforeBlock : this.beforePage).median;
  }

  /**
   * Plans an operation that will have `shape`. `recorded` is the operation that the trace has for it;
   * `units` are the profile's unit costs for the walker that runs it.
   */
  plan(plan: Plan, shape: Shape, recorded: Operation | undefined, units: Float64Array): void {
    const own = recorded !== undefined && recorded.shape === shape && !Number.isNaN(recorded.cpuNs);
    plan.installNs = plan.afterNs = 0;
    plan.reachesBreak = false;
    if (own) this.planOwn(plan, recorded, units);
    else this.planFitted(plan, shape, units);
  }

  private planOwn(plan: Plan, recorded: Operation, units: Float64Array): void {
    const { shape, cpuNs } = recorded;
    const clean = (recorded.work as Float64Array)[Charge.cleanByte] as number;
    plan.fixedRecorded = true;
    if (shape !== Shape.coalesce) {
      // The parts need not be told apart, but for the clean, which another walker may leave out.
      const cleanNs = clean > 0 ? Math.min(cpuNs, clean * this.cleanByteNs()) : 0;
      plan.setFlat(cpuNs - cleanNs);
      this.planClean(plan, units);
      if (clean > 0) plan.unitNs[Charge.cleanByte] = cleanNs / clean;
      return;
    }
    plan.set(units);
    plan.beforeNs = this.profile.figure("mapFixedNs");
    this.planClean(plan, units);
    this.planEdges(plan, recorded.toBreakNs, flushNs(recorded));
    const body = this.bodyOf(recorded);
    if (clean > 0) {
      // What cannot be the body is the clean: the two sum to the recorded time.
      plan.unitNs[Charge.cleanByte] = Math.max(0, cpuNs - this.fixedNs(recorded) - body) / clean;
      plan.recorded[Charge.cleanByte] = 1;
    }
    this.planBody(plan, body / this.profileBody(recorded.work as Float64Array, this.recorderUnits), units);
  }

  private planFitted(plan: Plan, shape: Shape, units: Float64Array): void {
    const median = shape === Shape.coalesce ? undefined : (this.bodies[shape] as StreamMedian).median;
    if (median !== undefined) {
      plan.setFlat(median);
      plan.fixedRecorded = true;
      this.planClean(plan, units);
      return;
    }
    plan.set(units);
    plan.fixedRecorded = false;
    plan.beforeNs = this.profile.figure("mapFixedNs");
    this.planClean(plan, units);
    if (shape !== Shape.coalesce) return;
    const toBreak = this.toBreak.median;
    if (toBreak !== undefined) this.planEdges(plan, toBreak, this.flush.median ?? Number.NaN);
    const scale = this.bodyScale.median;
    if (scale !== undefined) this.planBody(plan, scale, units);
  }

  private planEdges(plan: Plan, toBreakNs: number, flushNs: number): void {
    if (!Number.isNaN(toBreakNs)) {
      plan.beforeNs = toBreakNs;
      plan.reachesBreak = true;
    }
    if (Number.isNaN(flushNs)) return;
    plan.unitNs[Charge.tlbiVmid] = flushNs;
    plan.recorded[Charge.tlbiVmid] = 1;
    plan.installNs = plan.afterNs = this.line();
  }

  private planBody(plan: Plan, scale: number, units: Float64Array): void {
    for (const kind of bodyKinds) {
      plan.unitNs[kind] = (units[kind] as number) * scale;
      plan.recorded[kind] = 1;
    }
  }

  private planClean(plan: Plan, units: Float64Array): void {
    const fitted = this.fittedCleanByteNs();
    plan.unitNs[Charge.cleanByte] = fitted ?? (units[Charge.cleanByte] as number);
    plan.recorded[Charge.cleanByte] = fitted === undefined ? 0 : 1;
  }

  /** Walk and tear-down of a recorded operation; at least 0. */
  private bodyOf(operation: Operation): number {
    const work = operation.work as Float64Array;
    const clean = (work[Charge.cleanByte] as number) * this.cleanByteNs();
    const fixed = operation.shape === Shape.coalesce ? this.fixedNs(operation) : 0;
    return Math.max(0, operation.cpuNs - fixed - clean);
  }

  /** Entry, flush, install and return of a recorded coalesce. */
  private fixedNs(operation: Operation): number {
    const { toBreakNs } = operation;
    const flush = flushNs(operation);
    if (Number.isNaN(flush)) {
      const work = operation.work as Float64Array;
      return (
        ((this.bodies[Shape.unchanged] as StreamMedian).median ?? this.profile.figure("mapFixedNs")) +
        (work[Charge.tlbiVmid] as number) * (this.recorderUnits[Charge.tlbiVmid] as number)
      );
    }
    return toBreakNs + flush + 2 * this.line();
  }

  private line(): number {
    const line = this.lineNs();
    return Number.isFinite(line) ? line : 0;
  }

  private profileBody(work: Float64Array, units: Float64Array): number {
    let sum = 0;
    for (const kind of bodyKinds) sum += (work[kind] as number) * (units[kind] as number);
    return Math.max(1, sum);
  }

  private cleanByteNs(): number {
    return this.fittedCleanByteNs() ?? (this.recorderUnits[Charge.cleanByte] as number);
  }

  private fittedCleanByteNs(): number | undefined {
    return this.recorderCleansBefore
      ? slope(this.beforePage, this.pageBytes, this.beforeBlock, this.beforeBlockBytes)
      : slope(this.freshPage, this.freshPageBytes, this.freshBlock, this.freshBlockBytes);
  }
}

/** From the break to the return of the VMID flush; NaN where the probes do not tell. */
function flushNs(operation: Operation): number {
  return operation.toFlushedNs - operation.toBreakNs;
}

/** Extra time by extra byte cleaned; undefined where the trace has no two sizes. */
function slope(
  small: StreamMedian,
  smallBytes: number,
  large: StreamMedian,
  largeBytes: number,
): number | undefined {
  // What disturbs (an interrupt, the zeroing of a new page) only adds: the least disturbed ones show the clean.
  const a = small.least;
  const b = large.least;
  if (a === undefined || b === undefined || largeBytes <= smallBytes) return undefined;
  return Math.max(0, (b - a) / (largeBytes - smallBytes));
}
