/** The durations of known work in one trace, kept by kind of operation. Memory does not grow with the trace. */

import { seededRandom } from "../seeded-random.js";
import type { FigureName } from "./profile.js";

/** Most operations kept of each kind; of more, a random choice (seeded) is kept. */
const KEPT = 256;
/** One in this many operations of each kind is held out of the fit, to test it. */
const HOLD_OUT_EVERY = 5;

/** One recorded duration, ns, and the counts of the figures that it was spent on. */
export interface Timed {
  readonly ns: number;
  readonly counts: Readonly<Partial<Record<FigureName, number>>>;
  /** Recorded lines inside that no figure includes: those at the window's edges. */
  readonly edgeLines: number;
  /** The part of `ns` that was measured separately (a VMID flush). */
  readonly apartNs: number;
}

/** A bounded random sample of the items added. */
class Kept<T> {
  added = 0;
  readonly items: T[] = [];
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  add(item: T): void {
    this.added++;
    if (this.items.length < KEPT) {
      this.items.push(item);
      return;
    }
    const at = Math.floor(this.random() * this.added);
    if (at < KEPT) this.items[at] = item;
  }
}

/** Operations of one kind: those to fit, and those to test the fit. */
class Kind {
  private added = 0;
  private readonly toFit = new Kept<Timed>(1);
  private readonly toTest = new Kept<Timed>(2);

  get fitted(): readonly Timed[] {
    return this.toFit.items;
  }

  get heldOut(): readonly Timed[] {
    return this.toTest.items;
  }

  get count(): number {
    return this.added;
  }

  add(timed: Timed): void {
    this.added++;
    (this.added % HOLD_OUT_EVERY === 0 ? this.toTest : this.toFit).add(timed);
  }
}

/** Figures that a trace shows directly. */
export type DirectFigure = "exitEntryNs" | "handlerNs" | "tailNs" | "tlbiVmidNs" | "retryLapNs";

export class CostSample {
  /** By kind of operation: `coalesce 2 MiB`. */
  readonly kinds = new Map<string, Kind>();
  private readonly durations = new Map<DirectFigure, Kept<number>>();
  /** The cost of a recorded line inside an interval, ns. */
  lineNs = 0;
  /** Operations left out because another thread ran in between, or because their work is unknown. */
  leftOut = 0;

  constructor(
    /** Name of the trace. */
    readonly name: string,
    /** The strategy that recorded it. */
    readonly walker: string,
  ) {}

  add(kind: string, timed: Timed): void {
    let kept = this.kinds.get(kind);
    if (kept === undefined) {
      kept = new Kind();
      this.kinds.set(kind, kept);
    }
    kept.add(timed);
  }

  addDirect(figure: DirectFigure, ns: number): void {
    let kept = this.durations.get(figure);
    if (kept === undefined) {
      kept = new Kept(3);
      this.durations.set(figure, kept);
    }
    kept.add(ns);
  }

  direct(figure: DirectFigure): { readonly ns: readonly number[]; readonly count: number } {
    const kept = this.durations.get(figure);
    return { ns: kept?.items ?? [], count: kept?.added ?? 0 };
  }
}
