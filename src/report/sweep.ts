/** Formats a sweep: what was swept, one line for each point, and the caveats. */

import pc from "picocolors";
import type { SweepPoint } from "../compare/result-sweep.js";
import type { SweepResult, SweptParameter } from "../compare/sweep.js";
import { settingText } from "../compare/sweep-parameter.js";
import { workloadText } from "../workload/index.js";
import { modelledMark, valueCells } from "./cells.js";
import { cellPicker, pickHeads } from "./columns.js";
import { headingOf as diffHeadingOf, type HeadingLine } from "./heading.js";
import { escaped, line } from "./markdown.js";
import { formatCount, formatPlural, printable } from "./quantity.js";
import { headingText, notesText, plainTable, type TerminalOptions, tableText } from "./terminal.js";

export function renderText(result: SweepResult, { color, columns }: TerminalOptions): string {
  const colors = pc.createColors(color);
  const { axes, points } = result;
  const { strategies, time } = headOf(result);
  const blank = axes.map(() => "");
  const known = sweepColumns(axes.map(({ name }) => name));
  const pick = cellPicker(known, columns);
  const groups = pick([
    ...blank,
    ...figureColumns.map((name) => (name.endsWith("_faults") ? "faults" : time)),
  ]);
  const heads = pickHeads(
    [...axes.map(({ name }) => name), ...strategies, "change", "", ...strategies, "change"],
    known,
    columns,
  );
  const table = plainTable(heads.map(() => "right"));
  // The name of each group is above the first of its columns.
  const firsts = groups.map((group, n) => (group === groups[n - 1] ? "" : group));
  for (const cells of [firsts, heads]) table.push(cells.map((cell) => colors.bold(printable(cell))));
  for (const point of points) {
    const cells = cellsOf(point, axes);
    const at = axes.length + figureColumns.indexOf("percent");
    const { makespanNs } = point.change;
    const less = point.unsafe === true ? colors.yellow : colors.green;
    if (makespanNs !== 0) cells[at] = (makespanNs < 0 ? less : colors.red)(cells[at]!);
    table.push(pick(cells));
  }
  return `${[headingText(headingOf(result), colors), tableText(table), notesText(notesOf(result), colors)]
    .filter((text) => text !== "")
    .join("\n\n")}\n`;
}

export function renderMarkdown(
  result: SweepResult,
  { columns }: Pick<TerminalOptions, "columns"> = {},
): string {
  const { axes, points } = result;
  const { strategies, time } = headOf(result);
  const known = sweepColumns(axes.map(({ name }) => name));
  const pick = cellPicker(known, columns);
  const head = pickHeads(
    [
      ...axes.map(({ name }) => name),
      ...strategies.map((name) => `${time}: ${name}`),
      "change",
      "",
      ...strategies.map((name) => `faults: ${name}`),
      "change",
    ],
    known,
    columns,
  );
  const paragraphs = [
    [`## ${strategies.map(escaped).join(" against ")}`],
    headingOf(result).map(({ label, text }) => `- **${label}**: ${escaped(text.trim())}`),
    [
      line(head.map(escaped)),
      line(head.map(() => "--:")),
      ...points.map((point) => line(pick(cellsOf(point, axes)).map(escaped))),
    ],
    notesOf(result).map(({ text }) => `> **note**: ${escaped(text)}`),
  ];
  return `${paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** The columns after those of the parameters. */
const figureColumns = [
  "base",
  "candidate",
  "change",
  "percent",
  "base_faults",
  "candidate_faults",
  "change_faults",
];

/** The columns of the table of a sweep over these parameters. */
export function sweepColumns(parameters: readonly string[]): string[] {
  return [...parameters, ...figureColumns];
}

function headOf({ points: [point] }: SweepResult): { strategies: string[]; time: string } {
  const { base, candidate, epoch } = point as SweepPoint;
  return { strategies: [base.strategy, candidate.strategy], time: epoch ?? "whole trace" };
}

function cellsOf(
  { parameters, base, candidate, unsafe = false }: SweepPoint,
  axes: readonly SweptParameter[],
): string[] {
  const sides = [base, { ...candidate, verdict: { unsafe } }];
  const cells = (label: string, unit: "ns" | "count", values: number[]) =>
    valueCells({ label, unit, values, main: true }, sides);
  const times = cells("time", "ns", [base.makespanNs, candidate.makespanNs]);
  const faults = cells("faults", "count", [base.faults, candidate.faults]);
  const settings = axes.map(({ name, unit }) => printable(settingText(unit, parameters[name]!)));
  return [...settings, ...times, ...faults.slice(0, 3)];
}

function headingOf(result: SweepResult): HeadingLine[] {
  const { input, axes, points, first, oneSelfReplay } = result;
  const lines: HeadingLine[] = [];
  if (typeof input !== "string") lines.push({ label: "workload", text: workloadText(input, namesOf(axes)) });
  else {
    const ofTrace = ["warning", "trace", "assumed", "inferred"];
    lines.push(...diffHeadingOf(first).filter(({ label }) => ofTrace.includes(label)));
  }
  const swept = axes.map(
    ({ name, unit, values, figure }) =>
      `${name} ${values.map((value) => settingText(unit, value)).join(", ")}${figure === undefined ? "" : ` ns ${ofProfile(figure)}`}`,
  );
  lines.push({ label: "sweep", text: `${swept.join("; ")}: ${formatPlural(points.length, "point")}` });
  lines.push({ label: "times", text: timesText(result) });
  if (first.selfReplay !== null) {
    const own = diffHeadingOf(first).filter(({ label }) => label === "self-replay");
    if (!oneSelfReplay) lines.push({ label: "self-replay", text: "differs; at the first point:" });
    lines.push(...own);
  }
  return lines;
}

function ofProfile({ value, assumed, range }: NonNullable<SweptParameter["figure"]>): string {
  const known = range === undefined ? "" : `, from ${range[0]} to ${range[1]}`;
  return `(profile: ${value}, ${assumed ? `an assumption${known}` : "published or measured"})`;
}

function timesText({ points, first }: SweepResult): string {
  const { epoch } = points[0] as SweepPoint;
  const of = epoch === null ? "of the whole trace, gaps left out" : `of ${epoch}`;
  const { name, assumed, figures } = first.profile;
  if (points.every(({ base, candidate }) => base.recordedRatio === 1 && candidate.recordedRatio === 1))
    return `${of}, as recorded`;
  return `${of}; marked ${modelledMark} they are modelled, wholly or in part, with profile ${name} (${assumed} of its ${figures} figures are assumptions)`;
}

function notesOf({ caveats, points }: SweepResult): { text: string }[] {
  const all = points.length;
  return caveats.map(({ text, points }) => ({
    text: points === all ? text : `${text} (at ${formatCount(points)} of ${formatPlural(all, "point")})`,
  }));
}

function namesOf(axes: readonly SweptParameter[]): string[] {
  return axes.map(({ name }) => name);
}
