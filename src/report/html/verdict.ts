/** What a result comes to, in one sentence. */

import { numberAt } from "../../compare/figures.js";
import type { Figure } from "../../compare/result.js";
import type { ResultSide, TraceResult } from "../../compare/trace-result.js";
import { markOf } from "../cells.js";
import { formatCount, formatNs, formatPlural, formatRelative } from "../quantity.js";

export function verdictOf(result: TraceResult): string {
  const { sides } = result;
  const [base, ...others] = sides as [ResultSide, ...ResultSide[]];
  if (others.length === 0) return alone(base);
  const changes = others.map((side) => ({ side, ...largestChange(result, base, side) }));
  const [most] = changes.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  const change = most as (typeof changes)[number];
  const { side } = change;
  const among = others.length === 1 ? "" : "the largest change of all: ";
  const what = (change.from === change.to ? sameTime : changedTime)(base, side, change);
  return `${capital(`${among}${what}`)}; ${faultsOf(base, side)}; ${windowsOf(base, side)}.`;
}

function alone(side: ResultSide): string {
  const { replay } = side;
  const stall = `${faultMark(side)}${formatPlural(replay.faults.total, "fault")} stall the guest for ${time(side, "stallNs.total")}`;
  const { count } = replay.windows;
  const windows =
    count === 0
      ? "no window opens"
      : `${formatPlural(count, "window")}, the longest ${time(side, "windows.maxNs")}`;
  return `Under ${replay.strategy} ${stall}; ${windows}.`;
}

interface Change {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** As shown. */
  readonly fromText: string;
  readonly toText: string;
  readonly change: number;
}

/** Of the epochs, that whose time changes most; the whole trace where there is none. */
function largestChange(result: TraceResult, base: ResultSide, side: ResultSide): Change {
  const all = result.epochs.map(({ label }, i) =>
    changeOf(label, base, side, (of) => [of.epochs[i]!.makespanNs, of.figures[`epochs.${i}.makespanNs`]]),
  );
  const whole = changeOf("the whole trace", base, side, (of) => [
    of.replay.makespanNs,
    of.figures.makespanNs,
  ]);
  return all.sort((a, b) => Math.abs(b.change) - Math.abs(a.change))[0] ?? whole;
}

function changeOf(
  label: string,
  base: ResultSide,
  side: ResultSide,
  timeOf: (side: ResultSide) => readonly [ns: number, figure: Figure | undefined],
): Change {
  const [from, fromFigure] = timeOf(base);
  const [to, toFigure] = timeOf(side);
  return {
    label,
    from,
    to,
    fromText: marked(base, from, fromFigure),
    toText: marked(side, to, toFigure),
    change: to - from,
  };
}

function sameTime(base: ResultSide, side: ResultSide, { label, toText }: Change): string {
  return `${label} takes ${toText} under ${side.replay.strategy} as under ${base.replay.strategy}`;
}

function changedTime(
  base: ResultSide,
  side: ResultSide,
  { label, from, to, fromText, toText }: Change,
): string {
  const percent = formatRelative(from, to);
  const size =
    percent === "new" ? "where it took none" : `${percent.slice(1)} ${to < from ? "less" : "more"} than the`;
  return `${label} takes ${toText} under ${side.replay.strategy}, ${size} ${fromText} under ${base.replay.strategy}`;
}

function faultsOf(base: ResultSide, side: ResultSide): string {
  const [from, to] = [base.replay.faults.total, side.replay.faults.total];
  const [fromMark, toMark] = [faultMark(base), faultMark(side)];
  const verb = to < from ? "fall" : "rise";
  if (from !== to)
    return `faults ${verb} from ${fromMark}${formatCount(from)} to ${toMark}${formatCount(to)}`;
  return fromMark === toMark
    ? `${toMark}${formatPlural(to, "fault")} under either`
    : `${fromMark}${formatPlural(from, "fault")}, then ${toMark}${toMark === "at least " ? "as many" : formatCount(to)}`;
}

function windowsOf(base: ResultSide, side: ResultSide): string {
  const [from, to] = [base.replay.windows, side.replay.windows];
  if (from.count === 0 && to.count === 0) return "no window opens under either";
  const lengths = (of: ResultSide) =>
    of.replay.windows.count === 0
      ? "none"
      : `${formatCount(of.replay.windows.count)} of ${time(of, "windows.p50Ns")} at the median`;
  return from.count === to.count
    ? `${formatPlural(to.count, "window")}, ${time(base, "windows.p50Ns")} at the median, then ${time(side, "windows.p50Ns")}`
    : `windows: ${lengths(base)}, then ${lengths(side)}`;
}

function faultMark(side: ResultSide): string {
  return markOf(side.figures["faults.total"], "count", side);
}

function time(side: ResultSide, path: "stallNs.total" | "windows.p50Ns" | "windows.maxNs"): string {
  return marked(side, numberAt(side.replay, path), side.figures[path]);
}

function marked(side: ResultSide, ns: number, figure: Figure | undefined): string {
  return `${ns > 0 ? markOf(figure, "ns", side) : ""}${formatNs(ns)}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
