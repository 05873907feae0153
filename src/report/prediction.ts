/** The report of a prediction and what was recorded: the rows of a diff, each with the prediction's error. */

import type { PredictionResult, PredictionRow } from "../compare/result-prediction.js";
import { valueCells } from "./cells.js";
import type { HeadingLine } from "./heading.js";
import { formatRelative } from "./quantity.js";
import { entryAt, figureOf, runsText, runWarnings, testText, timeText } from "./recordings.js";
import { type Row, type RowSide, sectionsFrom } from "./rows.js";
import type { Sheet } from "./sheet.js";

export const predictionColumns = [
  "before",
  "predicted",
  "after",
  "error",
  "predicted%",
  "recorded%",
] as const;

const sides = ["before", "predicted", "after"] as const;
type Stage = (typeof sides)[number];

export function predictionSheet(result: PredictionResult): Sheet {
  return {
    title: "prediction against recording",
    heading: headingOf(result),
    sections: sectionsFrom(
      sides.map((side) => rowSide(result, side)),
      result.epochs.map(({ label }) => label),
    ),
    head: ["before", "predicted", "after", "error", "change, predicted", "change, recorded"],
    columns: predictionColumns,
    cellsOf: (row) => cellsIn(result, row),
    judgementsOf: () => new Map(),
    notes: notesOf(result),
    findings: [],
  };
}

function rowSide(result: PredictionResult, side: Stage): RowSide {
  const runs = (side === "after" ? result.after : result.before).runs.length;
  return {
    valueAt: (path) => entryAt(result, path)[side].median,
    figureAt: (path) => figureOf(entryAt(result, path)[side], runs),
  };
}

function cellsIn(result: PredictionResult, row: Row): string[] {
  const shown = { recordedRatio: 1 };
  const [before = "", predicted = "", , after = ""] = valueCells(row, [shown, shown, shown]);
  if (row.apart === true) return [before, predicted, after, "", "", ""];
  const { change, ...figures } = entryAt(result, row.path!);
  return [
    before,
    predicted,
    after,
    errorText(figures),
    change.predicted === null ? "" : changeText(change.predicted),
    change.measured === null ? "" : percent(change.measured),
  ];
}

function errorText({
  error,
  predicted,
  after,
}: Pick<PredictionRow, "error" | "predicted" | "after">): string {
  if (error === null) return formatRelative(after.median, predicted.median);
  if (predicted.median === 0 && after.median === 0) return "";
  return error === 0 && after.least < after.most ? "in range" : percent(error);
}

/** The change of the runs: `-32.0 % (-38.6 % to -29.2 %)`. */
function changeText({ median, least, most }: NonNullable<PredictionRow["change"]["predicted"]>): string {
  const range = least === most ? "" : ` (${percent(least)} to ${percent(most)})`;
  return percent(median) + range;
}

function percent(ratio: number): string {
  return formatRelative(1, 1 + ratio);
}

function headingOf(result: PredictionResult): HeadingLine[] {
  const { before, after, candidate, verdict } = result;
  return [
    ...runWarnings([...before.runs, ...after.runs]),
    { label: "verdict", text: verdictText(result) },
    { label: "predicted", text: predictedText(verdict) },
    { label: "recorded", text: recordedText(result) },
    { label: "before", text: runsText(before) },
    { label: "after", text: runsText(after) },
    {
      label: "times",
      text: `predicted is ${before.strategy}'s record as ${candidate} changes it, profile ${result.profile.name} (~ marks what is modelled)`,
    },
  ];
}

function verdictText({ verdict: { epoch, makespanNs }, candidate }: PredictionResult): string {
  const { predicted, after, error, change } = makespanNs;
  const predictedChange = change.predicted === null ? "" : `, ${changeText(change.predicted)}`;
  const measured = change.measured === null ? "" : `, ${percent(change.measured)}`;
  const isSeveral = after.least < after.most;
  const where =
    error === 0 && isSeveral
      ? "within the runs' range"
      : `error ${errorText(makespanNs)}${isSeveral ? " to the nearest run" : ""}`;
  return `${epoch ?? "the whole trace"} under ${candidate}: ${timeText(predicted)} predicted${predictedChange}; ${timeText(after)} recorded${measured}: ${where}`;
}

function predictedText({ predicted, unsafe }: PredictionResult["verdict"]): string {
  const total = predicted.reduce((sum, { runs }) => sum + runs, 0);
  const texts = predicted.map(({ outcome, runs }) =>
    predicted.length === 1 ? outcome : `${outcome} in ${runs} of ${total} runs`,
  );
  return `${texts.join(", ")}${unsafe ? ", but unsafe" : ""}`;
}

function recordedText(result: PredictionResult): string {
  const { measured, p, reasons } = result.verdict;
  const test = p === null ? "" : ` (${testText(result, result.verdict)})`;
  return [measured + test, ...reasons].join("; ");
}

function notesOf({ before, after, caveats }: PredictionResult): { readonly text: string }[] {
  const isSeveral = before.runs.length > 1 || after.runs.length > 1;
  return [
    {
      text: "error: of the predicted median, to the nearest run that was recorded after, and relative to it",
    },
    ...(isSeveral
      ? [{ text: "of several runs a figure is the median, and ± how far the farthest of them lies from it" }]
      : []),
    ...caveats,
  ];
}
