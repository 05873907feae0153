/** A result as GitHub markdown, for a merge request or a mail. */

import type { TraceResult } from "../compare/trace-result.js";
import { headCells, valueCells } from "./cells.js";
import { cellPicker, columnsOf, pickHeads } from "./columns.js";
import { findingTexts } from "./findings.js";
import { type HeadingLine, headingOf } from "./heading.js";
import { printable } from "./quantity.js";
import { type Row, type Section, sectionsOf } from "./rows.js";
import type { TableColumns, TerminalOptions } from "./terminal.js";
import { unsafeNotes } from "./verdict.js";

export function render(result: TraceResult, { columns }: Pick<TerminalOptions, "columns"> = {}): string {
  const sides = result.sides;
  const names = sides.map((side) => escaped(side.replay.strategy));
  const title = `## ${names.length === 1 ? `Replay under ${names[0]}` : names.join(" against ")}`;
  const heading = headingLines(headingOf(result));
  const table = sectionLines(sectionsOf(result), {
    head: headCells(sides.map(({ replay }) => replay.strategy)),
    known: columnsOf(result),
    columns,
    cellsOf: (row) => valueCells(row, sides),
  });
  const notes = noteLines([...result.caveats, ...unsafeNotes(result)]);
  const found = findingTexts(result).map(({ headline, problem, log }) => [
    `**${escaped(headline)}**: ${escaped(problem)}`,
    "```",
    ...log.map((text) => printable(text).replaceAll("`", "'")),
    "```",
  ]);
  return paragraphsText([[title], heading, table, notes, ...found]);
}

/** Lines that are one paragraph each; without those that have none. */
export function paragraphsText(paragraphs: readonly (readonly string[])[]): string {
  return `${paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

export function headingLines(lines: readonly HeadingLine[]): string[] {
  return lines.map(({ label, text }) => `- **${label}**: ${escaped(text.trim())}`);
}

export function noteLines(notes: readonly { readonly text: string }[]): string[] {
  return notes.map(({ text }) => `> **note**: ${escaped(text)}`);
}

/** The table of the sections. */
export function sectionLines(
  sections: readonly Section[],
  { head, known, columns, cellsOf }: TableColumns,
): string[] {
  const pick = cellPicker(known, columns);
  const heads = pickHeads(head, known, columns);
  const cells = (row: Row) => pick(cellsOf(row)).map(escaped);
  return [
    line(["", ...heads.map(escaped)]),
    line([":--", ...heads.map(() => "--:")]),
    ...sections.flatMap((section) => [
      line([
        `**${section.title}**`,
        ...(section.head === undefined ? heads.map(() => "") : cells(section.head)),
      ]),
      ...section.rows.map((row) => line([`&emsp;${escaped(row.label)}`, ...cells(row)])),
    ]),
  ];
}

export function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** A trace's own text must not become markup. A lone `~` is harmless, a pair strikes out. */
export function escaped(text: string): string {
  return printable(text).replace(/[\\`*_[\]<>|~#&]/g, (c) =>
    c === "<" ? "&lt;" : c === "&" ? "&amp;" : `\\${c}`,
  );
}
