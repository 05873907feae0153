/** The parts of a page that are words and figures: those of the text report. */

import type { ResultSide, TraceResult } from "../../compare/trace-result.js";
import { headCells, judgementsOf, valueCells } from "../cells.js";
import { findingTexts } from "../findings.js";
import { type HeadingLine, headingOf } from "../heading.js";
import { type Row, type Section, sectionsOf } from "../rows.js";
import { unsafeNotes } from "../verdict.js";
import { html, type Markup } from "./markup.js";

export function warningTexts(result: TraceResult): string[] {
  return headingOf(result)
    .filter(({ label }) => label === "warning")
    .map(({ text }) => text);
}

/** The lines above the figures of the text report, without its warnings. */
export function headingList(result: TraceResult): Markup {
  const lines = headingOf(result).filter(({ label }) => label !== "warning");
  const groups: { label: string; texts: string[] }[] = [];
  for (const { label, text } of lines as readonly HeadingLine[]) {
    if (groups.at(-1)?.label === label) groups.at(-1)!.texts.push(text.trim());
    else groups.push({ label, texts: [text] });
  }
  return html`<dl class="facts">${groups.map(
    ({ label, texts }) => html`<dt>${label}</dt>${texts.map((text) => html`<dd>${text}</dd>`)}`,
  )}</dl>`;
}

/** Sections that stand in one table; the tables stand beside each other where there is room. */
const groups = [
  ["faults", "of these", "against the recording", "MMIO aborts (not faults)"],
  ["guest stall", "where the stall goes", "windows"],
  ["walker's work"],
];

export function comparison(result: TraceResult): Markup {
  const sides = result.sides;
  const sections = sectionsOf(result);
  const rest = sections.filter(({ title }) => !groups.flat().includes(title));
  const [counts, times, work] = groups.map((titles) =>
    sections.filter(({ title }) => titles.includes(title)),
  ) as [Section[], Section[], Section[]];
  const tables = [counts, times, rest, work];
  return html`<div class="figures${sides.length > 3 ? " many" : ""}">${tables
    .filter((part) => part.length > 0)
    .map((part) => table(part, sides))}</div>`;
}

function table(sections: readonly Section[], sides: readonly ResultSide[]): Markup {
  const [first, ...others] = headCells(sides.map(({ replay }) => replay.strategy));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Figures: ${sections.map(({ title }) => title).join(", ")}">
<table>
<thead><tr><td></td><th scope="col">${first}</th>${others.map((name) =>
    name === "" ? html`<td></td>` : html`<th scope="col">${name}</th>`,
  )}</tr></thead>
${sections.map(
  ({ title, head, rows }) => html`<tbody>
<tr class="section"><th scope="rowgroup">${title}</th>${
    head === undefined ? [first, ...others].map(() => html`<td></td>`) : cells(head, sides)
  }</tr>
${rows.map((row) => html`<tr><th scope="row">${row.label}</th>${cells(row, sides)}</tr>\n`)}</tbody>
`,
)}</table></div>`;
}

function cells(row: Row, sides: readonly ResultSide[]): Markup[] {
  const judgements = judgementsOf(row, sides);
  return valueCells(row, sides).map((cell, at) => {
    const judgement = judgements.get(at);
    return judgement === undefined ? html`<td>${cell}</td>` : html`<td class="${judgement}">${cell}</td>`;
  });
}

export function caveats(result: TraceResult): Markup {
  const all = [...result.caveats, ...unsafeNotes(result)];
  if (all.length === 0) return html`<p>None.</p>`;
  return html`<ul>${all.map(({ text }) => html`<li>${text}</li>`)}</ul>`;
}

export function findings(result: TraceResult): Markup {
  return html`${findingTexts(result).map(
    ({ headline, problem, log }) => html`<h3>${headline}</h3>
<p>${problem}</p>
<pre>${log.map((line) => html`${line}\n`)}</pre>`,
  )}`;
}
