/** Lists of values as they are typed: `1,2,4..64`, `10%..60%+10%`, `1G..16G`. */

import { UsageError } from "../errors.js";
import { parseSize, sizeText } from "../workload/size.js";

/** More are a slip of the keyboard. */
const MOST_VALUES = 10_000;

/**
 * Each value's text. `A..B` is A and its doubles as far as B, `A..B+S` goes on by S; both ends and the step are of
 * one kind: plain numbers, percent, or sizes. Throws UsageError naming the option.
 */
export function parseList(option: string, text: string): string[] {
  const values = text.split(",").flatMap((part) => {
    const item = part.trim();
    if (item === "")
      throw new UsageError(`${option}: expected values with commas between them, got "${text}"`);
    return item.includes("..") ? rangeOf(option, item) : [item];
  });
  const twice = values.find((value, at) => values.indexOf(value) !== at);
  if (twice !== undefined) throw new UsageError(`${option}: ${twice} comes twice in ${text}`);
  return values;
}

interface End {
  readonly value: number;
  readonly kind: "plain" | "percent" | "size";
}

function rangeOf(option: string, text: string): string[] {
  const bad = (why: string) =>
    new UsageError(
      `${option}: ${text}: ${why}: expected such as 4..64 (doubled) or 10..60+10 (step by step)`,
    );
  const [, first = "", last = "", step] = /^(.+?)\.\.(.+?)(?:\+(.+))?$/.exec(text) ?? [];
  const ends = [first, last, ...(step === undefined ? [] : [step])].map((end) => endOf(option, end));
  if (ends.includes(undefined)) throw bad("not a range");
  const [from, to, by] = ends as [End, End, End?];
  if (ends.some((end) => end?.kind !== from.kind)) throw bad("both ends are not of one kind");
  if (from.value > to.value) throw bad("ends before it begins");
  if (by === undefined && from.value === 0) throw bad("0 doubled is 0");
  if (by?.value === 0) throw bad("a step of 0 goes nowhere");
  const values: string[] = [];
  for (let at = 0; ; at++) {
    const exact = by === undefined ? from.value * 2 ** at : from.value + at * by.value;
    const value = Number(exact.toPrecision(15));
    if (value > to.value) return values;
    if (values.length === MOST_VALUES) throw bad(`more than ${MOST_VALUES} values`);
    values.push(textOf(value, from.kind));
  }
}

function endOf(option: string, text: string): End | undefined {
  if (/^\d+[KMGT]$/i.test(text)) return { value: parseSize(option, text), kind: "size" };
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%)?$/.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  return { value: Number(digits), kind: percent === undefined ? "plain" : "percent" };
}

function textOf(value: number, kind: End["kind"]): string {
  if (kind === "size") return sizeText(value);
  return kind === "percent" ? `${value}%` : String(value);
}
