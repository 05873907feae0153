/** The page that compares recordings: figures, how far runs differ, and where the stall goes. */

import type { StallCost } from "../../compare/result.js";
import type { Compared, RecordingsResult } from "../../compare/result-recordings.js";
import { markOf } from "../cells.js";
import { formatQuantity, type Unit } from "../quantity.js";
import { recordingsSheet } from "../recordings.js";
import { costs } from "../rows.js";
import { rangeBar, type StallSide, stallBars } from "./bars.js";
import { html, type Markup } from "./markup.js";
import { origin } from "./provenance.js";
import { type Program, pageText, section } from "./shell.js";
import { comparison, notes, verdictList, warnings } from "./tables.js";

const sides = ["before", "after"] as const;
type RunSide = (typeof sides)[number];

export function recordingsPage(result: RecordingsResult, program: Program): string {
  const sheet = recordingsSheet(result);
  const isSeveral = result.before.runs.length > 1 || result.after.runs.length > 1;
  const main = html`${warnings(sheet)}${verdictList(sheet.heading.filter(({ label }) => label === "verdict"))}
${section("figures", "Figures", comparison(sheet, isSeveral))}${section(
  "runs",
  "How far runs differ",
  isSeveral ? runBars(result) : undefined,
)}${section("where", "Where the stall goes", stallBars(sides.map((side) => stallSide(result, side))))}${section(
  "caveats",
  "Caveats",
  notes(sheet),
)}${section("how", "How it was computed", origin(sheet, program, result.schema))}`;
  return pageText({
    title: sheet.title,
    source: sides.map((side) => sourceText(result[side])).join(" against "),
    program,
    main,
  });
}

/** The name of the recording, or the number of recordings. */
function sourceText({ runs }: RecordingsResult[RunSide]): string {
  const [first] = runs;
  return runs.length === 1 ? first!.source : `${runs.length} runs under ${first!.recordedUnder}`;
}

/** The medians of a side's runs. */
function stallSide({ figures, ...result }: RecordingsResult, side: RunSide): StallSide {
  const median = (path: string) => figures[path]![side].median;
  return {
    name: side,
    costNs: Object.fromEntries(
      (Object.keys(costs) as StallCost[]).map((cost) => [cost, median(`costNs.${cost}`)]),
    ) as Record<StallCost, number>,
    stallNs: median("stallNs.total"),
    isModelled: result[side].recordedRatio < 1,
  };
}

interface Shown {
  readonly name: string;
  readonly unit: Unit;
  readonly compared: Compared;
}

/** The range and the median of each side's runs, for the main figures. */
function runBars({ epochs, figures }: RecordingsResult): Markup {
  const shown: Shown[] = [
    ...epochs.map(({ label, makespanNs }) => ({ name: label, unit: "ns" as const, compared: makespanNs })),
    { name: "guest stall", unit: "ns", compared: figures["stallNs.total"]! },
    { name: "faults", unit: "count", compared: figures["faults.total"]! },
    { name: "window, median", unit: "ns", compared: figures["windows.p50Ns"]! },
  ];
  const bars = shown
    .filter(({ compared }) => compared.before.most > 0 || compared.after.most > 0)
    .map(runBar);
  return html`<p>Each bar reaches from the least to the most of a side's runs, the mark is their median; each figure has its own scale from 0.</p>
${bars}`;
}

function runBar({ name, unit, compared }: Shown): Markup {
  const scale = Math.max(compared.before.most, compared.after.most);
  const at = (value: number) => (100 * value) / scale;
  const bars = sides.map((side) => {
    const { kind, median, least, most } = compared[side];
    const text = (value: number) => formatQuantity(value, unit);
    const mark = markOf({ kind }, unit, { recordedRatio: 1 });
    const range = least === most ? "" : `${text(least)} to ${text(most)}`;
    const words = `${name} ${side}: ${mark}${text(median)}${range === "" ? "" : `, ${range}`}`;
    const places = { low: at(least), median: at(median), high: at(most) };
    return rangeBar({ name: side, words, zero: 0, range: places, value: [`${mark}${text(median)}`, range] });
  });
  return html`<h3>${name}</h3><div class="bars">${bars}</div>`;
}
