import { type Operation, OperationKind } from "../../activity/activity.js";
import type { CostProfile } from "../../cost/profile.js";
import { ZERO } from "../../double.js";
import { Charge, chargeKinds } from "../../stage2/meter.js";
import type { CostScale } from "../cost-scale.js";
import { Cost, costs } from "../counters.js";
import { Shape } from "../plan.js";
import type { Hold } from "./baseline.js";
import type { Learnt } from "./learnt.js";

/** The costs that are separated within a hold; the rest belongs to the walk. */
const besideWalk = [Cost.tlbi, Cost.clean, Cost.teardown] as const;
export const heldCosts = [Cost.walk, ...besideWalk] as const;

/** The work of a walk by charge kind: in total, up to the break of its window's entry, and up to the install. */
export interface Work {
  readonly counts: Float64Array;
  readonly countsToBreak: Float64Array;
  readonly countsToInstall: Float64Array;
  /** Entries visited before the first was made invalid. */
  readonly visitsToBreak: number;
}

/**
 * The duration of an operation on one side: the recorded duration of the operation that did this work, plus the cost of
 * the difference between the two. Two walks are the same if their work is.
 */
export class HoldTime {
  /** Whole nanoseconds from the function's entry to its return. */
  ns = ZERO;
  /** Relative to the entry, if the walk opened a window. */
  breakNs = ZERO;
  installNs = ZERO;
  /** The time by Cost; sums to `ns`. */
  readonly costNs = new Float64Array(costs.length);
  /** The recorded share of each cost. */
  readonly recorded = new Float64Array(costs.length);
  /** Whether the work is the record's own, and so the time too. */
  isRecorded = false;
  /** Both edges of the window are recorded. */
  isWindowRecorded = false;
  /** Time that should have been saved but was not there. */
  clampedNs = ZERO;

  private bodyNs = ZERO;
  private cleanNs = ZERO;
  private flushNs = ZERO;
  private rest = ZERO;

  constructor(
    private readonly learnt: Learnt,
    private readonly profile: CostProfile,
    /** Unit costs of this side's walker. */
    private readonly units: Float64Array,
    private readonly scale: CostScale,
  ) {}

  /**
   * Sets the duration of a walk that has just been run.
   * @param own the record of this operation, if its work is known
   * @param like the record of an operation that did this work on this entry; undefined if there is none
   */
  set(meter: Work, operation: Operation, shape: number, own: Hold | undefined, like: Hold | undefined): void {
    const recorded = own !== undefined && own.operation.shape === shape ? own : like;
    this.clampedNs = 0;
    this.isRecorded = this.isWindowRecorded = false;
    if (shape === Shape.coalesce) this.setCoalesce(meter, recorded, recorded === own);
    else this.setPlain(meter, operation, shape, recorded, recorded === own);
    this.share(shape);
  }

  private setPlain(
    meter: Work,
    operation: Operation,
    shape: number,
    recorded: Hold | undefined,
    isOwn: boolean,
  ): void {
    const { learnt } = this;
    const cleaned = meter.counts[Charge.cleanByte] as number;
    this.flushNs = this.bodyNs = 0;
    if (recorded !== undefined) {
      const { parts } = recorded;
      const work = recorded.operation.work as Float64Array;
      const isSame = isEqual(meter.counts, work);
      this.cleanNs = parts.cleanNs;
      this.rest = parts.restNs;
      if (!isSame) {
        const wasCleaned = work[Charge.cleanByte] as number;
        this.cleanNs = cleaned * (wasCleaned > 0 ? parts.cleanNs / wasCleaned : learnt.cleanByteNs);
        this.rest += this.difference(meter.counts, work);
      }
      this.isRecorded = isSame && isOwn;
      this.mark(this.isRecorded || recorded.ns !== 0 ? 1 : 0);
      this.breakNs = parts.breakNs;
    } else {
      const usual = operation.kind === OperationKind.map ? learnt.usualNs(shape, operation.bytes) : undefined;
      this.cleanNs = cleaned * learnt.cleanByteNs;
      this.rest = usual ?? this.profile.figure("mapFixedNs") + this.workNs(meter.counts);
      this.mark(usual === undefined ? 0 : 1);
      this.breakNs = operation.toBreakNs;
    }
    this.recorded[Cost.clean] = this.isRecorded || learnt.knowsClean ? 1 : 0;
  }

