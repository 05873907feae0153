/** The page of a replay, with its parts in reading order. */

import type { TraceResult } from "../../compare/trace-result.js";
import type { ReplayStart } from "../../compare/watcher.js";
import { sheetOf } from "../sheet.js";
import { summaryOf, verdictLines } from "../verdict.js";
import { ablationBars, sampleBars, stallBars, stallSides } from "./bars.js";
import { html, Markup, scriptJson } from "./markup.js";
import type { PageFacts } from "./page-data.js";
import { provenance } from "./provenance.js";
import { type Program, pageText, section, unbroken } from "./shell.js";
import { comparison, findings, notes, verdictList, warnings } from "./tables.js";

export interface DocumentParts {
  readonly result: TraceResult;
  readonly start: ReplayStart;
  readonly program: Program;
  readonly facts: PageFacts;
  /** The columns, compressed. */
  readonly data: string;
  /** Descriptions of what was merged. */
  readonly merged: readonly string[];
}

export function documentText({ result, start, program, facts, data, merged }: DocumentParts): string {
  const sheet = sheetOf(result);
  const drawn = (name: string) => html`<div id="${name}"></div>`;
  const main = html`${warnings(sheet)}${verdict(result)}
${section("figures", "Figures", comparison(sheet, result.sides.length > 3))}${section(
  "timeline",
  "Timeline",
  html`${drawn("timeline")}
${merged.map((text) => html`<p class="note">${text}</p>`)}`,
)}${section("map", "Address map", drawn("map"))}${section(
  "distribution",
  "Stall distribution",
  drawn("distribution"),
)}${section("where", "Where the stall goes", stallBars(stallSides(result.sides)))}${section(
  "ablation",
  "Without a cost",
  ablationBars(result),
)}${section("samples", "What the assumptions make of it", sampleBars(result))}${section(
  "caveats",
  "Caveats",
  html`${notes(sheet)}
${findings(sheet)}`,
)}${section("how", "How it was computed", provenance(result, sheet, start, program))}<noscript><p class="warning">Timeline, address map and distribution are drawn by a script, which is switched off.</p></noscript>
`;
  return pageText({
    title: sheet.title,
    source: result.trace.source,
    program,
    main,
    data: html`<script type="application/json" id="facts">${scriptJson(facts)}</script>
<script type="text/plain" id="data">${new Markup(data)}</script>`,
  });
}

/** The verdicts of the other sides against the first; for a single strategy, a summary in one sentence. */
function verdict(result: TraceResult): Markup {
  const lines = verdictLines(result);
  if (lines.length === 0) return html`<p class="verdict">${unbroken(summaryOf(result.sides[0]!))}</p>`;
  return verdictList(lines);
}
