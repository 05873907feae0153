/** The fast path's numbers, read from bytes in place. What they decline the slow path reads. */

import { hexDigit } from "./json-scan.js";

/** Decimal digits that are exact in a double whatever they are. */
const EXACT_DIGITS = 15;
const QUOTE = 0x22;
const ZERO = 0x30;

/** Value of two hex digits, by the two bytes as a little-endian word; -1 for any others. */
const hexPair = new Int16Array(1 << 16).fill(-1);
for (let first = 0; first < 256; first++) {
  for (let second = 0; second < 256; second++) {
    if (hexDigit[first]! >= 0 && hexDigit[second]! >= 0) {
      hexPair[first | (second << 8)] = (hexDigit[first]! << 4) | hexDigit[second]!;
    }
  }
}

/** 2^(4n) as doubles, so that a product with it is one too. */
const sixteenTo = Float64Array.from({ length: 8 }, (_, digits) => 16 ** digits);

/**
 * Each method reads at `at` and gives where the number ends; -1 declines. Results that may exceed a small
 * integer are left in arrays: returned, they would be allocated.
 */
export class NumberScan {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** Of the last hex52 or decimal. */
  readonly value = new Float64Array(1);
  /** Of the last time: seconds, and the nanoseconds beyond. */
  readonly time = new Float64Array(2);
  /** Low 32 bits, signed, of the last hex52; both halves of the last hex64. */
  low = 0;
  high = 0;

  /** Hex digits of up to 52 bits: 13 behind the leading zeros. */
  hex52(at: number): number {
    const { bytes, view } = this;
    const first = at;
    while (bytes[at] === ZERO) at++;
    const start = at;
    let head = 0;
    let pair = hexPair[view.getUint16(at, true)]!;
    const headEnd = at + 6;
    while (pair >= 0 && at < headEnd) {
      head = (head << 8) | pair;
      at += 2;
      pair = hexPair[view.getUint16(at, true)]!;
    }
    let tail = 0;
    const tailStart = at;
    const tailEnd = headEnd + 6;
    while (pair >= 0 && at < tailEnd) {
      tail = (tail << 8) | pair;
      at += 2;
      pair = hexPair[view.getUint16(at, true)]!;
    }
    const last = hexDigit[bytes[at]!]!;
    if (last >= 0) {
      tail = (tail << 4) | last;
      at++;
      if (pair >= 0 || hexDigit[bytes[at]!]! >= 0) return -1;
    }
    if (at === first) return -1;
    const tailDigits = at - tailStart;
    this.low = at === start ? 0 : (head << (4 * tailDigits)) | tail;
    this.value[0] = head * sixteenTo[tailDigits]! + tail;
    return at;
  }

  /** Hex digits of up to 64 bits, into `high` and `low`. */
  hex64(at: number): number {
    const { bytes, view } = this;
    const first = at;
    while (bytes[at] === ZERO) at++;
    let high = 0;
    let low = 0;
    const end = at + 16;
    let pair = hexPair[view.getUint16(at, true)]!;
    while (pair >= 0 && at < end) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | pair;
      at += 2;
      pair = hexPair[view.getUint16(at, true)]!;
    }
    const last = hexDigit[bytes[at]!]!;
    if (last >= 0) {
      if (at === end) return -1;
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | last;
      at++;
    }
    if (at === first) return -1;
    this.high = high;
    this.low = low;
    return at;
  }

  /** A JSON integer without sign, of digits that a double holds. */
  decimal(at: number): number {
    const { bytes } = this;
    const first = at;
    let value = 0;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) {
      value = value * 10 + digit;
    }
    const digits = at - first;
    if (digits === 0 || digits > EXACT_DIGITS || (bytes[first] === ZERO && digits > 1)) return -1;
    this.value[0] = value;
    return at;
  }

  /** Seconds with up to nine decimals, into `time`. `quoted`: with its closing quote. */
  seconds(at: number, quoted: boolean): number {
    const { bytes, view } = this;
    at = this.decimal(at);
    if (at < 0) return -1;
    let nanoseconds = 0;
    if (bytes[at] === 0x2e) {
      const first = ++at;
      // Four digits at once, while there are four.
      for (
        let four = view.getInt32(at, true);
        at < first + 8 && isFourDigits(four);
        four = view.getInt32(at, true)
      ) {
        nanoseconds = Math.imul(nanoseconds, 10000) + fourDigits(four);
        at += 4;
      }
      for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) {
        nanoseconds = (Math.imul(nanoseconds, 10) + digit) | 0;
      }
      const decimals = at - first;
      if (decimals === 0 || decimals > 9) return -1;
      for (let missing = decimals; missing < 9; missing++) nanoseconds = Math.imul(nanoseconds, 10);
    }
    if (quoted && bytes[at++] !== QUOTE) return -1;
    this.time[0] = this.value[0]!;
    this.time[1] = nanoseconds;
    return at;
  }

  /** Nanoseconds in decimal, into `time`. */
  nanoseconds(at: number, quoted: boolean): number {
    const { bytes } = this;
    const first = at;
    while (bytes[at]! >= ZERO && bytes[at]! <= 0x39) at++;
    const digits = at - first;
    if (digits === 0 || digits > EXACT_DIGITS + 9 || (bytes[first] === ZERO && digits > 1)) return -1;
    const split = Math.max(first, at - 9);
    let seconds = 0;
    for (let index = first; index < split; index++) seconds = seconds * 10 + (bytes[index]! - ZERO);
    let nanoseconds = 0;
    for (let index = split; index < at; index++) nanoseconds = nanoseconds * 10 + (bytes[index]! - ZERO);
    if (quoted && bytes[at++] !== QUOTE) return -1;
    this.time[0] = seconds;
    this.time[1] = nanoseconds;
    return at;
  }
}

/** Whether all bytes of a word are decimal digits: high half 3, and still so with 6 added. */
function isFourDigits(word: number): boolean {
  return (word & 0xf0f0f0f0) === 0x30303030 && ((word + 0x06060606) & 0xf0f0f0f0) === 0x30303030;
}

/** The number that four digits write, the first in the lowest byte. */
function fourDigits(word: number): number {
  const digits = word & 0x0f0f0f0f;
  const pairs = Math.imul(digits, 10) + (digits >>> 8);
  return (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff);
}
