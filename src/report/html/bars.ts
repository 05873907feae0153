/** Bar charts as static SVG, which need no script and can be printed. */

import type { StallCost } from "../../compare/result.js";
import type { ResultSide, SampledChange, TraceResult } from "../../compare/trace-result.js";
import { ablationSections } from "../ablation.js";
import { valueCells } from "../cells.js";
import { formatChange, formatNs, formatRelative, formatShare } from "../quantity.js";
import type { Section } from "../rows.js";
import { costs } from "../rows.js";
import { html, Markup } from "./markup.js";

const costNames = Object.keys(costs) as StallCost[];

/** The data of one side's bar. */
export interface StallSide {
  readonly name: string;
  readonly costNs: Readonly<Record<StallCost, number>>;
  readonly stallNs: number;
  readonly isModelled: boolean;
}

export function stallSides(sides: readonly ResultSide[]): StallSide[] {
  return sides.map(({ replay, recordedRatio }) => ({
    name: replay.strategy,
    costNs: replay.costNs,
    stallNs: replay.stallNs.total,
    isModelled: recordedRatio < 1,
  }));
}

/** One bar per side, all on the same scale. */
export function stallBars(sides: readonly StallSide[]): Markup {
  const sums = sides.map(({ costNs }) => costNames.reduce((sum, cost) => sum + costNs[cost], 0));
  const scale = Math.max(...sums);
  if (scale === 0) return html`<p>No stall.</p>`;
  const shown = costNames.filter((cost) => sides.some(({ costNs }) => costNs[cost] > 0));
  const bars = sides.map((side) => {
    let at = 0;
    const parts = shown.map((cost) => {
      const share = (100 * side.costNs[cost]) / scale;
      const part = html`<rect class="cost-${cost}" x="${percent(at)}" width="${percent(share)}" height="100%"><title>${costs[cost]}: ${timeOf(side, side.costNs[cost])}</title></rect>`;
      at += share;
      return part;
    });
    return html`<div class="bar"><span class="bar-name">${side.name}</span><svg class="stack" role="img" aria-label="${inWords(side, shown)}">${parts}</svg></div>`;
  });
  const keys = shown.map(
    (cost) =>
      html`<li><svg class="key" aria-hidden="true"><rect class="cost-${cost}" width="100%" height="100%"/></svg>${costs[cost]}</li>`,
  );
  return html`${patterns()}<ul class="legend">${keys}</ul><div class="bars">${bars}</div>`;
}

function inWords(side: StallSide, shown: readonly StallCost[]): string {
  const { name, costNs, stallNs } = side;
  const parts = shown.map((cost) => `${costs[cost]} ${timeOf(side, costNs[cost])}`);
  return `${name}: stall ${timeOf(side, stallNs)}: ${parts.join(", ")}`;
}

/** Stripe patterns, for costs that share a colour with another cost. */
function patterns(): Markup {
  const stripes = (name: string, colour: string) =>
    `<pattern id="${name}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="${colour}" width="6" height="6"/><rect class="stripe" width="2" height="6"/></pattern>`;
  return new Markup(
    `<svg class="defs" aria-hidden="true"><defs>${stripes("stripes-teardown", "fill-vermillion")}${stripes("stripes-cpuWait", "fill-blue")}${stripes("stripes-retry", "fill-purple")}</defs></svg>`,
  );
}

/** What is left of the change without each cost: one bar per cost, after one for the change itself. */
export function ablationBars(result: TraceResult): Markup | undefined {
  const sections = ablationSections(result);
  if (sections.length === 0) return undefined;
  const sides = result.sides;
  return html`${sections.map((section) => waterfall(section, sides))}`;
}

