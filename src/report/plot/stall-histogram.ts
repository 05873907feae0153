/** Stalls by length, as log2 histograms in the style of bpftrace and bcc, one panel per strategy. */

import { formatCount, formatNs } from "../quantity.js";

/** Row 0 has the shorter stalls; row n begins at `2^(n-1)` times this. */
const FIRST_NS = 1000;
const ROWS = 48;
const widestBar = 40;
const narrowestBar = 12;

export interface Panel {
  readonly name: string;
  /** Number of accesses in each row. */
  readonly counts: Float64Array;
}

/** An array with one row for each power of two. */
export function stallCounts(): Float64Array {
  return new Float64Array(ROWS);
}

/** Counts `times` stalls of this length. */
export function countStall(counts: Float64Array, ns: number, times: number): void {
  let row = 0;
  for (let upperNs = FIRST_NS; ns >= upperNs && row < ROWS - 1; upperNs *= 2) row++;
  counts[row] = (counts[row] as number) + times;
}

/**
 * Puts the panels side by side if they fit, else one below the other, all on the same scale. Empty rows are shown only
 * between others. Lines have no trailing blanks.
 */
export function histogramLines(panels: readonly Panel[], width: number): string[] {
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  const filled = rows.filter((row) => panels.some(({ counts }) => counts[row] !== 0));
  const [first, last] = [filled[0], filled.at(-1)];
  if (first === undefined || last === undefined) return ["no access faulted"];
  const shown = rows.slice(first, last + 1);
  const most = Math.max(...panels.flatMap(({ counts }) => [...counts]));
  const totals = panels.map(({ counts }) => formatCount(counts.reduce((sum, count) => sum + count)));
  const ranges = shown.map((row) => [row === 0 ? "0 us" : edgeText(row - 1), edgeText(row)] as const);
  const lowWidth = Math.max(...ranges.map(([low]) => low.length));
  const highWidth = Math.max(...ranges.map(([, high]) => high.length));
  const labelWidth = lowWidth + highWidth + 6;
  const countWidth = Math.max(...totals.map((text) => text.length));
  // The frame is ` : COUNT |BAR|`.
  const frame = countWidth + 6;
  const fitting = Math.floor((width - labelWidth) / (frame + narrowestBar));
  const across = Math.min(panels.length, Math.max(1, fitting));
  const barWidth = Math.max(
    narrowestBar,
    Math.min(widestBar, Math.floor((width - labelWidth) / across) - frame),
  );
  const lines: string[] = [];
  for (let from = 0; from < panels.length; from += across) {
    if (from > 0) lines.push("");
    const beside = panels.slice(from, from + across);
    const cells = (of: (panel: Panel, n: number) => string) =>
      beside.map((panel, n) => of(panel, n).padEnd(frame + barWidth)).join("");
    lines.push(" ".repeat(labelWidth) + cells(({ name }) => `   ${name}`));
    shown.forEach((row, n) => {
      const [low, high] = ranges[n]!;
      const label = `  ${low.padStart(lowWidth)} -> ${high.padEnd(highWidth)}`;
      lines.push(
        label +
          cells(({ counts }) => {
            const count = counts[row] as number;
            // Rounding up makes one of a million visible.
            const bar = "*".repeat(Math.ceil((count / most) * barWidth));
            return ` : ${formatCount(count).padStart(countWidth)} |${bar.padEnd(barWidth)}|`;
          }),
      );
    });
    const total = "  accesses".padEnd(labelWidth);
    lines.push(total + cells((_, n) => ` : ${totals[from + n]!.padStart(countWidth)}`));
  }
  return lines.map((line) => line.trimEnd());
}

/** The upper edge of a row: `512 us`, `1.02 ms`. */
function edgeText(row: number): string {
  const ns = FIRST_NS * 2 ** row;
  return ns < 1e6 ? `${ns / 1000} us` : formatNs(ns);
}
