/** The report that compares recordings: the rows of a diff, each with the test of its change. */

import type { Figure } from "../compare/result.js";
import type { Compared, RecordingsResult, RecordingsSide } from "../compare/result-recordings.js";
import { headCells, judgementsOf, markOf, type ShownSide, unsafeMark, valueCells } from "./cells.js";
import { type HeadingLine, timesLine, warningsOf } from "./heading.js";
import { formatChange, formatNs, formatPlural, formatRelative } from "./quantity.js";
import { type Row, type RowSide, sectionsFrom } from "./rows.js";
import type { Sheet } from "./sheet.js";

export const recordingsColumns = ["before", "after", "change", "percent"] as const;

const sides = ["before", "after"] as const;
type RunSide = (typeof sides)[number];

/** Printed in place of a change that is not significant. */
const noChange = "~";

export function recordingsSheet(result: RecordingsResult): Sheet {
  const shown = [result.before, { ...result.after, verdict: result.verdict }];
  return {
    title: "before against after",
    heading: headingOf(result),
    sections: sectionsFrom(
      sides.map((side) => rowSide(result, side)),
      result.epochs.map(({ label }) => label),
    ),
    head: headCells(sides),
    columns: recordingsColumns,
    cellsOf: (row) => cellsIn(result, row, shown),
    judgementsOf: (row) =>
      comparedAt(result, row).significant === true ? judgementsOf(row, shown) : new Map(),
    notes: notesOf(result),
    findings: [],
  };
}

function rowSide(result: RecordingsResult, side: RunSide): RowSide {
  return {
    valueAt: (path) => entryAt(result, path)[side].median,
    figureAt: (path) => figureOf(entryAt(result, path)[side], result[side].runs.length),
  };
}

/** The figure of a side's runs; their range takes the place of the interval that a prediction has. */
export function figureOf({ kind, median, least, most }: Compared[RunSide], runs: number): Figure {
  return runs === 1 ? { kind } : { kind, interval: { low: least, median, high: most } };
}

/** The entry of a result of several recordings for the number at a row's path. */
export function entryAt<T>(
  {
    epochs,
    figures,
  }: {
    readonly epochs: readonly Readonly<Record<"makespanNs" | "faults", T>>[];
    readonly figures: Readonly<Record<string, T>>;
  },
  path: string,
): T {
  const [, index, name] = /^epochs\.(\d+)\.(makespanNs|faults)$/.exec(path) ?? [];
  return index === undefined ? figures[path]! : epochs[Number(index)]![name as "makespanNs" | "faults"];
}

function comparedAt(result: RecordingsResult, { path }: Row): Compared {
  return entryAt(result, path!);
}

/** The cells of a diff, with the result of the test after the change or in its place. */
function cellsIn(result: RecordingsResult, row: Row, shown: readonly ShownSide[]): string[] {
  const [before = "", after = "", change = "", percent = ""] = valueCells(row, shown);
  const compared = comparedAt(result, row);
  if (isOneValue(compared) || row.apart === true) return [before, after, change, percent];
  if (compared.significant === null) {
    const ranges = result.before.runs.length > 1 || result.after.runs.length > 1 ? ` ${compared.ranges}` : "";
    return [before, after, change, `${percent}${ranges}`];
  }
  const test = `(${testText(result, compared)})`;
  return compared.significant
    ? [before, after, change, `${percent} ${test}`]
    : [before, after, noChange, test];
}

/** Whether all runs of both sides have the same value, so that there is nothing to test. */
function isOneValue({ before, after }: Compared): boolean {
  return before.least === before.most && before.least === after.least && after.least === after.most;
}

/** `p=0.029 n=4+4`, in the format of benchstat. */
export function testText(
  { before, after }: { readonly [side in RunSide]: Pick<RecordingsSide, "runs"> },
  { p }: Pick<Compared, "p">,
): string {
  return `p=${p! < 0.0005 ? p!.toExponential(0) : p!.toFixed(3)} n=${before.runs.length}+${after.runs.length}`;
}

/** The warnings of each run, with the name of the run. */
export function runWarnings(runs: RecordingsSide["runs"]): HeadingLine[] {
  return runs.flatMap((run) =>
    warningsOf(run).map((text) => ({ label: "warning" as const, text: `${run.source}: ${text}` })),
  );
}