  private setCoalesce(meter: Work, recorded: Hold | undefined, isOwn: boolean): void {
    const { learnt } = this;
    const cleaned = meter.counts[Charge.cleanByte] as number;
    if (recorded === undefined) {
      this.breakNs = learnt.usualToBreakNs ?? this.profile.figure("mapFixedNs");
      this.flushNs = learnt.usualFlushNs ?? (this.units[Charge.tlbiVmid] as number);
      this.bodyNs = learnt.usualBodyNs ?? learnt.profileBody(meter.counts, meter.visitsToBreak, this.units);
      this.cleanNs = cleaned * learnt.cleanByteNs;
      this.rest = this.breakNs + 2 * learnt.line;
      this.mark(0);
      this.placeInstall(meter);
      return;
    }
    const { operation, ns, parts } = recorded;
    const { bodyNs: body, cleanNs: clean } = parts;
    const work = operation.work as Float64Array;
    const isSame = this.isSameWork(meter.counts, work);
    this.flushNs = parts.flushNs;
    this.breakNs = parts.breakNs;
    this.rest = parts.restNs;
    this.mark(1);
    if (isSame) {
      this.bodyNs = body;
      this.cleanNs = clean;
      this.isRecorded = isOwn;
    } else {
      const wasCleaned = work[Charge.cleanByte] as number;
      const was = learnt.profileBody(work, operation.visitsToBreak, learnt.recorderUnits);
      const is = learnt.profileBody(meter.counts, meter.visitsToBreak, this.units);
      this.bodyNs =
        this.isTornDownElsewhere(work) && !this.isTornDownElsewhere(meter.counts)
          ? (learnt.teardownNs ?? is)
          : Math.max(0, body + (is - was) * (learnt.bodyPace ?? body / was));
      this.cleanNs = cleaned * (wasCleaned > 0 ? clean / wasCleaned : learnt.cleanByteNs);
      this.recorded[Cost.teardown] = 0;
      this.recorded[Cost.clean] = learnt.knowsClean ? 1 : 0;
    }
    const hasEdge = !Number.isNaN(operation.toInstallNs);
    if (isSame && this.isSameOrder(meter, operation)) {
      this.installNs = hasEdge ? operation.toInstallNs : ns;
      this.isWindowRecorded = this.isRecorded && hasEdge && !Number.isNaN(operation.toBreakNs);
      return;
    }
    this.placeInstall(meter);
    if (hasEdge) this.keepEdge(operation, body, clean);
  }

  /**
   * The recorded edge is not determined by its work alone: the difference between the recorded edge and the modelled
   * one is kept in proportion to the work that stays inside the window.
   */
  private keepEdge(operation: Operation, body: number, clean: number): void {
    const { work, workToBreak, workToInstall } = operation;
    if (work === undefined || workToBreak === undefined || workToInstall === undefined) return;
    const was = this.inWindowNs(
      work,
      workToBreak,
      workToInstall,
      operation.visitsToBreak,
      this.learnt.recorderUnits,
      body,
      clean,
    );
    const flushedNs = this.breakNs + this.flushNs + this.learnt.line;
    const kept = was > 0 ? Math.max(0, Math.min(1, (this.installNs - flushedNs) / was)) : 1;
    this.installNs += (operation.toInstallNs - flushedNs - was) * kept;
  }

  /** Ends the window when the work done before the install is done. */
  private placeInstall(meter: Work): void {
    const { countsToInstall, countsToBreak, counts, visitsToBreak } = meter;
    this.installNs =
      this.breakNs +
      this.flushNs +
      this.learnt.line +
      this.inWindowNs(
        counts,
        countsToBreak,
        countsToInstall,
        visitsToBreak,
        this.units,
        this.bodyNs,
        this.cleanNs,
      );
  }

