/** Writes a sweep for other programs, one row per point. Times are whole nanoseconds. */

import type { SweepPoint } from "../compare/result-sweep.js";
import type { SweepResult } from "../compare/sweep.js";
import { cellPicker } from "./columns.js";
import { csvRow } from "./csv.js";

type Cell = string | number | boolean | null;

const columns: readonly [name: string, of: (point: SweepPoint) => Cell][] = [
  ["epoch", ({ epoch }) => epoch],
  ["base", ({ base }) => base.strategy],
  ["candidate", ({ candidate }) => candidate.strategy],
  ["base_makespan_ns", ({ base }) => base.makespanNs],
  ["candidate_makespan_ns", ({ candidate }) => candidate.makespanNs],
  ["change_makespan_ns", ({ change }) => change.makespanNs],
  ["change_makespan_ratio", ({ change }) => change.makespanRatio],
  ["base_stall_ns", ({ base }) => base.stallNs],
  ["candidate_stall_ns", ({ candidate }) => candidate.stallNs],
  ["change_stall_ns", ({ change }) => change.stallNs],
  ["base_faults", ({ base }) => base.faults],
  ["candidate_faults", ({ candidate }) => candidate.faults],
  ["change_faults", ({ change }) => change.faults],
  ["base_recorded_ratio", ({ base }) => base.recordedRatio],
  ["candidate_recorded_ratio", ({ candidate }) => candidate.recordedRatio],
  ["caveats", ({ caveats }) => caveats.join(" ")],
];

/** The columns of the CSV of a sweep over these parameters. */
export function csvColumns(parameters: readonly string[]): string[] {
  return [...parameters, ...columns.map(([name]) => name)];
}

/** CSV by RFC 4180 (CRLF), header row first: the parameters first, as in NDJSON, or the `wanted` columns in order. */
export function renderCsv({ axes, points }: SweepResult, wanted?: readonly string[]): string {
  const names = axes.map(({ name }) => name);
  const known = csvColumns(names);
  const pick = cellPicker(known, wanted);
  const rows = points.map((point) => [
    ...names.map((name) => point.parameters[name] as Cell),
    ...columns.map(([, of]) => of(point)),
  ]);
  return [known, ...rows].map((cells) => csvRow(pick<Cell>(cells))).join("");
}

export function renderNdjson({ points }: SweepResult): string {
  return points.map((point) => `${JSON.stringify(point)}\n`).join("");
}
