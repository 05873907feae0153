/** Describes a result in plain words: what changes, which cost causes it, and what becomes unsafe. */

import { changePath } from "../compare/figures.js";
import type { Figure, Verdict } from "../compare/result.js";
import type { ResultSide, TraceResult } from "../compare/trace-result.js";
import { plural } from "../stage2/address-text.js";
import { costWords } from "./ablation.js";
import { markOf, unsafeMark } from "./cells.js";
import {
  formatChange,
  formatCount,
  formatNs,
  formatPlural,
  formatQuantity,
  formatRelative,
  formatShare,
  type Unit,
} from "./quantity.js";

type Change = NonNullable<Verdict["change"]>;

export interface VerdictLine {
  readonly label: "verdict" | "cause" | "unsafe";
  readonly text: string;
}

/** Verdict, cause and safety of a diff; verdict and hazards of each side of a comparison; none for a single replay. */
export function verdictLines({ kind, sides }: TraceResult): VerdictLine[] {
  const [base, ...others] = sides as [ResultSide, ...ResultSide[]];
  const lines = others.flatMap((side): VerdictLine[] => {
    const { verdict } = side;
    if (verdict === null) return [];
    const cause = kind === "diff" ? causeText(verdict) : null;
    return [
      { label: "verdict", text: outcomeText(base, side, verdict) },
      ...(cause === null ? [] : [{ label: "cause" as const, text: cause }]),
      ...verdict.hazards.map((hazard) => ({ label: "unsafe" as const, text: hazardText(side, hazard) })),
    ];
  });
  if (kind !== "diff" || lines.length === 0) return lines;
  const isBaseUnsafe = others[0]?.verdict?.baseUnsafe === true;
  if (isBaseUnsafe)
    lines.push({
      label: "unsafe",
      text: `${base.replay.strategy}, the base, is unsafe itself: see the notes`,
    });
  else if (!lines.some(({ label }) => label === "unsafe"))
    lines.push({ label: "unsafe", text: "nothing that the replay sees; --sanitize watches every walk" });
  return lines;
}

/** A note that explains the `!` after figures, if there are any. */
export function unsafeNotes({ sides }: TraceResult): { readonly text: string }[] {
  const unsafe = sides.filter(({ verdict }) => verdict?.unsafe === true).map(({ replay }) => replay.strategy);
  if (unsafe.length === 0) return [];
  return [
    {
      text: `${unsafeMark} marks what is less under ${unsafe.join(" and ")}, which no machine should run as it is: it is no plain gain`,
    },
  ];
}

/** Describes one replay in a sentence. */
export function summaryOf(side: ResultSide): string {
  const { replay, figures } = side;
  const { count, maxNs } = replay.windows;
  const faults = `${mark(side, figures["faults.total"], "count")}${formatPlural(replay.faults.total, "fault")}`;
  const stall = `${mark(side, figures["stallNs.total"], "ns")}${formatNs(replay.stallNs.total)}`;
  const windows =
    count === 0
      ? "no window opens"
      : `${formatPlural(count, "window")}, the longest ${mark(side, figures["windows.maxNs"], "ns")}${formatNs(maxNs)}`;
  return `Under ${replay.strategy} ${faults} stall the guest for ${stall}; ${windows}.`;
}

function outcomeText(
  base: ResultSide,
  side: ResultSide,
  { outcome, change, reasons, unsafe }: Verdict,
): string {
  const { strategy } = side.replay;
  if (change === null && reasons.length > 0)
    return `does not tell: nothing changes between ${base.replay.strategy} and ${strategy}; but ${reasons.join("; ")}`;
  if (change === null)
    return `no difference: no time, no stall and no number of faults is another under ${strategy} than under ${base.replay.strategy}${unsafe ? ", but it is unsafe" : ""}`;
  const what = changeText(base, side, change);
  if (outcome === "does not tell") return `does not tell: ${what}; but ${reasons.join("; ")}`;
  return `${outcome}${unsafe ? ", but unsafe" : ""}: ${[what, ...besides(base, side, change)].join("; ")}`;
}

