/** Formats what `calibrate` found: the figures, their errors on operations held out of the fit, and warnings. */

import type { PublishedCalibration } from "../compare/calibrate-published.js";
import type { Calibration } from "../cost/calibrate.js";
import type { HeldOutError } from "../cost/held-out.js";
import { fill } from "./fill.js";
import { formatCount, formatPercent, formatPlural, printable } from "./quantity.js";
import { plainTable } from "./terminal.js";

export function render(calibration: Calibration): string {
  const { figures, heldOut, warnings } = calibration;
  const rows = plainTable(["left", "right", "right", "right", "left", "right"]);
  rows.push(["", "ns", "range", "base", "how", "durations"]);
  for (const { name, ns, range, baseNs, origin, durations } of figures)
    rows.push([
      printable(name),
      ns,
      range === null ? "" : `${range[0]} to ${range[1]}`,
      baseNs,
      origin,
      durations === 0 ? "" : formatCount(durations),
    ]);
  const errors = plainTable(["left", "right", "right", "right"]);
  errors.push(["held out, |predicted / recorded - 1|", "operations", "median", "90 %"]);
  for (const error of [...heldOut.byKind, heldOut.all]) errors.push(errorCells(error));
  const left = `${formatPlural(calibration.leftOut, "operation")} left out: interrupted, or of unknown work`;
  return block([
    lines(rows.toString()),
    [...lines(errors.toString()), left],
    warnings.flatMap((text) => fill("warning  ", [printable(text)])),
  ]);
}

function errorCells({ kind, operations, median, p90 }: HeldOutError): string[] {
  return [`  ${kind}`, formatCount(operations), formatPercent(median), formatPercent(p90)];
}

export function renderPublished({ points }: PublishedCalibration): string {
  const rows = plainTable(["right", "right", "right", "right", "right"]);
  rows.push(["vCPUs", "a read, ns", "base", "published, s", "replayed, s"]);
  for (const { vcpus, ns, baseNs, publishedSeconds, replayedSeconds } of points)
    rows.push([
      vcpus,
      ns.toFixed(2),
      baseNs.toFixed(2),
      publishedSeconds.toFixed(5),
      replayedSeconds.toFixed(5),
    ]);
  return block([lines(rows.toString())]);
}

function lines(table: string): string[] {
  return table.split("\n").map((line) => line.trimEnd());
}

function block(parts: readonly (readonly string[])[]): string {
  const shown = parts.filter((part) => part.length > 0).map((part) => part.join("\n"));
  return `${shown.join("\n\n")}\n`;
}
