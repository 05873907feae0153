/** The fast path's numbers, read from bytes in place. What they decline the slow path reads. */

import { hexDigit } from "./json-scan.js";

/** Decimal digits that are exact in a double whatever they are. */
const EXACT_DIGITS = 15;
const QUOTE = 0x22;
const ZERO = 0x30;

/** Value of two hex digits, by the two bytes as a little-endian word; -1 for any others. */
const hexPair = new Int16Array(1 << 16).fill(-1);
const hexDigits = [..."0123456789abcdefABCDEF"].map((digit) => digit.charCodeAt(0));
for (const first of hexDigits) {
  for (const second of hexDigits)
    hexPair[first | (second << 8)] = (hexDigit[first]! << 4) | hexDigit[second]!;
}

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
  /** Both halves, signed, of the last hex64 or hex52. */
  low = 0;
  high = 0;

  /** The seconds last read, with their point: masked words, and how many bytes. `time[0]` is their value. */
  private same0 = 1;
  private same1 = 0;
  private sameMask0 = 0;
  private sameMask1 = 0;
  private sameLength = 0;

  /** Hex digits of up to 52 bits, leading zeros aside. */
  hex52(at: number): number {
    at = this.hex64(at);
    const { high, low } = this;
    if (high < 0 || high >= 0x10_0000) return -1;
    this.value[0] = high * 2 ** 32 + (low >>> 0);
    return at;
  }

  /** Hex digits of up to 64 bits, leading zeros aside, into `high` and `low`. */
  hex64(at: number): number {
    const { bytes, view } = this;
    const first = at;
    const end = at + 16;
    let high = 0;
    let low = 0;
    while (at < end) {
      const pair = hexPair[view.getUint16(at, true)]!;
      const next = hexPair[view.getUint16(at + 2, true)]!;
      if ((pair | next) < 0) break;
      high = (high << 16) | (low >>> 16);
      low = (low << 16) | (pair << 8) | next;
      at += 4;
    }
    if (at < end) {
      const pair = hexPair[view.getUint16(at, true)]!;
      if (pair >= 0) {
        high = (high << 8) | (low >>> 24);
        low = (low << 8) | pair;
        at += 2;
      }
      const digit = hexDigit[bytes[at]!]!;
      if (digit >= 0) {
        high = (high << 4) | (low >>> 28);
        low = (low << 4) | digit;
        at++;
      }
      if (at === first) return -1;
    } else if (hexDigit[bytes[at]!]! >= 0) return this.long(first);
    this.high = high;
    this.low = low;
    return at;
  }

  /** hex64() of more than 16 digits: fine if the first are zeros. */
  private long(first: number): number {
    let at = first;
    while (this.bytes[at] === ZERO && hexDigit[this.bytes[at + 1]!]! >= 0) at++;
    return at === first ? -1 : this.hex64(at);
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
    // Most often the seconds are those of the time before.
    const isSame =
      (view.getInt32(at, true) & this.sameMask0) === this.same0 &&
      (view.getInt32(at + 4, true) & this.sameMask1) === this.same1;
    if (isSame) at += this.sameLength;
    else {
      const first = at;
      // Text and value are remembered together or not at all: declining below must not leave one of each.
      this.forget();
      at = this.decimal(at);
      if (at < 0) return -1;
      this.time[0] = this.value[0]!;
      if (bytes[at] !== 0x2e) {
        if (quoted && bytes[at++] !== QUOTE) return -1;
        this.time[1] = 0;
        return at;
      }
      at++;
      this.remember(first, at - first);
    }
    const first = at;
    let nanoseconds = 0;
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
    if (quoted && bytes[at++] !== QUOTE) return -1;
    this.time[1] = nanoseconds;
    return at;
  }

  /** `time[0]` is no longer the value of the text remembered. With nothing masked in, 1 is what no word equals. */
  private forget(): void {
    this.sameMask0 = 0;
    this.same0 = 1;
  }

  /** The seconds at `at` with their point, where they are short enough to be compared as two words. */
  private remember(at: number, length: number): void {
    const isShort = length <= 8;
    this.sameLength = length;
    this.sameMask0 = isShort ? maskOf(length) : 0;
    this.sameMask1 = isShort ? maskOf(length - 4) : 0;
    // With nothing masked in, 1 is what no word equals.
    this.same0 = isShort ? this.view.getInt32(at, true) & this.sameMask0 : 1;
    this.same1 = this.view.getInt32(at + 4, true) & this.sameMask1;
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
    this.forget();
    return at;
  }
}

/** Whether all bytes of a word are decimal digits: high half 3, and still so with 6 added. */
function isFourDigits(word: number): boolean {
  return (word & 0xf0f0f0f0) === 0x30303030 && ((word + 0x06060606) & 0xf0f0f0f0) === 0x30303030;
}

/** The bits of a word of which the first `bytes` bytes count. */
export function maskOf(bytes: number): number {
  return bytes >= 4 ? -1 : (1 << (8 * Math.max(0, bytes))) - 1;
}

/** The number that four digits write, the first in the lowest byte. */
function fourDigits(word: number): number {
  const digits = word & 0x0f0f0f0f;
  const pairs = Math.imul(digits, 10) + (digits >>> 8);
  return (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff);
}
