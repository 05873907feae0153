/** The content of a report, independent of its format: text, markdown or a page. */

import { numberOf } from "../compare/figures.js";
import type { ResultSide, TraceResult } from "../compare/trace-result.js";
import { ablationSections } from "./ablation.js";
import { headCells, type Judgement, judgementsOf, valueCells } from "./cells.js";
import { columnsOf } from "./columns.js";
import { type FindingText, findingTexts } from "./findings.js";
import { type HeadingLine, headingOf } from "./heading.js";
import { type Row, type RowSide, type Section, sectionsFrom } from "./rows.js";
import { unsafeNotes } from "./verdict.js";

export interface Sheet {
  readonly title: string;
  readonly heading: readonly HeadingLine[];
  readonly sections: readonly Section[];
  /** Heads of the table's columns, one for each cell of a row. */
  readonly head: readonly string[];
  /** The names of the columns for --columns. */
  readonly columns: readonly string[];
  cellsOf(row: Row): readonly string[];
  /** The judgement of each cell that has one. */
  judgementsOf(row: Row): ReadonlyMap<number, Judgement>;
  readonly notes: readonly { readonly text: string }[];
  readonly findings: readonly FindingText[];
}

export function sheetOf(result: TraceResult): Sheet {
  const { sides, caveats } = result;
  const names = sides.map(({ replay }) => replay.strategy);
  return {
    title: names.length === 1 ? `Replay under ${names[0]}` : names.join(" against "),
    heading: headingOf(result),
    sections: sectionsFrom(
      sides.map(rowSide),
      result.epochs.map(({ label }) => label),
      ablationSections(result),
    ),
    head: headCells(names),
    columns: columnsOf(result),
    cellsOf: (row) => valueCells(row, sides),
    judgementsOf: (row) => judgementsOf(row, sides),
    notes: [...caveats, ...unsafeNotes(result)],
    findings: findingTexts(result),
  };
}

function rowSide(side: ResultSide): RowSide {
  return {
    valueAt: (path) => numberOf(side, path),
    figureAt: (path) => side.figures[path],
  };
}
