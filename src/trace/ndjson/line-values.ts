/** The slow path's values: from a member's text to a number or string, or a problem that names the field. */

import type { LineFields, Member } from "./line-fields.js";

/** What is wrong with one line. `reason` is what --lenient counts, `message` what an error says. */
export class LineProblem {
  constructor(
    readonly reason: string,
    readonly message: string,
  ) {}
}

const SHOWN = 40;
const MAX_64 = (1n << 64n) - 1n;
/** Numbers are accepted up to 2^53, above which a JSON number may not be what was written. */
const MAX_NUMBER = 1n << 53n;

export function illTyped(
  fields: LineFields,
  name: string,
  member: Member | undefined,
  expected: string,
): LineProblem {
  if (member === undefined)
    return new LineProblem(`${name} missing`, `${name}: missing, expected ${expected}`);
  return new LineProblem(
    `${name} not as expected`,
    `${name}: expected ${expected}, got ${shown(fields, member)}`,
  );
}

/** The value as it stands, cut where it is long. */
export function shown(fields: LineFields, member: Member): string {
  const text = fields.raw(member.from, Math.min(member.end, member.from + 4 * SHOWN));
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

/** A non-negative integer of up to 64 bits: a hex string, or a number up to 2^53. */
export function unsigned(fields: LineFields, name: string, member: Member, expected: string): bigint {
  if (member.type === "string") {
    const text = fields.text(member.from, member.end);
    if (!/^0[xX][0-9a-fA-F]+$/.test(text)) throw illTyped(fields, name, member, expected);
    const value = BigInt(text);
    if (value > MAX_64) throw illTyped(fields, name, member, expected);
    return value;
  }
  const value = member.type === "number" ? exactInteger(fields.raw(member.from, member.end)) : undefined;
  if (
    value === undefined &&
    member.type === "number" &&
    Number(fields.raw(member.from, member.end)) > 2 ** 52
  ) {
    throw illTyped(fields, name, member, `${expected} (a number only up to 2^53)`);
  }
  if (value === undefined || value < 0n) throw illTyped(fields, name, member, expected);
  return value;
}

/** An integer that fits 32 bits: a number, or a hex string in two's complement of 32 or 64 bits. */
export function signed32(fields: LineFields, name: string, member: Member): number {
  const expected = "an integer of 32 bits";
  let value: bigint | undefined;
  if (member.type === "string") {
    const bits = unsigned(fields, name, member, expected);
    value = bits > 0xffff_ffffn ? BigInt.asIntN(64, bits) : BigInt.asIntN(32, bits);
  } else if (member.type === "number") value = exactInteger(fields.raw(member.from, member.end));
  if (value === undefined || value !== BigInt.asIntN(32, value))
    throw illTyped(fields, name, member, expected);
  return Number(value);
}

/** An integer in 0..max. */
export function integerUpTo(fields: LineFields, name: string, member: Member, max: number): number {
  const expected = `an integer from 0 to ${max}`;
  const value = unsigned(fields, name, member, expected);
  if (value > BigInt(max)) throw illTyped(fields, name, member, expected);
  return Number(value);
}

/** The integer that a JSON number writes; undefined for a fraction or beyond 2^53. */
function exactInteger(text: string): bigint | undefined {
  if (/^-?\d+$/.test(text)) {
    const value = text.length < 24 ? BigInt(text) : undefined;
    return value !== undefined && value <= MAX_NUMBER && value >= -MAX_NUMBER ? value : undefined;
  }
  const value = Number(text);
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}
