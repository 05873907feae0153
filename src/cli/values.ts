/** Options' values from their text. Each throws UsageError naming the option. */

import type { IpaRange } from "../compare/options.js";
import { UsageError } from "../errors.js";

/** Addresses have at most 52 bits; the end of a range may be one past them. */
const addressLimit = 2 ** 52;

function bad(option: string, expected: string, text: string): UsageError {
  return new UsageError(`${option}: expected ${expected}, got ${JSON.stringify(text)}`);
}

export function parseCount(option: string, text: string, least: number, most?: number): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < least || count > (most ?? count)) {
    throw bad(option, `a whole number from ${least} ${most === undefined ? "up" : `to ${most}`}`, text);
  }
  return count;
}

/** Seconds, with decimals, to nanoseconds. */
export function parseSeconds(option: string, text: string): number {
  const ns = Math.round(Number(text) * 1e9);
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isSafeInteger(ns)) {
    throw bad(option, "seconds, such as 0.5", text);
  }
  return ns;
}

/** `START-END`, hexadecimal with 0x or decimal; the end is not in the range. */
export function parseIpaRange(option: string, text: string): IpaRange {
  const match = /^(0x[0-9a-f]+|\d+)-(0x[0-9a-f]+|\d+)$/i.exec(text);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (match === null || end > addressLimit || start >= end) {
    throw bad(option, "START-END with START < END, such as 0xc0000000-0xc4000000", text);
  }
  return { start, end };
}
