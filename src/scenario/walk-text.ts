import { findingHeadline, findingProblem } from "../stage2/finding-text.js";
import type { Strategy } from "../strategy/strategy.js";
import { fillText } from "./fill-text.js";
import { type GoldenLine, GoldenWalk } from "./golden-line.js";
import { figuresOf, figuresThatDiffer, foundText, returnText } from "./operation-text.js";
import type { Operation, Script } from "./script.js";
import { clipRows, type DiffRow, diffRows, foldRuns } from "./side-by-side.js";
import { type SketchLine, Whiteboard } from "./whiteboard.js";

export interface TextOptions {
  /** An operation with more events than this shows only its figures. */
  readonly maxEvents: number;
  /** Whether a sanitizer watches; its findings are printed after the scenario. */
  readonly sanitizes?: boolean;
}

/** The shortest script that shows a coalesce: three of a block's 512 pages are mapped, then the block. */
export const basicScript = [
  "S basic-2m-coalesce fwb=0 range=0",
  "map 0x40000000 0x3000 0x1040000000 rwx",
  "map 0x40000000 0x200000 0x1040000000 rwx",
].join("\n");

/** Describes the machine in one line. */
function headingOf({ name, iaBits, fwb, tlbiRange }: Script): string {
  const features = `${fwb ? "FWB" : "no FWB"}, ${tlbiRange ? "TLBI by range" : "no TLBI by range"}`;
  return `scenario ${name}: 4 KiB pages, ${iaBits}-bit IPA, ${features}\n`;
}

/** A scenario under one strategy: for each operation a headline, one line per event, and the figures. */
export function* walkText(
  strategy: Strategy,
  script: Script,
  { maxEvents, sanitizes = false }: TextOptions,
): Generator<string> {
  yield `${strategy.name}: ${strategy.models}\n${headingOf(script)}`;
  const walk = new GoldenWalk(strategy, script, { maxEvents, hashes: false, sanitizes });
  try {
    for (const line of walk.lines()) {
      if (line.i === 0) continue;
      const sketched = sketchOf(walk, line, false)?.map(({ text }) => `${text}\n`) ?? [tooMany(line)];
      const found = foundText(line).map((text) => `  ${text}\n`);
      yield `\n${headlineOf(line)}\n`;
      yield [...sketched, ...found].join("");
      if (found.length === 0) yield summary("", figuresOf(line), ", ");
    }
  } finally {
    // A strategy that breaks its contract ends the scenario; the findings up to there are still printed.
    yield brokenText([walk]);
  }
}

/** What a sanitizer found wrong with the walks; empty if it found nothing, or if none watched. */
export function brokenText(walks: readonly GoldenWalk[]): string {
  const lines = walks.flatMap(({ strategy, run }) =>
    (run.sanitizer?.found ?? []).map((tally) => {
      const { operation, during } = tally.first;
      return [
        `  ${strategy.name}: ${findingHeadline(tally)}; first in operation ${operation}, ${during}`,
        ...fillText("    ", findingProblem(tally.first)),
        "",
      ].join("\n");
    }),
  );
  return lines.length === 0 ? "" : `\nsanitizer\n${lines.join("")}`;
}

function headlineOf(line: GoldenLine): string {
  const returned = returnText(line);
  return line.op.trim() + (returned === "" ? "" : ` = ${returned}`);
}

function tooMany(line: GoldenLine): string {
  return `  ${line.en.toLocaleString("en-US")} events, not shown (--max-events)\n`;
}

function sketchOf(walk: GoldenWalk, line: GoldenLine, brief: boolean): readonly SketchLine[] | undefined {
  return line.ev == null ? undefined : new Whiteboard(walk.run.stage2.table, brief).sketch(line.ev);
}

/** A scenario under two strategies, side by side. */
export function* diffText(
  base: Strategy,
  candidate: Strategy,
  script: Script,
  { maxEvents, sanitizes = false }: TextOptions,
): Generator<string> {
  const names = Math.max(base.name.length, candidate.name.length);
  for (const { name, models } of [base, candidate]) yield `${name.padEnd(names)}  ${models}\n`;
  yield headingOf(script);
  const options = { maxEvents, hashes: true, sanitizes };
  const left = new GoldenWalk(base, script, options);
  const right = new GoldenWalk(candidate, script, options);
  try {
    for (const step of stepsOf(left, right)) yield `\n${step.text()}`;
  } finally {
    yield brokenText([left, right]);
  }
}

