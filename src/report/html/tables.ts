/** The textual parts of a page, with the same content as the text report. */

import type { HeadingLine } from "../heading.js";
import type { Row, Section } from "../rows.js";
import type { Sheet } from "../sheet.js";
import { html, type Markup } from "./markup.js";
import { unbroken } from "./shell.js";

export function warnings({ heading }: Sheet): Markup {
  const texts = heading.filter(({ label }) => label === "warning").map(({ text }) => text);
  return html`${texts.map((text) => html`<p class="warning"><strong>Warning:</strong> ${text}</p>\n`)}`;
}

/** The list that is to be read first. */
export function verdictList(lines: readonly HeadingLine[]): Markup {
  return html`<dl class="facts verdict">${lines.map(
    ({ label, text }) => html`<dt class="${label}">${label}</dt><dd>${unbroken(text)}</dd>`,
  )}</dl>`;
}

/** The lines above the figures of the text report, without its warnings. */
export function headingList({ heading }: Sheet): Markup {
  const lines = heading.filter(({ label }) => label !== "warning");
  const groups: { label: string; texts: string[] }[] = [];
  for (const { label, text } of lines) {
    if (groups.at(-1)?.label === label) groups.at(-1)!.texts.push(text.trim());
    else groups.push({ label, texts: [text] });
  }
  return html`<dl class="facts">${groups.map(
    ({ label, texts }) => html`<dt>${label}</dt>${texts.map((text) => html`<dd>${text}</dd>`)}`,
  )}</dl>`;
}

/** Sections that share a table; the tables are placed side by side if there is room. */
const groups = [
  ["faults", "of these", "against the recording", "MMIO aborts (not faults)"],
  ["guest stall", "where the stall goes", "windows"],
  ["walker's work"],
];

/** @param isWide whether the rows need the full width */
export function comparison(sheet: Sheet, isWide: boolean): Markup {
  const { sections } = sheet;
  const rest = sections.filter(({ title }) => !groups.flat().includes(title));
  const [counts, times, work] = groups.map((titles) =>
    sections.filter(({ title }) => titles.includes(title)),
  ) as [Section[], Section[], Section[]];
  const tables = [counts, times, rest, work];
  return html`<div class="figures${isWide ? " many" : ""}">${tables
    .filter((part) => part.length > 0)
    .map((part) => table(part, sheet))}</div>
<p class="note">What is marked ~ is modelled.</p>`;
}

function table(sections: readonly Section[], sheet: Sheet): Markup {
  const [first, ...others] = sheet.head;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Figures: ${sections.map(({ title }) => title).join(", ")}">
<table>
<thead><tr><td></td><th scope="col">${first}</th>${others.map((name) =>
    name === "" ? html`<td></td>` : html`<th scope="col">${name}</th>`,
  )}</tr></thead>
${sections.map(
  ({ title, head, rows }) => html`<tbody>
<tr class="section"><th scope="rowgroup">${title}</th>${
    head === undefined ? sheet.head.map(() => html`<td></td>`) : cells(head, sheet)
  }</tr>
${rows.map((row) => html`<tr><th scope="row">${row.label}</th>${cells(row, sheet)}</tr>\n`)}</tbody>
`,
)}</table></div>`;
}

function cells(row: Row, sheet: Sheet): Markup[] {
  const judgements = sheet.judgementsOf(row);
  return sheet.cellsOf(row).map((cell, at) => {
    const judgement = judgements.get(at);
    return judgement === undefined ? html`<td>${cell}</td>` : html`<td class="${judgement}">${cell}</td>`;
  });
}

export function notes({ notes: all }: Sheet): Markup {
  if (all.length === 0) return html`<p>None.</p>`;
  return html`<ul>${all.map(({ text }) => html`<li>${text}</li>`)}</ul>`;
}

export function findings({ findings: all }: Sheet): Markup {
  return html`${all.map(
    ({ headline, problem, log }) => html`<h3>${headline}</h3>
<p>${problem}</p>
<pre>${log.map((line) => html`${line}\n`)}</pre>`,
  )}`;
}
