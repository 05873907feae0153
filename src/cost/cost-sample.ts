/** What one trace tells about costs: durations of known work, kept by kind of operation. Memory does not grow with the trace. */

import { seededRandom } from "../seeded-random.js";
import type { FigureName } from "./profile.js";

/** Of each kind at most so many are kept, chosen at random (seeded) where there are more. */
const KEPT = 256;
/** One in so many of each kind is held out of the fit, to test it. */
const HOLD_OUT_EVERY = 5;

/** One recorded duration, ns, and how many of each figure it was spent on. */
export interface Timed {
  readonly ns: number;
  readonly counts: Readonly<Partial<Record<FigureName, number>>>;
  /** Recorded lines inside that no figure stands for: those at the window's edges. */
  readonly edgeLines: number;
  /** Of `ns` and of the real duration the part that was measured by itself. */
  readonly apartNs: number;
}

/** A bounded random choice of what has been added. */
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

/** Operations of one kind: those to fit, and those to test the fit with. */
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

/** Figures whose duration a trace shows by itself. */
export type DirectFigure = "exitEntryNs" | "handlerNs" | "tailNs" | "tlbiVmidNs" | "retryLapNs";

export class CostSample {
  /** By what the operation was: `coalesce 2 MiB`. */
  readonly kinds = new Map<string, Kind>();
  private readonly durations = new Map<DirectFigure, Kept<number>>();
  /** What a recorded line costs inside an interval, ns. */
  lineNs = 0;
  /** Operations left out because another thread ran in between, or because their work is not known. */
  leftOut = 0;

  constructor(
    /** The trace. */
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
