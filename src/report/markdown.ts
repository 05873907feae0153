/** Formats a sheet as GitHub markdown, for a merge request or a mail. */

import { cellPicker, pickHeads } from "./columns.js";
import { printable } from "./quantity.js";
import type { Row } from "./rows.js";
import type { Sheet } from "./sheet.js";
import type { TerminalOptions } from "./terminal.js";

export function render(sheet: Sheet, { columns }: Pick<TerminalOptions, "columns"> = {}): string {
  const paragraphs = [
    [`## ${escaped(sheet.title)}`],
    sheet.heading.map(({ label, text }) => `- **${label}**: ${escaped(text.trim())}`),
    sectionLines(sheet, columns),
    sheet.notes.map(({ text }) => `> **note**: ${escaped(text)}`),
    ...sheet.findings.map(({ headline, problem, log }) => [
      `**${escaped(headline)}**: ${escaped(problem)}`,
      "```",
      ...log.map((text) => printable(text).replaceAll("`", "'")),
      "```",
    ]),
  ];
  return `${paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** The table of all sections. */
function sectionLines(sheet: Sheet, columns: readonly string[] | undefined): string[] {
  const pick = cellPicker(sheet.columns, columns);
  const heads = pickHeads(sheet.head, sheet.columns, columns);
  const cells = (row: Row) => pick(sheet.cellsOf(row)).map(escaped);
  return [
    line(["", ...heads.map(escaped)]),
    line([":--", ...heads.map(() => "--:")]),
    ...sheet.sections.flatMap((section) => [
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

/** Escapes a trace's own text, which must not become markup. A single `~` is harmless, a pair strikes out text. */
export function escaped(text: string): string {
  return printable(text).replace(/[\\`*_[\]<>|~#&]/g, (c) =>
    c === "<" ? "&lt;" : c === "&" ? "&amp;" : `\\${c}`,
  );
}
