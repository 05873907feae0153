/** Compares a number of runs before and after: medians, ranges, and whether the change exceeds the variation. */

import { mannWhitney } from "./mann-whitney.js";
import { rangeOf } from "./range.js";
import { type FigureKind, figureKinds } from "./result.js";
import type { Compared } from "./result-recordings.js";

/** Fewest runs a side for a rank test at this level: with 3 and 3 runs the lowest possible p is 0.1. */
export const LEAST_TESTED = 4;
const LEVEL = 0.05;

/** The value of one run. */
export interface Measurement {
  readonly value: number;
  readonly kind: FigureKind;
}

export function compared(before: readonly Measurement[], after: readonly Measurement[]): Compared {
  const [from, to] = [figureOf(before), figureOf(after)];
  const change = to.median - from.median;
  const isTested = Math.min(before.length, after.length) >= LEAST_TESTED;
  const p = isTested ? mannWhitney(before.map(numberOf), after.map(numberOf)).p : null;
  return {
    before: from,
    after: to,
    change,
    ratio: from.median === 0 ? null : change / from.median,
    ranges: from.most < to.least || to.most < from.least ? "apart" : "overlapping",
    p,
    significant: p === null ? null : p < LEVEL,
  };
}

const numberOf = ({ value }: Measurement): number => value;

/** Summarises the runs of one side. */
export function figureOf(runs: readonly Measurement[]): Compared["before"] {
  const leastCertain = Math.max(...runs.map(({ kind }) => figureKinds.indexOf(kind)));
  return { kind: figureKinds[leastCertain]!, ...rangeOf(runs.map(numberOf)) };
}
