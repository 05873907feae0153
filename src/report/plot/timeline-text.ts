/** Prints the timeline of an epoch: one line per thread, and the strategies below each other on the same axis. */

import { formatNs, formatPlural } from "../quantity.js";
import type { Colors } from "../terminal.js";
import { type EpochTimeline, type Lane, type SideTimeline, TimeUse } from "./timeline.js";

/** Number of lanes of all strategies together, and the minimum for one. */
const lanesShown = 24;
const fewestLanes = 2;
const leastTick = 12;

interface ThreadName {
  readonly text: string;
  readonly rank: number;
}

export interface TimelineView {
  /** For each side the mark of its times, the mark of its windows, and its name. */
  readonly names: readonly { readonly mark: string; readonly windowMark: string; readonly name: string }[];
  /** Name of a thread, by its index, and its rank in the order of threads. */
  nameOf(thread: number): ThreadName;
  readonly width: number;
  readonly colors: Colors;
}

/** The lines without a heading, and without trailing blanks. */
export function timelineLines(epoch: EpochTimeline, view: TimelineView): string[] {
  const { names, nameOf, colors } = view;
  const most = Math.max(fewestLanes, Math.floor(lanesShown / names.length));
  const { shown, left } = threadsShown(epoch, most);
  const threads = shown
    .map((thread) => ({ thread, ...nameOf(thread) }))
    .sort((a, b) => a.rank - b.rank || a.thread - b.thread);
  const labelWidth = Math.max(...threads.map(({ text }) => text.length)) + 3;
  const axis = axisOf(epoch, view.width - labelWidth - 2);
  const lines = [`a column is ${formatNs(axis.columnNs)}; times since the epoch began`];
  for (const [n, side] of epoch.sides.entries()) {
    const { mark, windowMark, name } = names[n]!;
    const together = `${side.windowNs > 0 ? windowMark : ""}${formatNs(side.windowNs)}`;
    lines.push(`${mark}${name}, windows together ${together}`);
    for (const { thread, text } of threads) {
      const lane = side.lanes.get(thread);
      const cells = painted(laneCells(lane, side, axis).join(""), colors);
      lines.push(`  ${text.padEnd(labelWidth - 2)}|${cells}|`);
    }
  }
  lines.push(...axisLines(axis).map((line) => " ".repeat(labelWidth + 1) + line));
  if (left > 0)
    lines.push(
      `${formatPlural(left, "more thread")}: shown are those with most window time, then with most stall`,
    );
  lines.push(...legend(epoch, shown));
  return lines.map((line) => line.trimEnd());
}

/** The threads with most window time under any strategy, then those with most stall. */
function threadsShown({ sides }: EpochTimeline, most: number): { shown: number[]; left: number } {
  const ranks = new Map<number, { windowNs: number; stallNs: number }>();
  for (const { lanes } of sides) {
    for (const { thread, windowNs, stallNs } of lanes.values()) {
      const rank = ranks.get(thread) ?? { windowNs: 0, stallNs: 0 };
      rank.windowNs = Math.max(rank.windowNs, windowNs);
      rank.stallNs = Math.max(rank.stallNs, stallNs);
      ranks.set(thread, rank);
    }
  }
  const sorted = [...ranks]
    .sort(([a, x], [b, y]) => y.windowNs - x.windowNs || y.stallNs - x.stallNs || a - b)
    .map(([thread]) => thread);
  return {
    shown: sorted.slice(0, most),
    left: Math.max(0, sorted.length - most),
  };
}

interface Axis {
  readonly firstBin: number;
  readonly columns: number;
  readonly binsEach: number;
  readonly columnNs: number;
  /** Start of the first column, since the epoch's start. */
  readonly startNs: number;
}

/** The axis from the first to the last activity under any strategy; a column is a whole number of bins. */
function axisOf({ sides, binNs, originNs }: EpochTimeline, most: number): Axis {
  const firstNs = Math.min(...sides.map((side) => side.firstNs));
  const lastNs = Math.max(...sides.map((side) => side.lastNs));
  const firstBin = Math.floor((firstNs - originNs) / binNs);
  const bins = Math.max(1, Math.ceil((lastNs - originNs) / binNs) - firstBin);
  const binsEach = Math.ceil(bins / Math.max(1, most));
  return {
    firstBin,
    columns: Math.ceil(bins / binsEach),
    binsEach,
    columnNs: binsEach * binNs,
    startNs: originNs + firstBin * binNs,
  };
}

