/** Formats a sheet for a terminal or a log: no boxes, aligned columns, 80 to 100 characters wide. */

import Table from "cli-table3";
import pc from "picocolors";
import { cellPicker, pickHeads } from "./columns.js";
import type { FindingText } from "./findings.js";
import type { HeadingLine } from "./heading.js";
import { printable } from "./quantity.js";
import type { Row } from "./rows.js";
import type { Sheet } from "./sheet.js";

export interface TerminalOptions {
  readonly color: boolean;
  /** The columns of the table, in this order; all if undefined. */
  readonly columns?: readonly string[] | undefined;
}

export type Colors = ReturnType<typeof pc.createColors>;

const width = 100;
const labelWidth = 13;
const longestLabel = 40;

export function render(sheet: Sheet, { color, columns }: TerminalOptions): string {
  const colors = pc.createColors(color);
  const paragraphs = [
    headingText(sheet.heading, colors),
    sectionTable(sheet, columns, colors),
    notesText(sheet.notes, colors),
    ...sheet.findings.map((finding) => findingText(finding, colors)),
  ];
  return `${paragraphs.filter((text) => text !== "").join("\n\n")}\n`;
}

export function headingText(lines: readonly HeadingLine[], colors: Colors): string {
  let before = "";
  const texts = lines.map(({ label, text }) => {
    const shown = label === before ? "" : label;
    before = label;
    const paint = label === "warning" ? colors.yellow : colors.bold;
    return hang(shown.padEnd(labelWidth), printable(text), paint);
  });
  return texts.join("\n");
}

export function notesText(caveats: readonly { readonly text: string }[], colors: Colors): string {
  return caveats.map((caveat) => hang("note: ", printable(caveat.text), colors.bold)).join("\n");
}

/** Fills `text` to the width, with a label before its first line; a number stays on one line with its unit. */
function hang(label: string, text: string, paint: (label: string) => string): string {
  const indent = /^ */.exec(text)![0];
  const lines: string[] = [];
  let line = indent;
  const glued = text.trim().replace(/(\d) (?=[A-Za-z%])/g, "$1\u00a0");
  for (const word of glued.split(" ")) {
    if (line.trim() !== "" && label.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line.trim() === "" ? word : ` ${word}`;
  }
  lines.push(line);
  return lines
    .map((part, i) => (i === 0 ? paint(label) : " ".repeat(label.length)) + part.replaceAll("\u00a0", " "))
    .join("\n");
}

/** The headline, the problem, and the walk around it. */
function findingText({ headline, problem, log }: FindingText, colors: Colors): string {
  return [
    colors.red(printable(headline)),
    hang("  ", printable(problem), (label) => label),
    ...log.map((line) => `    ${printable(line)}`),
  ].join("\n");
}

function sectionTable(sheet: Sheet, columns: readonly string[] | undefined, colors: Colors): string {
  const pick = cellPicker(sheet.columns, columns);
  const heads = pickHeads(sheet.head, sheet.columns, columns);
  const table = plainTable(["left", ...heads.map(() => "right" as const)]);
  table.push(["", ...heads.map((cell) => colors.bold(printable(cell)))]);
  const cells = (row: Row) => pick(paintedCells(sheet, row, colors));
  for (const { title, head, rows } of sheet.sections)
    table.push(
      [colors.bold(title), ...(head === undefined ? [] : cells(head))],
      ...rows.map((row) => [`  ${clip(printable(row.label))}`, ...cells(row)]),
    );
  return tableText(table);
}

/** The cells of a row, each in the colour of its judgement. */
function paintedCells(sheet: Sheet, row: Row, colors: Colors): string[] {
  const paints = { less: colors.green, more: colors.red, unsafe: colors.yellow };
  const judgements = sheet.judgementsOf(row);
  return sheet.cellsOf(row).map((cell, at) => {
    const judgement = judgements.get(at);
    return judgement === undefined ? cell : paints[judgement](cell);
  });
}

function clip(label: string): string {
  return label.length <= longestLabel ? label : `${label.slice(0, longestLabel - 3)}...`;
}

const noLines = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid"]
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`, `mid-${side}`])
    .map((name) => [name, ""]),
);

/** The text of a table, without trailing blanks. */
export function tableText(table: Table.Table): string {
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** A table without lines, with two blanks between its columns. */
export function plainTable(colAligns: Table.HorizontalAlignment[]): Table.Table {
  return new Table({
    chars: { ...noLines, "left-mid": "", "mid-mid": "", middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
    colAligns,
  });
}