function headingOf(result: RecordingsResult): HeadingLine[] {
  const runs = [...result.before.runs, ...result.after.runs];
  return [
    ...runWarnings(runs),
    { label: "verdict", text: verdictText(result) },
    ...sides.map((side) => ({ label: side, text: runsText(result[side]) })),
    {
      label: "times",
      text: timesLine(
        sides.map((side) => [side, result[side].recordedRatio]),
        result.before.profile,
      ),
    },
  ];
}

function verdictText(result: RecordingsResult): string {
  const { outcome, change, reasons, unsafe } = result.verdict;
  const subject = `${change.epoch ?? "the whole trace"} takes`;
  const [before, after] = sides.map((side) => timeText(change[side])) as [string, string];
  if (outcome === "no significant change") {
    const test = change.p === null ? "the ranges overlap" : testText(result, change);
    return `${outcome}: ${subject} ${before} before, ${after} after (${test})${besides(result)}`;
  }
  const test = change.p === null ? "" : `; ${testText(result, change)}`;
  const size = `(${formatChange(change.change, "ns")}${test})`;
  const text = `${subject} ${after} after, ${relativeText(change)} the ${before} before ${size}`;
  const label = `${outcome}${unsafe && outcome !== "does not tell" ? ", but unsafe" : ""}`;
  return `${label}: ${text}${besides(result)}${reasons.length === 0 ? "" : `; but ${reasons.join("; ")}`}`;
}

/** The other epochs whose time changes significantly. */
function besides(result: RecordingsResult): string {
  const texts = result.epochs
    .filter(
      ({ label, makespanNs }) => label !== result.verdict.change.epoch && makespanNs.significant === true,
    )
    .map(({ label, makespanNs }) => {
      const { before, after } = makespanNs;
      return `${label} ${formatRelative(before.median, after.median)} (${testText(result, makespanNs)})`;
    });
  return texts.length === 0 ? "" : `; besides, ${texts.join(", ")}`;
}

/** `37.0 % less than`. */
function relativeText({ before, after }: Compared): string {
  if (before.median === after.median) return "the same as";
  const than = after.median < before.median ? "less than" : "more than";
  return before.median === 0
    ? than
    : `${formatRelative(before.median, after.median).replace(/^[-+]/, "")} ${than}`;
}

/** `17.2 ms (16.3 ms to 19.6 ms)`. */
export function timeText({ kind, median, least, most }: Compared[RunSide]): string {
  const range = least === most ? "" : ` (${formatNs(least)} to ${formatNs(most)})`;
  return `${markOf({ kind }, "ns", { recordedRatio: 1 })}${formatNs(median)}${range}`;
}

export function runsText({ runs }: Pick<RecordingsSide, "runs">): string {
  const each = (textOf: (run: RecordingsSide["runs"][number]) => string) =>
    [...new Set(runs.map(textOf))].join(" or ");
  return [
    formatPlural(runs.length, "run"),
    `kernel ${each(({ kernel }) => kernel ?? "unknown")}`,
    `recorded under ${each(({ recordedUnder }) => recordedUnder ?? "an unknown walker")}`,
    each(({ vms, vcpus }) => `${formatPlural(vms, "VM")}, ${formatPlural(vcpus, "vCPU")}`),
    runs.map(({ source }) => source).join(" "),
  ].join(", ");
}

function notesOf(result: RecordingsResult): { readonly text: string }[] {
  const { before, after, verdict, caveats, epochs, figures } = result;
  const isSeveral = before.runs.length > 1 || after.runs.length > 1;
  const tested = [
    ...Object.values(figures),
    ...epochs.flatMap(({ makespanNs, faults }) => [makespanNs, faults]),
  ].filter((compared) => compared.p !== null && !isOneValue(compared));
  return [
    ...(isSeveral
      ? [{ text: "of several runs a figure is the median, and ± how far the farthest of them lies from it" }]
      : []),
    ...(tested.length > 0
      ? [
          {
            text: `${noChange} in the place of a change: no significant change (p >= 0.05, two-sided Mann-Whitney test); of 20 rows in which nothing changes one shows a significant change by chance`,
          },
        ]
      : []),
    ...caveats,
    ...(verdict.unsafe
      ? [
          {
            text: `${unsafeMark} marks what is less after, under a walker that leaves memory without a clean: it is no plain gain`,
          },
        ]
      : []),
  ];
}