/** One operation under two strategies. */
interface DiffStep {
  readonly operation: Operation;
  /** Whether the two walks differ in any event. */
  readonly differs: boolean;
  /** The two walks side by side; must be called before the next step. */
  text(): string;
}

/** The operations of a scenario under two strategies, one by one. */
export function diffSteps(
  base: Strategy,
  candidate: Strategy,
  script: Script,
  { maxEvents }: TextOptions,
): Generator<DiffStep> {
  const options = { maxEvents, hashes: true };
  return stepsOf(new GoldenWalk(base, script, options), new GoldenWalk(candidate, script, options));
}

function* stepsOf(left: GoldenWalk, right: GoldenWalk): Generator<DiffStep> {
  const others = right.lines();
  for (const line of left.lines()) {
    const other: GoldenLine = others.next().value!;
    if (line.i === 0) continue;
    yield {
      operation: left.run.script.operations[line.i - 1]!,
      differs: line.eh !== other.eh,
      text: () => operationDiff([left, line], [right, other]),
    };
  }
}

type WalkSide = readonly [walk: GoldenWalk, line: GoldenLine];

function operationDiff([left, line]: WalkSide, [right, other]: WalkSide): string {
  const returned = returnText(line) === returnText(other);
  const names = [left.strategy.name, right.strategy.name] as const;
  const headline = returned
    ? headlineOf(line)
    : `${headlineOf(line)} under ${names[0]}, ${returnText(other)} under ${names[1]}`;
  return `${headline}\n${bodyOf([left, line], [right, other])}${afterwards(line, other)}`;
}

function bodyOf([left, line]: WalkSide, [right, other]: WalkSide): string {
  const found = foundText(line).map((text) => `  ${text}`);
  const otherFound = foundText(other).map((text) => `  ${text}`);
  const isFoundAlike = found.join() === otherFound.join();
  if (isFoundAlike && line.eh === other.eh) {
    if (found.length > 0) return `${found.join("\n")}\n  -- the same in both\n`;
    return summary("the same in both: ", figuresOf(line), ", ");
  }
  const own = sketchOf(left, line, true) ?? asLines([tooMany(line).trimEnd()]);
  const others = sketchOf(right, other, true) ?? asLines([tooMany(other).trimEnd()]);
  const rows = diffRows([...own, ...asLines(found)], [...others, ...asLines(otherFound)]);
  if (rows.every(({ mark }) => mark === " "))
    return summary("the same in both but for bits of entries: ", figuresOf(line), ", ");
  const head: DiffRow = { mark: " ", left: left.strategy.name, right: right.strategy.name };
  return columns([head, ...clipRows(foldRuns(rows))]) + figureRows(line, other);
}

function asLines(texts: readonly string[]): SketchLine[] {
  return texts.map((text) => ({ text, kind: text }));
}

const SUMMARY_CHARS = 110;

/** Formats parts as one paragraph under the events of an operation; no part is broken across lines. */
function summary(lead: string, parts: readonly string[], separator: string): string {
  const lines = [`  -- ${lead}`];
  for (const [index, part] of parts.entries()) {
    const text = index === parts.length - 1 ? part : part + separator;
    if (lines.at(-1)!.length + text.trimEnd().length > SUMMARY_CHARS) lines.push("     ");
    lines[lines.length - 1] += text;
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Two columns, as wide as needed, with the mark between them. */
function columns(rows: readonly DiffRow[]): string {
  const width = rows.reduce((widest, { left }) => Math.max(widest, left.length), 0);
  return rows
    .map(({ mark, left, right }) => `${`${left.padEnd(width)} ${mark} ${right}`.trimEnd()}\n`)
    .join("");
}

function figureRows(line: GoldenLine, other: GoldenLine): string {
  const differing = figuresThatDiffer(line, other);
  if (differing.length === 0) return summary("the same figures in both: ", figuresOf(line), ", ");
  return summary(
    "",
    differing.map(([name, own, others]) => `${name} ${own} -> ${others}`),
    "; ",
  );
}

/** What the operation left behind, where it differs. */
function afterwards(line: GoldenLine, other: GoldenLine): string {
  if (line.lh !== other.lh) return "  -- afterwards other memory is mapped, or otherwise\n";
  return line.rh === other.rh ? "" : "  -- afterwards the reference counts of table pages differ\n";
}
