/** Formats rows as cells: one value per side; for two sides the change and its percentage, for more each percentage. */

import type { Figure, Verdict } from "../compare/result.js";
import type { ResultSide } from "../compare/trace-result.js";
import {
  formatChange,
  formatPercent,
  formatQuantity,
  formatRelative,
  formatShare,
  type Unit,
} from "./quantity.js";
import type { Row } from "./rows.js";

/** Index of a side's percentage among the cells of a row; the first side has none. */
function relativeCell(side: number, sides: number): number {
  return sides === 2 ? 3 : 2 * side;
}

/** @param names the names of the sides */
export function headCells([first = "", ...others]: readonly string[]): string[] {
  if (others.length < 2) return others.length === 0 ? [first] : [first, ...others, "change", ""];
  return [first, ...others.flatMap((name) => [name, ""])];
}

/** Precedes a figure that the record does not determine. */
export const modelledMark = "~";

/** Follows a figure that is lower only because the walker omits what no machine should do without. */
export const unsafeMark = "!";

export type Judgement = "less" | "more" | "unsafe";

/**
 * The judgement of each change in a row, by cell. Less is better for any change of time or faults, except under a
 * walker that no machine should run.
 */
export function judgementsOf(row: Row, sides: readonly ShownSide[]): ReadonlyMap<number, Judgement> {
  const [base = 0, ...others] = row.values;
  const judgements = new Map<number, Judgement>();
  if (row.apart === true) return judgements;
  for (const [n, value] of others.entries()) {
    if (!isTelling(base, value)) continue;
    const side = n + 1;
    const less = isUnsafe(sides[side]!) ? "unsafe" : "less";
    judgements.set(relativeCell(side, sides.length), value > base ? "more" : less);
  }
  return judgements;
}

/** The properties of a side that the cells depend on. */
export interface ShownSide extends Pick<ResultSide, "recordedRatio"> {
  readonly verdict?: Pick<Verdict, "unsafe"> | null;
}

function isUnsafe({ verdict }: ShownSide): boolean {
  return verdict?.unsafe === true;
}

export function valueCells(row: Row, sides: readonly ShownSide[]): string[] {
  const [first = "", ...others] = row.values.map((value, i) => {
    const figure = row.figures?.[i];
    const most = figure?.interval?.high ?? 0;
    const mark = markOf(figure, row.unit, sides[i]!);
    if (value === 0) return most > 0 ? `${mark}0 (to ${formatQuantity(Math.round(most), row.unit)})` : "0";
    return `${mark}${formatQuantity(value, row.unit)}${reach(value, figure)}`;
  });
  const base = row.values[0]!;
  const warningOf = (value: number, i: number) => (value < base && isUnsafe(sides[i + 1]!) ? unsafeMark : "");
  const relatives = row.values
    .slice(1)
    .map((value, i) =>
      row.apart === true || (base === 0 && value === 0)
        ? ""
        : relative(row, base, value) + warningOf(value, i),
    );
  if (others.length !== 1) return [first, ...others.flatMap((value, i) => [value, relatives[i]!])];
  const change =
    row.apart === true ? "" : formatChange(row.values[1]! - base, row.unit) + warningOf(row.values[1]!, 0);
  return [first, ...others, change, ...relatives];
}

/** The mark before a figure. A figure of unknown kind counts as modelled if some of its side's times are. */
export function markOf(
  figure: Figure | undefined,
  unit: Unit,
  { recordedRatio }: Pick<ResultSide, "recordedRatio">,
): string {
  const isModelled = figure === undefined ? unit === "ns" && recordedRatio < 1 : figure.kind === "modelled";
  if (isModelled) return modelledMark;
  return figure?.kind === "at least" ? "at least " : "";
}

/** Whether a change is worth a colour; one of some nanoseconds in milliseconds is not. */
function isTelling(base: number, value: number): boolean {
  return Math.abs(value - base) >= 0.0005 * Math.abs(base) && value !== base;
}

/** How far the interval of the draws reaches from the value, at the farther end. */
function reach(value: number, figure: Figure | undefined): string {
  const { interval } = figure ?? {};
  if (interval === undefined) return "";
  const farthest = Math.max(Math.abs(value - interval.low), Math.abs(interval.high - value)) / value;
  return farthest < 0.0005 ? "" : ` ±${formatPercent(farthest)}`;
}

function relative({ left }: Row, base: number, value: number): string {
  if (left === undefined || left === null) return formatRelative(base, value);
  return left < 0 ? "turns" : `${formatShare(left)} left`;
}
