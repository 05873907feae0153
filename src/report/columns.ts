/** The column names of a result's table, and the selection of columns by name. */

import type { TraceResult } from "../compare/trace-result.js";
import { UsageError } from "../errors.js";
import { didYouMean } from "../suggest.js";

export const diffColumns = ["base", "candidate", "change", "percent"] as const;
export const replayColumns = ["value"] as const;

/** Columns of a comparison: each strategy's value and, except for the first, its difference from the first. */
export function compareColumns([first, ...others]: readonly string[]): string[] {
  if (first === undefined) return [];
  const [second] = others;
  if (others.length === 1) return [first, second!, "change", `${second}%`];
  return [first, ...others.flatMap((name) => [name, `${name}%`])];
}

/** The columns in the order of the cells. */
export function columnsOf(result: TraceResult): readonly string[] {
  if (result.kind === "diff") return diffColumns;
  if (result.kind === "replay") return replayColumns;
  return compareColumns(result.sides.map(({ replay }) => replay.strategy));
}

/** Parses `change,percent` to these columns, in that order. Throws UsageError. */
export function parseColumns(text: string, known: readonly string[]): string[] {
  return text.split(",").map((part) => {
    const name = part.trim();
    if (known.includes(name)) return name;
    throw new UsageError(
      `--columns: unknown column "${name}"${didYouMean(name, known)}: expected ${known.join(", ")}`,
    );
  });
}

/** Picks the wanted cells from a row that has all `known` columns; all cells if none is named. */
export function cellPicker(
  known: readonly string[],
  wanted: readonly string[] | undefined,
): <T>(cells: readonly T[]) => T[] {
  if (wanted === undefined) return (cells) => [...cells];
  const places = wanted.map((name) => known.indexOf(name));
  return (cells) => places.map((place) => cells[place]!);
}

/** Heads of the wanted columns; a column without a head in the full table shows its name. */
export function pickHeads(
  heads: readonly string[],
  known: readonly string[],
  wanted: readonly string[] | undefined,
): string[] {
  if (wanted === undefined) return [...heads];
  return cellPicker(known, wanted)(heads.map((head, n) => (head === "" ? known[n]! : head)));
}
