import { type Operation, OperationKind } from "../../activity/activity.js";
import type { CostProfile } from "../../cost/profile.js";
import { Charge, type ChargeKind } from "../../stage2/meter.js";
import { type Plan, Shape } from "../plan.js";
import { StreamMedian, slope } from "../samples.js";

/** Walk and tear-down work: what is left of a recorded operation once its flush and its clean are taken off. */
const bodyKinds: readonly ChargeKind[] = [
  Charge.entryVisit,
  Charge.pagePut,
  Charge.tableFree,
  Charge.deferFree,
];

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
  /** Before a map: from the abort on, where nobody else had the lock then; else from when he left it: a clean, and little more. */
  private readonly freePage = new StreamMedian();
  private readonly freeBlock = new StreamMedian();
  private readonly waitedPage = new StreamMedian();
  private readonly waitedBlock = new StreamMedian();
  private cleanedBlockBytes = 0;
  private readonly beforePage = new StreamMedian();
  private readonly beforeBlock = new StreamMedian();
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
    if (shape === Shape.coalesce) this.bodyScale.add(body / this.profileBody(operation, this.recorderUnits));
    else if (operation.kind === OperationKind.map) (this.bodies[shape] as StreamMedian).add(body);
  }

  /** Learns how long the fault path took before a map of `bytes`, uncontended; ns of CPU time. */
  learnBefore(bytes: number, cpuNs: number): void {
    if (bytes > this.pageBytes) {
      this.beforeBlock.add(cpuNs);
    } else this.beforePage.add(cpuNs);
  }

  /** Learns from the time before a map of `bytes`, since the abort and since another operation held the lock; ns. */
  learnClean(bytes: number, sinceAbortNs: number, sinceHeldNs: number): void {
    const waited = sinceHeldNs < sinceAbortNs;
    if (bytes > this.pageBytes) {
      (waited ? this.waitedBlock : this.freeBlock).add(Math.min(sinceAbortNs, sinceHeldNs));
      this.cleanedBlockBytes = bytes;
    } else (waited ? this.waitedPage : this.freePage).add(Math.min(sinceAbortNs, sinceHeldNs));
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
    const own = recorded?.isCredible === true && recorded.shape === shape && !Number.isNaN(recorded.cpuNs);
    plan.installNs = plan.afterNs = 0;
    plan.reachesBreak = false;
    plan.breakAtNs = Number.NaN;
    if (own) this.planOwn(plan, recorded, units);
    else this.planFitted(plan, shape, recorded, units);
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
      plan.breakAtNs = Math.min(recorded.toBreakNs, plan.beforeNs);
      return;
    }
    plan.set(units);
    plan.beforeNs = this.profile.figure("mapFixedNs");
    this.planClean(plan, units);
    this.planEdges(plan, recorded.toBreakNs, flushNs(recorded));
    // Whoever invalidates the I-cache, walker or fault path, has it in the recorded time; with CTR_EL0.DIC it is none.
    plan.unitNs[Charge.icacheByte] = 0;
    const body = this.bodyOf(recorded);
    if (clean > 0) {
      // What cannot be the body is the clean: the two sum to the recorded time.
      plan.unitNs[Charge.cleanByte] = Math.max(0, cpuNs - this.fixedNs(recorded) - body) / clean;
      plan.recorded[Charge.cleanByte] = 1;
    }
    this.planBody(plan, body / this.profileBody(recorded, this.recorderUnits), units);
  }

  private planFitted(plan: Plan, shape: Shape, recorded: Operation | undefined, units: Float64Array): void {
    const median = shape === Shape.coalesce ? undefined : (this.bodies[shape] as StreamMedian).median;
    if (median !== undefined) {
      plan.setFlat(median);
      if (shape === Shape.split && recorded !== undefined)
        plan.breakAtNs = Math.min(recorded.toBreakNs, plan.beforeNs);
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
    if (scale === undefined) return;
    this.planBody(plan, scale, units);
    // As in a recorded one.
    plan.unitNs[Charge.icacheByte] = 0;
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
    // The lines at the break and the install have these in them.
    plan.unitNs[Charge.pteStore] = plan.unitNs[Charge.pageGet] = 0;
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

  private profileBody({ work, visitsToBreak }: Operation, units: Float64Array): number {
    let sum = 0;
    for (const kind of bodyKinds) sum += ((work as Float64Array)[kind] as number) * (units[kind] as number);
    return Math.max(1, sum - visitsToBreak * (units[Charge.entryVisit] as number));
  }

  private cleanByteNs(): number {
    return this.fittedCleanByteNs() ?? (this.recorderUnits[Charge.cleanByte] as number);
  }

  private fittedCleanByteNs(): number | undefined {
    if (!this.recorderCleansBefore)
      return slope(this.freshPage, this.freshPageBytes, this.freshBlock, this.freshBlockBytes);
    const { pageBytes, cleanedBlockBytes } = this;
    // Who waited cleans and does little else; who comes first may zero new memory too, and the least may be that.
    const waitedNs = this.waitedBlock.least;
    if (waitedNs !== undefined)
      return (
        slope(this.waitedPage, pageBytes, this.waitedBlock, cleanedBlockBytes) ?? waitedNs / cleanedBlockBytes
      );
    return slope(this.freePage, pageBytes, this.freeBlock, cleanedBlockBytes);
  }
}

/** From the break to the return of the VMID flush; NaN where the probes do not tell. */
function flushNs(operation: Operation): number {
  return operation.toFlushedNs - operation.toBreakNs;
}