  /** The parts of a coalesce's body and clean between its flush and its install; ns. */
  private inWindowNs(
    counts: Float64Array,
    toBreak: Float64Array,
    toInstall: Float64Array,
    visitsToBreak: number,
    units: Float64Array,
    bodyNs: number,
    cleanNs: number,
  ): number {
    const { learnt } = this;
    const all = learnt.profileBody(counts, visitsToBreak, units);
    const before = learnt.profileBody(toInstall, toBreak[Charge.entryVisit] as number, units);
    const cleaned = counts[Charge.cleanByte] as number;
    const cleanShare = cleaned === 0 ? 0 : (toInstall[Charge.cleanByte] as number) / cleaned;
    return Math.min(1, (before - 1) / all) * bodyNs + cleanShare * cleanNs;
  }

  /** Whether a detached table is left to a deferred free. */
  private isTornDownElsewhere(work: Float64Array): boolean {
    return (work[Charge.deferFree] as number) > 0;
  }

  /** Splits the time by cost, scales it, and rounds it to whole nanoseconds. */
  private share(shape: number): void {
    const { costNs, scale } = this;
    const before = this.breakNs;
    costNs.fill(0);
    costNs[Cost.tlbi] = this.flushNs;
    costNs[Cost.clean] = this.cleanNs;
    costNs[Cost.teardown] = this.bodyNs;
    if (this.rest < 0) this.clampedNs = -this.rest;
    costNs[Cost.walk] = Math.max(0, this.rest);
    const total = this.flushNs + this.cleanNs + this.bodyNs + Math.max(0, this.rest);
    let sum = 0;
    for (const cost of besideWalk) {
      const ns = Math.round((costNs[cost] as number) * scale.of(cost));
      costNs[cost] = ns;
      sum += ns;
    }
    // The walk gets the rounding error, so that the parts sum to the whole.
    this.ns = scale.isWhole
      ? Math.round(total)
      : sum + Math.round((costNs[Cost.walk] as number) * scale.of(Cost.walk));
    costNs[Cost.walk] = Math.max(0, this.ns - sum);
    this.ns = sum + (costNs[Cost.walk] as number);
    if (shape !== Shape.coalesce) {
      this.breakNs = Number.isNaN(before) ? this.ns : Math.min(before, this.ns);
      this.installNs = this.ns;
      return;
    }
    const factor = total === 0 || scale.isWhole ? 1 : this.ns / total;
    this.breakNs = Math.min(this.ns, Math.round(before * factor));
    this.installNs = Math.max(this.breakNs, Math.min(this.ns, Math.round(this.installNs * factor)));
  }

  private mark(share: number): void {
    this.recorded.fill(share);
  }

  /** Whether the counts are equal, and compiled code takes the same time for a visit. */
  private isSameWork(counts: Float64Array, work: Float64Array): boolean {
    if (!isEqual(counts, work)) return false;
    return this.units[Charge.entryVisit] === this.learnt.recorderUnits[Charge.entryVisit];
  }

  private isSameOrder(meter: Work, operation: Operation): boolean {
    const { workToBreak, workToInstall } = operation;
    if (workToBreak === undefined || workToInstall === undefined) return false;
    for (let kind = 0; kind < chargeKinds; kind++)
      if (
        meter.countsToBreak[kind] !== workToBreak[kind] ||
        meter.countsToInstall[kind] !== workToInstall[kind]
      )
        return false;
    return true;
  }

  /** The cost of the work beyond the recorded work, without the clean; negative if there is less. */
  private difference(counts: Float64Array, work: Float64Array): number {
    return this.workNs(counts) - this.workNs(work);
  }

  private workNs(counts: Float64Array): number {
    const { recorderUnits } = this.learnt;
    let ns = 0;
    for (let kind = 0; kind < chargeKinds; kind++)
      if (kind !== Charge.cleanByte) ns += (counts[kind] as number) * (recorderUnits[kind] as number);
    return ns;
  }
}

function isEqual(counts: Float64Array, work: Float64Array): boolean {
  if (counts === work) return true;
  for (let kind = 0; kind < chargeKinds; kind++) if (counts[kind] !== work[kind]) return false;
  return true;
}