function waterfall({ title, head, rows }: Section, sides: readonly ResultSide[]): Markup {
  const all = [head!, ...rows];
  const changes = all.map(({ values }) => values[1]! - values[0]!);
  const low = Math.min(0, ...changes);
  const high = Math.max(0, ...changes);
  const span = high - low || 1;
  const at = (ns: number) => (100 * (ns - low)) / span;
  const bars = all.map((row, i) => {
    const change = changes[i]!;
    const cells = valueCells(row, sides);
    const left = cells[3]!;
    const label = i === 0 ? row.label : `without ${row.label}`;
    const words = `${label}: ${formatChange(change, "ns")}, ${left}`;
    return html`<div class="bar"><span class="bar-name">${label}</span><svg class="change" role="img" aria-label="${words}"><line class="zero" x1="${percent(at(0))}" x2="${percent(at(0))}" y1="0" y2="100%"/><rect class="${i === 0 ? "whole" : "left"}" x="${percent(Math.min(at(0), at(change)))}" width="${percent(Math.abs(at(change) - at(0)))}" y="15%" height="70%"/></svg><span class="bar-value">${cells[2]}<br>${left}</span></div>`;
  });
  return html`<h3>${title}</h3><div class="bars">${bars}</div>`;
}

/** The range of each change in the draws of the assumed figures. */
export function sampleBars(result: TraceResult): Markup | undefined {
  const { kind, samples } = result;
  if (kind !== "diff" || samples === null) return undefined;
  const { draws, seed, drawn, within } = samples.draws;
  const moved = samples.changes[1]!.filter(({ change }) => change.low !== 0 || change.high !== 0);
  const low = Math.min(0, ...moved.map(({ relative }) => relative.low));
  const high = Math.max(0, ...moved.map(({ relative }) => relative.high));
  const at = (ratio: number) => (100 * (ratio - low)) / (high - low || 1);
  const bars = moved.map((figure) => sampleBar(figure, within, at));
  const words = `${draws} draws of ${drawn.length} figures of the profile from their ranges, and of when each access comes, to within its exit path, seed ${seed}; each bar holds ${formatShare(within)} of the changes, the mark is the median.`;
  return html`<p>${words}</p><div class="bars">${bars}</div>`;
}

function sampleBar(
  { label, change, relative }: SampledChange,
  within: number,
  at: (ratio: number) => number,
): Markup {
  const unit = label === "faults" ? "count" : "ns";
  const share = (ratio: number) => formatRelative(1, 1 + ratio);
  const text = `${formatChange(Math.round(change.low), unit)} to ${formatChange(Math.round(change.high), unit)}`;
  const words = `${label}: ${formatShare(within)} of the changes from ${share(relative.low)} to ${share(relative.high)}, median ${share(relative.median)}`;
  const range = { low: at(relative.low), median: at(relative.median), high: at(relative.high) };
  const value = [`${share(relative.low)} to ${share(relative.high)}`, text] as const;
  return rangeBar({ name: label, words, zero: at(0), range, value });
}

/** A bar from `low` to `high` with a mark at the median; positions are in percent of the width. */
export function rangeBar({
  name,
  words,
  zero,
  range: { low, median, high },
  value: [first, second],
}: {
  readonly name: string;
  /** Text for screen readers. */
  readonly words: string;
  readonly zero: number;
  readonly range: { readonly low: number; readonly median: number; readonly high: number };
  /** Two lines of text beside the bar. */
  readonly value: readonly [string, string];
}): Markup {
  return html`<div class="bar"><span class="bar-name">${name}</span><svg class="change" role="img" aria-label="${words}"><line class="zero" x1="${percent(zero)}" x2="${percent(zero)}" y1="0" y2="100%"/><rect class="left" x="${percent(low)}" width="${percent(high - low)}" y="30%" height="40%"/><line class="median" x1="${percent(median)}" x2="${percent(median)}" y1="10%" y2="90%"/></svg><span class="bar-value">${first}<br>${second}</span></div>`;
}

function timeOf({ isModelled }: StallSide, ns: number): string {
  return `${ns > 0 && isModelled ? "~" : ""}${formatNs(ns)}`;
}

function percent(value: number): string {
  return `${Number(value.toFixed(3))}%`;
}
