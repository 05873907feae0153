/** Predictions across kernels as a table: for each kernel predicted what was measured, and below it each prediction. */

import { medianOf } from "../compare/range.js";
import type { FaultCause } from "../compare/result.js";
import { causes as labels } from "../report/rows.js";
import { plainTable } from "../report/terminal.js";
import {
  figures,
  type KernelFigure,
  type Measured,
  type PredictedFigure,
  type Prediction,
} from "./kernel-matrix.js";

const heads: Readonly<Record<KernelFigure, string>> = {
  adjustNs: "ADJUST, ms",
  faults: "faults",
  windowP50Ns: "window, us",
  windowMaxNs: "longest, us",
  windowTotalNs: "together, us",
  lockWaitNs: "lock wait, ms",
};
const unitNs: Readonly<Record<KernelFigure, number>> = {
  adjustNs: 1e6,
  faults: 1,
  windowP50Ns: 1e3,
  windowMaxNs: 1e3,
  windowTotalNs: 1e3,
  lockWaitNs: 1e6,
};

const head = ["", ...figures.map((figure) => heads[figure]), "faults by cause"];

const explanation = [
  "Predicted figure, and in brackets its error: to the nearest point of the measured range; - inside it.",
  "Measured: mean (range of the runs); * where no table of measurements has it: of the kernel's own recording.",
  "! where the error is larger than what was aimed at.",
];

interface Block {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

export function renderText(predictions: readonly Prediction[]): string {
  const texts = sections(predictions).map(({ title, blocks }) => {
    const table = plainTable(head.map((_, n) => (n === 0 || n === head.length - 1 ? "left" : "right")));
    table.push(head);
    for (const block of blocks) table.push([block.title], ...block.rows.map((row) => [...row]));
    return `${title}\n\n${trimmed(table.toString())}`;
  });
  return `${[...texts, [...explanation, ...summary(predictions)].join("\n")].join("\n\n")}\n`;
}

export function renderMarkdown(predictions: readonly Prediction[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const texts = sections(predictions).map(({ title, blocks }) =>
    [
      `**${title}**\n`,
      line(head),
      line(head.map((_, n) => (n === 0 || n === head.length - 1 ? ":--" : "--:"))),
      ...blocks.flatMap((block) => [
        line([`**${block.title}**`, ...head.slice(1).map(() => "")]),
        ...block.rows.map((row) => line(row.map((cell) => cell.replace("*", "\\*").trim()))),
      ]),
    ].join("\n"),
  );
  const notes = [...explanation.map((text) => text.replace("*", "\\*")), ...summary(predictions)];
  return `${[...texts, notes.join("  \n")].join("\n\n")}\n`;
}

const trimmed = (text: string) =>
  text
    .split("\n")
    .map((one) => one.trimEnd())
    .join("\n");

function sections(predictions: readonly Prediction[]): { title: string; blocks: Block[] }[] {
  const parts: [string, Prediction[]][] = [
    ["One tree before and after a patch", predictions.filter((one) => one.isStrictPair)],
    ["Each kernel from its own recordings", predictions.filter((one) => one.from === one.to)],
    ["Other kernels", predictions.filter((one) => !one.isStrictPair && one.from !== one.to)],
  ];
  return parts
    .filter(([, part]) => part.length > 0)
    .map(([title, part]) => ({ title, blocks: blocksOf(part) }));
}

/** By scenario and by the kernel that is predicted. */
function blocksOf(predictions: readonly Prediction[]): Block[] {
  const groups = new Map<string, Prediction[]>();
  for (const one of [...predictions].sort(byScenarioAndTarget)) {
    const key = `${one.scenario}: ${one.to} (${one.walker})`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups].map(([title, [first, ...others]]) => ({
    title,
    rows: [measuredRow(first as Prediction), ...[first as Prediction, ...others].map(predictedRow)],
  }));
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function byScenarioAndTarget(a: Prediction, b: Prediction): number {
  return order(a.scenario, b.scenario) || order(a.to, b.to);
}

function measuredRow({ figures: predicted, causes }: Prediction): string[] {
  return [
    "  measured",
    ...figures.map((figure) => measuredText(predicted[figure].measured, unitNs[figure])),
    causes.recorded === null ? "" : `${causesText(causes.recorded)}*`,
  ];
}

function measuredText(measured: Measured | null, unit: number): string {
  if (measured === null) return "";
  const { mean, least, most, from } = measured;
  const range = least === most ? "" : ` (${digits(least / unit)} to ${digits(most / unit)})`;
  return `${digits(mean / unit)}${range}${from === "recording" ? "*" : ""}`;
}

function predictedRow({ from, run, figures: predicted, causes }: Prediction): string[] {
  return [
    `  from ${from}${run === "1" ? "" : ` #${run}`}`,
    ...figures.map((figure) => predictedText(predicted[figure], unitNs[figure])),
    causesText(causes.predicted),
  ];
}

function predictedText(figure: PredictedFigure, unit: number): string {
  const { predicted, measured, error } = figure;
  const off = measured === null ? "" : error === 0 ? " (-)" : ` (${error === null ? "new" : percent(error)})`;
  return `${digits(predicted / unit)}${off}${isMiss(figure) ? "!" : ""}`;
}

function isMiss({ measured, error, target }: PredictedFigure): boolean {
  return target !== null && measured !== null && (error === null || Math.abs(error) > target);
}

function causesText(causes: Prediction["causes"]["predicted"]): string {
  return Object.entries(causes)
    .map(([cause, count]) => `${count} ${labels[cause as FaultCause][0]}`)
    .join(", ");
}

/** Three digits or more, as many as tell. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1000) return String(Math.round(value));
  return value.toFixed(size < 10 ? 2 : 1);
}

const percent = (ratio: number) => `${ratio < 0 ? "" : "+"}${(ratio * 100).toFixed(1)} %`;

/** How many figures were aimed at and met; and what each patch was told to gain. */
function summary(predictions: readonly Prediction[]): string[] {
  const parts: [string, readonly Prediction[]][] = [
    ["one tree", predictions.filter((one) => one.isStrictPair)],
    ["other kernels", predictions.filter((one) => !one.isStrictPair)],
  ];
  const met = parts.flatMap(([name, part]) => {
    const aimed = part
      .flatMap((one) => figures.map((figure) => one.figures[figure]))
      .filter(({ target, measured }) => target !== null && measured !== null);
    const missed = aimed.filter(isMiss).length;
    return aimed.length === 0
      ? []
      : [`${name}: ${aimed.length - missed} of ${aimed.length} figures as aimed at`];
  });
  return [...met, ...gainsOf(predictions)];
}

/** Of each strict pair, by how much ADJUST changes: predicted from each of its recordings, and measured. */
function gainsOf(predictions: readonly Prediction[]): string[] {
  const pairs = new Map<string, Prediction[]>();
  for (const one of predictions) {
    if (!one.isStrictPair || one.gain.measuredRatio === null) continue;
    const key = `${one.scenario}, ${one.from} -> ${one.to}`;
    pairs.set(key, [...(pairs.get(key) ?? []), one]);
  }
  return [...pairs].map(([pair, its]) => {
    const changes = its.map(({ gain }) => gain.predictedRatio);
    const range =
      changes.length === 1
        ? ""
        : ` (${percent(Math.min(...changes))} to ${percent(Math.max(...changes))}, ${changes.length} recordings)`;
    const measured = percent((its[0] as Prediction).gain.measuredRatio as number);
    return `${pair}: ADJUST changes by ${percent(medianOf(changes))}${range}, measured ${measured}`;
  });
}
