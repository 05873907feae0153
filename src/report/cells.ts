/** Rows as cells of text: label, one value a side, and for two sides the change and its percentage. */

import { modelledMark } from "./heading.js";
import { formatChange, formatQuantity, formatRelative } from "./quantity.js";
import type { Row, Side } from "./rows.js";

export function headCells(sides: readonly Side[]): string[] {
  const names = sides.map((side) => side.replay.strategy);
  return names.length === 1 ? names : [...names, "change", ""];
}

export function valueCells(row: Row, sides: readonly Side[]): string[] {
  const values = row.values.map((value, i) => {
    if (value === 0) return "0";
    const mark = row.unit === "ns" && sides[i]!.recordedRatio < 1 ? modelledMark : "";
    return `${row.atLeast?.[i] === true ? "at least " : ""}${mark}${formatQuantity(value, row.unit)}`;
  });
  const [base, candidate] = row.values;
  if (base === undefined || candidate === undefined) return values;
  if (row.apart) return [...values, "", ""];
  const relative = base === 0 && candidate === 0 ? "" : formatRelative(base, candidate);
  return [...values, formatChange(candidate - base, row.unit), relative];
}
