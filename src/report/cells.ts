/** Rows as cells of text: one value a side; for two sides the change and its percentage, for more each one's percentage. */

import type { Figure } from "../compare/result.js";
import type { ResultSide } from "../compare/trace-result.js";
import { modelledMark } from "./heading.js";
import {
  formatChange,
  formatPercent,
  formatQuantity,
  formatRelative,
  formatShare,
  type Unit,
} from "./quantity.js";
import type { Row } from "./rows.js";

/** Where among a row's cells a side's percentage stands; the first side has none. */
export function relativeCell(side: number, sides: number): number {
  return sides === 2 ? 3 : 2 * side;
}

export function headCells(sides: readonly ResultSide[]): string[] {
  const [first = "", ...others] = sides.map((side) => side.replay.strategy);
  if (others.length < 2) return others.length === 0 ? [first] : [first, ...others, "change", ""];
  return [first, ...others.flatMap((name) => [name, ""])];
}

export function valueCells(row: Row, sides: readonly Pick<ResultSide, "recordedRatio">[]): string[] {
  const [first = "", ...others] = row.values.map((value, i) => {
    const figure = row.figures?.[i];
    const most = figure?.interval?.high ?? 0;
    if (value === 0)
      return most > 0 ? `${modelledMark}0 (to ${formatQuantity(Math.round(most), row.unit)})` : "0";
    const mark = markOf(figure, row.unit, sides[i]!);
    return `${mark}${formatQuantity(value, row.unit)}${reach(value, figure)}`;
  });
  const base = row.values[0]!;
  const relatives = row.values
    .slice(1)
    .map((value) => (row.apart === true || (base === 0 && value === 0) ? "" : relative(row, base, value)));
  if (others.length !== 1) return [first, ...others.flatMap((value, i) => [value, relatives[i]!])];
  const change = row.apart === true ? "" : formatChange(row.values[1]! - base, row.unit);
  return [first, ...others, change, ...relatives];
}

/** What stands before a figure; one that the result says nothing of is modelled where its side's times are. */
export function markOf(
  figure: Figure | undefined,
  unit: Unit,
  { recordedRatio }: Pick<ResultSide, "recordedRatio">,
): string {
  const isModelled = figure === undefined ? unit === "ns" && recordedRatio < 1 : figure.kind === "modelled";
  if (isModelled) return modelledMark;
  return figure?.kind === "at least" ? "at least " : "";
}

/** Whether a change is worth a colour: one of some nanoseconds in milliseconds is none. */
export function isTelling(base: number, value: number): boolean {
  return Math.abs(value - base) >= 0.0005 * Math.abs(base) && value !== base;
}

/** How far the draws reach from the value, the farther of the two ends. */
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