/** The cells up to the column of the strategy's last activity. */
function laneCells(lane: Lane | undefined, { lastNs }: SideTimeline, axis: Axis): string[] {
  const columns = Math.max(0, Math.min(axis.columns, Math.ceil((lastNs - axis.startNs) / axis.columnNs)));
  return Array.from({ length: columns }, (_, column) =>
    lane === undefined ? " " : cellOf(lane, axis, axis.firstBin + column * axis.binsEach),
  );
}

const Mark = {
  wideWindow: "W",
  window: "w",
  sliver: "v",
  hold: "=",
  wait: ".",
  other: "-",
  some: ":",
  repeated: '"',
  none: " ",
} as const;

/** A window is shown however short it is; otherwise the mark shows what takes most of the column. */
function cellOf(lane: Lane, { binsEach, columnNs }: Axis, bin: number): string {
  const [stallNs, waitNs, holdNs, windowNs, repeatedNs] = [
    TimeUse.stall,
    TimeUse.wait,
    TimeUse.hold,
    TimeUse.window,
    TimeUse.repeated,
  ].map((spell) => lane.sum(spell, bin, bin + binsEach)) as [number, number, number, number, number];
  if (windowNs >= columnNs / 2) return Mark.wideWindow;
  if (windowNs > 0) return windowNs >= columnNs / 10 ? Mark.window : Mark.sliver;
  if (repeatedNs >= columnNs / 2) return Mark.repeated;
  const busyNs = Math.max(stallNs, waitNs + holdNs);
  if (busyNs === 0) return Mark.none;
  if (busyNs < columnNs / 2) return Mark.some;
  const otherNs = busyNs - waitNs - holdNs;
  if (holdNs >= waitNs && holdNs >= otherNs) return Mark.hold;
  return waitNs >= otherNs ? Mark.wait : Mark.other;
}

function painted(cells: string, colors: Colors): string {
  return cells
    .replace(/[Wwv]+/g, (marks) => colors.red(marks))
    .replace(/\.+/g, (marks) => colors.yellow(marks))
    .replace(/=+/g, (marks) => colors.green(marks));
}

/** The axis, with round times far enough apart for their labels. */
function axisLines({ columns, columnNs, startNs }: Axis): string[] {
  const stepNs = roundUp(leastTick * columnNs);
  const ruler = new Array<string>(columns).fill("-");
  let labels = "";
  for (let ns = Math.ceil(startNs / stepNs) * stepNs; ; ns += stepNs) {
    const column = Math.floor((ns - startNs) / columnNs);
    if (column >= columns) break;
    ruler[column] = "+";
    const text = tickText(ns, stepNs);
    if (column + text.length <= columns + 1) labels = labels.padEnd(column) + text;
  }
  return [ruler.join(""), labels];
}

/** Rounds up to the next of 1, 2, 5, 10, 20, .. ns. */
function roundUp(ns: number): number {
  const power = 10 ** Math.floor(Math.log10(ns));
  return power * ([1, 2, 5].find((digit) => digit * power >= ns) ?? 10);
}

/** A time in the unit of the step: `0`, `500 us`, `1000 us`. */
function tickText(ns: number, stepNs: number): string {
  if (ns === 0) return "0";
  const [unit, name] = (
    [
      [1e9, "s"],
      [1e6, "ms"],
      [1e3, "us"],
    ] as const
  ).find(([size]) => stepNs >= size) ?? [1, "ns"];
  return `${Math.round(ns / unit)} ${name}`;
}

function legend({ sides }: EpochTimeline, shown: readonly number[]): string[] {
  const repeats = sides.some(({ lanes }) =>
    shown.some((thread) => (lanes.get(thread)?.sum(TimeUse.repeated, 0, Number.POSITIVE_INFINITY) ?? 0) > 0),
  );
  return [
    `${Mark.wideWindow} window open (${Mark.window} for less than half of the column, ${Mark.sliver} for less than a tenth)`,
    `${Mark.hold} work under the lock  ${Mark.wait} wait for it  ${Mark.other} other stall  ${Mark.some} stall or work for less than half`,
    ...(repeats
      ? [`${Mark.repeated} the same order of faults over again: counted, not replayed one by one`]
      : []),
  ];
}