const subjects: Readonly<Record<Change["of"], string>> = {
  time: "takes",
  stall: "the guest stalls for",
  faults: "the guest takes",
};

function changeText(base: ResultSide, side: ResultSide, change: Change): string {
  const { of, epoch, base: from, candidate: to, interval } = change;
  const unit: Unit = of === "faults" ? "count" : "ns";
  const shown = (whose: ResultSide, value: number) =>
    `${value === 0 ? "" : mark(whose, whose.figures[changePath(change)], unit)}${formatQuantity(value, unit)}${of === "faults" ? ` ${value === 1 ? "fault" : "faults"}` : ""}`;
  const subject = of === "time" ? `${epoch ?? "the whole trace"} ${subjects.time}` : subjects[of];
  const relative = formatRelative(from, to);
  const size =
    relative === "new"
      ? `where it was none under ${base.replay.strategy}`
      : `${relative.replace(/^[-+]/, "")} ${to < from ? "less" : "more"} than the ${shown(base, from)} under ${base.replay.strategy}`;
  const ends =
    interval === undefined || interval.low === interval.high
      ? ""
      : `; ${formatChange(interval.low, unit)} to ${formatChange(interval.high, unit)} by what is assumed`;
  return `${subject} ${shown(side, to)} under ${side.replay.strategy}, ${size} (${formatChange(change.change, unit)}${ends})`;
}

/** The other changes. */
function besides(base: ResultSide, side: ResultSide, { of }: Change): string[] {
  const texts: string[] = [];
  if (of !== "stall")
    texts.push(relativeText("guest stall", base.replay.stallNs.total, side.replay.stallNs.total));
  if (of !== "faults") {
    const [from, to] = [base.replay.faults.total, side.replay.faults.total];
    const isBound = side.figures["faults.total"]?.kind === "at least";
    texts.push(
      from === to
        ? `${formatPlural(to, "fault")}${isBound ? " at least," : ""} under either`
        : `${formatCount(from)} faults, then ${mark(side, side.figures["faults.total"], "count")}${formatCount(to)}`,
    );
  }
  return texts;
}

function relativeText(what: string, from: number, to: number): string {
  return from === to ? `${what} the same` : `${what} ${formatRelative(from, to)}`;
}

/** Null where there is no cause to name. */
function causeText({ outcome, change, cause }: Verdict): string | null {
  if (change === null || outcome === "does not tell") return null;
  const kind = change.change < 0 ? "gain" : "loss";
  if (cause === null)
    return `no cost of the walker's own work changes: the order of its steps, or its kind of lock, makes this ${kind}`;
  const [label, without] = costWords[cause.cost];
  if (cause.remaining === null) return `${label}, of the walker's own costs the one that changes most`;
  const gone = 1 - cause.remaining;
  if (gone < -0.005) return `${label} works against this ${kind}: when ${without} it is larger`;
  if (gone > 1.005) return `${label}: this ${kind} turns when ${without}`;
  if (gone < 0.005)
    return `${label}: of the walker's own costs it changes most, but explains none of this ${kind}`;
  return `${label}: ${formatShare(gone)} of this ${kind} disappears when ${without}`;
}

function hazardText(
  side: ResultSide,
  { rule, count, pages, atMost, text }: Verdict["hazards"][number],
): string {
  if (rule === "unclean-leaf")
    return `${side.replay.strategy} maps ${atMost ? "at most " : ""}${plural(pages, "page")} in ${plural(count, "block")} without a clean to the point of coherency, on a machine without FWB: the guest may read there what was not yet in memory (${rule})`;
  const size = pages === 0 ? "" : `, ${plural(pages, "page")}`;
  return `${side.replay.strategy}: ${text} (${rule}, ${plural(count, "time")}${size})`;
}

function mark(side: ResultSide, figure: Figure | undefined, unit: Unit): string {
  return markOf(figure, unit, side);
}
