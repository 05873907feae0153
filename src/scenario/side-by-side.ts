import { align } from "./align.js";
import type { SketchLine } from "./whiteboard.js";

/** How the two sides of a row compare: equal, changed, or present on one side only. */
type Gutter = " " | "|" | "<" | ">";

export interface DiffRow {
  readonly mark: Gutter;
  readonly left: string;
  readonly right: string;
}

/** Longer runs of rows with the same mark are folded. */
const LONGEST_RUN = 14;
const SHOWN_BEFORE = 6;
const SHOWN_AFTER = 3;

/** Aligns two sketches of one operation where they agree; lines of one kind that differ share a row. */
export function diffRows(left: readonly SketchLine[], right: readonly SketchLine[]): DiffRow[] {
  const rows: DiffRow[] = [];
  const gap: { left: SketchLine[]; right: SketchLine[] } = { left: [], right: [] };
  const closeGap = (): void => {
    const pairs = align(
      gap.left.map((line) => line.kind),
      gap.right.map((line) => line.kind),
    );
    for (const [i, j] of pairs) rows.push(rowOf(gap.left[i ?? -1]?.text, gap.right[j ?? -1]?.text));
    gap.left = [];
    gap.right = [];
  };
  const pairs = align(
    left.map((line) => line.text),
    right.map((line) => line.text),
  );
  for (const [i, j] of pairs) {
    const a = left[i ?? -1];
    const b = right[j ?? -1];
    if (a !== undefined && b !== undefined) {
      closeGap();
      rows.push({ mark: " ", left: a.text, right: b.text });
    } else if (a !== undefined) gap.left.push(a);
    else if (b !== undefined) gap.right.push(b);
  }
  closeGap();
  return rows;
}

function rowOf(left: string | undefined, right: string | undefined): DiffRow {
  const mark = left === undefined ? ">" : right === undefined ? "<" : "|";
  return { mark, left: left ?? "", right: right ?? "" };
}

/** Replaces the middle of each long run of rows with the same mark by a row that says how many there were. */
export function foldRuns(rows: readonly DiffRow[]): DiffRow[] {
  const folded: DiffRow[] = [];
  for (let start = 0; start < rows.length; ) {
    const { mark } = rows[start]!;
    let end = start + 1;
    while (rows[end]?.mark === mark) end++;
    if (end - start > LONGEST_RUN) {
      const hidden = end - start - SHOWN_BEFORE - SHOWN_AFTER;
      const text = `  ... ${hidden.toLocaleString("en-US")} more`;
      folded.push(
        ...rows.slice(start, start + SHOWN_BEFORE),
        { mark, left: mark === ">" ? "" : text, right: mark === "<" ? "" : text },
        ...rows.slice(end - SHOWN_AFTER, end),
      );
    } else folded.push(...rows.slice(start, end));
    start = end;
  }
  return folded;
}

/** Of an operation with more rows only the beginning and the end are shown. */
const MOST_ROWS = 100;
const FIRST_ROWS = 70;
const LAST_ROWS = 20;

/** Removes the middle of the rows where there are many. */
export function clipRows(rows: readonly DiffRow[]): readonly DiffRow[] {
  if (rows.length <= MOST_ROWS) return rows;
  const hidden = rows.slice(FIRST_ROWS, -LAST_ROWS);
  const differing = hidden.filter(({ mark }) => mark !== " ").length;
  const text = `  ... ${hidden.length.toLocaleString("en-US")} rows, ${differing.toLocaleString("en-US")} differ`;
  return [...rows.slice(0, FIRST_ROWS), { mark: " ", left: text, right: "" }, ...rows.slice(-LAST_ROWS)];
}
