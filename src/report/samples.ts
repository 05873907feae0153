/** Describes how a change varies in the draws of the assumed figures. */

import type { SampledChange, TraceResult } from "../compare/trace-result.js";
import {
  formatChange,
  formatCount,
  formatPlural,
  formatRelative,
  formatShare,
  type Unit,
} from "./quantity.js";

/** One line about the draws, and one for each figure that varies in them. */
export function samplesTexts({ kind, samples }: TraceResult): string[] {
  if (samples === null) return [];
  const { draws, seed, drawn, within } = samples.draws;
  const what = `${formatCount(draws)} draws of ${formatPlural(drawn.length, "figure")} of the profile from their ranges, and of when each access comes, to within its exit path (seed ${seed}); ${formatShare(within)} of them lie within ± in the table`;
  if (kind !== "diff") return [what];
  const moved = samples.changes[1]!.filter(({ change }) => change.low !== 0 || change.high !== 0);
  return [
    `${what}, their changes between`,
    ...moved.map((figure) => `  ${lineOf(figure, draws)}`),
    ...(moved.length === 0 ? ["  no figure changes, whatever is drawn"] : []),
  ];
}

function lineOf({ label, change, relative, falls, rises, hangsOn }: SampledChange, draws: number): string {
  const unit: Unit = label === "faults" ? "count" : "ns";
  const ends = (low: string, high: string) => (low === high ? low : `${low} and ${high}`);
  const size = ends(formatChange(Math.round(change.low), unit), formatChange(Math.round(change.high), unit));
  const share = ends(percent(relative.low), percent(relative.high));
  const sign =
    falls > 0 && rises > 0
      ? `; it falls in ${formatCount(falls)} draws and rises in ${formatCount(rises)}: the sign hangs on what is assumed`
      : falls + rises < draws
        ? `; no change in ${formatCount(draws - falls - rises)} draws`
        : "";
  // The assumption that matters is worth naming only if the change varies.
  const what =
    hangsOn === null || percent(relative.low) === percent(relative.high)
      ? ""
      : `; most with ${hangsOn.figure} (rank correlation ${hangsOn.rankCorrelation.toFixed(2)})`;
  return `${label}: ${size} (${share})${sign}${what}`;
}

function percent(ratio: number): string {
  return formatRelative(1, 1 + ratio);
}
