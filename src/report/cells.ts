/** Rows as cells of text: one value a side; for two sides the change and its percentage, for more each one's percentage. */

import { modelledMark } from "./heading.js";
import { formatChange, formatQuantity, formatRelative, formatShare } from "./quantity.js";
import type { Row, Side } from "./rows.js";

/** Where among a row's cells a side's percentage stands; the first side has none. */
export function relativeCell(side: number, sides: number): number {
  return sides === 2 ? 3 : 2 * side;
}

export function headCells(sides: readonly Side[]): string[] {
  const [first = "", ...others] = sides.map((side) => side.replay.strategy);
  if (others.length < 2) return others.length === 0 ? [first] : [first, ...others, "change", ""];
  return [first, ...others.flatMap((name) => [name, ""])];
}

export function valueCells(row: Row, sides: readonly Pick<Side, "recordedRatio">[]): string[] {
  const [first = "", ...others] = row.values.map((value, i) => {
    if (value === 0) return "0";
    const mark = row.unit === "ns" && sides[i]!.recordedRatio < 1 ? modelledMark : "";
    return `${row.atLeast?.[i] === true ? "at least " : ""}${mark}${formatQuantity(value, row.unit)}`;
  });
  const base = row.values[0]!;
  const relatives = row.values
    .slice(1)
    .map((value) => (row.apart === true || (base === 0 && value === 0) ? "" : relative(row, base, value)));
  if (others.length !== 1) return [first, ...others.flatMap((value, i) => [value, relatives[i]!])];
  const change = row.apart === true ? "" : formatChange(row.values[1]! - base, row.unit);
  return [first, ...others, change, ...relatives];
}

function relative({ left }: Row, base: number, value: number): string {
  if (left === undefined || left === null) return formatRelative(base, value);
  return left < 0 ? "turns" : `${formatShare(left)} left`;
}
