/** What a result comes to, in one sentence. */

import { modelledMark } from "../heading.js";
import { formatCount, formatNs, formatPlural, formatRelative } from "../quantity.js";
import { type AnyResult, type Side, sidesOf } from "../rows.js";

export function verdictOf(result: AnyResult): string {
  const sides = sidesOf(result);
  const [base, ...others] = sides as [Side, ...Side[]];
  if (others.length === 0) return alone(result, base);
  const changes = others.map((side) => ({ side, ...largestChange(result, base, side) }));
  const [most] = changes.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  const { side, label, from, to } = most as (typeof changes)[number];
  const among = others.length === 1 ? "" : "the largest change of all: ";
  const what = from === to ? sameTime(label, base, side, from) : changedTime(label, base, side, from, to);
  return `${capital(`${among}${what}`)}; ${faultsOf(result, base, side)}; ${windowsOf(base, side)}.`;
}

function alone(result: AnyResult, side: Side): string {
  const { replay } = side;
  const stall = `${boundOf(result, side)}${formatPlural(replay.faults.total, "fault")} stall the guest for ${time(side, replay.stallNs.total)}`;
  const { count, maxNs } = replay.windows;
  const windows =
    count === 0 ? "no window opens" : `${formatPlural(count, "window")}, the longest ${time(side, maxNs)}`;
  return `Under ${replay.strategy} ${stall}; ${windows}.`;
}

interface Change {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly change: number;
}

/** Of the epochs, that whose time changes most; the whole trace where there is none. */
function largestChange(result: AnyResult, base: Side, side: Side): Change {
  const all = result.epochs.map(({ label }, i) =>
    changeOf(label, base.epochs[i]!.makespanNs, side.epochs[i]!.makespanNs),
  );
  const whole = changeOf("the whole trace", base.replay.makespanNs, side.replay.makespanNs);
  return all.sort((a, b) => Math.abs(b.change) - Math.abs(a.change))[0] ?? whole;
}

function changeOf(label: string, from: number, to: number): Change {
  return { label, from, to, change: to - from };
}

function sameTime(label: string, base: Side, side: Side, ns: number): string {
  return `${label} takes ${time(side, ns)} under ${side.replay.strategy} as under ${base.replay.strategy}`;
}

function changedTime(label: string, base: Side, side: Side, from: number, to: number): string {
  const percent = formatRelative(from, to);
  const size =
    percent === "new" ? "where it took none" : `${percent.slice(1)} ${to < from ? "less" : "more"} than the`;
  const than = `${size} ${time(base, from)} under ${base.replay.strategy}`;
  return `${label} takes ${time(side, to)} under ${side.replay.strategy}, ${than}`;
}

function faultsOf(result: AnyResult, base: Side, side: Side): string {
  const [from, to] = [base.replay.faults.total, side.replay.faults.total];
  const [least, bound] = [boundOf(result, base), boundOf(result, side)];
  const verb = to < from ? "fall" : "rise";
  if (from !== to) return `faults ${verb} from ${least}${formatCount(from)} to ${bound}${formatCount(to)}`;
  return least === bound
    ? `${bound}${formatPlural(to, "fault")} under either`
    : `${least}${formatPlural(from, "fault")}, then ${bound}as many`;
}

function windowsOf(base: Side, side: Side): string {
  const [from, to] = [base.replay.windows, side.replay.windows];
  if (from.count === 0 && to.count === 0) return "no window opens under either";
  const lengths = (of: Side) =>
    of.replay.windows.count === 0
      ? "none"
      : `${formatCount(of.replay.windows.count)} of ${time(of, of.replay.windows.p50Ns)} at the median`;
  return from.count === to.count
    ? `${formatPlural(to.count, "window")}, ${time(base, from.p50Ns)} at the median, then ${time(side, to.p50Ns)}`
    : `windows: ${lengths(base)}, then ${lengths(side)}`;
}

/** A side that is none of the record's shows only faults that the trace could tell of. */
function boundOf({ caveats, trace }: AnyResult, { replay }: Side): string {
  const isBound =
    replay.strategy !== trace.recordedUnder && caveats.some(({ code }) => code === "lower-bound");
  return isBound ? "at least " : "";
}

function time({ recordedRatio }: Side, ns: number): string {
  return `${ns > 0 && recordedRatio < 1 ? modelledMark : ""}${formatNs(ns)}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
