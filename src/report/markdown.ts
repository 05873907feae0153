/** A result as GitHub markdown, for a merge request or a mail. */

import type { TraceResult } from "../compare/trace-result.js";
import { headCells, valueCells } from "./cells.js";
import { cellPicker, columnsOf, pickHeads } from "./columns.js";
import { findingTexts } from "./findings.js";
import { headingOf } from "./heading.js";
import { printable } from "./quantity.js";
import { type Row, sectionsOf } from "./rows.js";
import type { TerminalOptions } from "./terminal.js";
import { unsafeNotes } from "./verdict.js";

export function render(result: TraceResult, { columns }: Pick<TerminalOptions, "columns"> = {}): string {
  const sides = result.sides;
  const names = sides.map((side) => escaped(side.replay.strategy));
  const title = `## ${names.length === 1 ? `Replay under ${names[0]}` : names.join(" against ")}`;
  const heading = headingOf(result).map(({ label, text }) => `- **${label}**: ${escaped(text.trim())}`);

  const known = columnsOf(result);
  const pick = cellPicker(known, columns);
  const head = pickHeads(headCells(sides), known, columns);
  const cells = (row: Row) => pick(valueCells(row, sides)).map(escaped);
  const table = [
    line(["", ...head.map(escaped)]),
    line([":--", ...head.map(() => "--:")]),
    ...sectionsOf(result).flatMap((section) => [
      line([
        `**${section.title}**`,
        ...(section.head === undefined ? head.map(() => "") : cells(section.head)),
      ]),
      ...section.rows.map((row) => line([`&emsp;${escaped(row.label)}`, ...cells(row)])),
    ]),
  ];

  const notes = [...result.caveats, ...unsafeNotes(result)].map(
    (caveat) => `> **note**: ${escaped(caveat.text)}`,
  );
  const found = findingTexts(result).map(({ headline, problem, log }) => [
    `**${escaped(headline)}**: ${escaped(problem)}`,
    "```",
    ...log.map((text) => printable(text).replaceAll("`", "'")),
    "```",
  ]);
  const paragraphs = [[title], heading, table, notes, ...found];
  return `${paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
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
