/**
 * Strict JSON over bytes (RFC 8259, UTF-8 checked): walks a value without building it. The verdict is
 * JSON.parse's on the decoded text, plus refusing bytes that are not UTF-8.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Value of a hex digit, -1 for any other byte. */
export const hexDigit = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  hexDigit[digit.toString(16).charCodeAt(0)] = digit;
  hexDigit[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** 1 for a byte that may follow a backslash (but for `u`, which takes four digits). */
const simpleEscape = new Uint8Array(256);
for (const letter of '"\\/bfnrt') simpleEscape[letter.charCodeAt(0)] = 1;

export class JsonScan {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the text ends; nothing at or beyond it is read. */
  end = 0;
  /** After a failure: where, and what would have been right. */
  failedAt = 0;
  expected = "";

  private nesting = new Uint8Array(64);

  /** True if the failure is that the text stops too soon. */
  get stoppedShort(): boolean {
    return this.failedAt >= this.end;
  }

  /** Notes a failure; always -1. */
  fail(at: number, expected: string): -1 {
    this.failedAt = at;
    this.expected = expected;
    return -1;
  }

  space(at: number): number {
    while (at < this.end) {
      const byte = this.bytes[at]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      at++;
    }
    return at;
  }

  /** From an opening quote to behind the closing one; -1 if it is no string. */
  string(at: number): number {
    const { bytes, end } = this;
    if (at >= end || bytes[at] !== QUOTE) return this.fail(at, "a string");
    at++;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) at = this.escape(at + 1);
      else if (byte < 0x20) return this.fail(at, "an escape in place of a control character");
      else if (byte < 0x80) at++;
      else at = this.utf8(at);
      if (at < 0) return -1;
    }
    return this.fail(end, "the end of a string");
  }

  private escape(at: number): number {
    if (at >= this.end) return this.fail(at, "an escape");
    if (simpleEscape[this.bytes[at]!] === 1) return at + 1;
    if (this.bytes[at] !== 0x75) return this.fail(at, "an escape that JSON knows");
    for (let digit = at + 1; digit < at + 5; digit++) {
      if (digit >= this.end || hexDigit[this.bytes[digit]!]! < 0) return this.fail(digit, "four hex digits");
    }
    return at + 5;
  }

  /** One sequence of two to four bytes; overlong forms, surrogates and values over 0x10ffff are refused. */
  private utf8(at: number): number {
    const lead = this.bytes[at]!;
    let low = 0x80;
    let high = 0xbf;
    let more = 1;
    if (lead >= 0xc2 && lead <= 0xdf) more = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead === 0xe0) low = 0xa0;
      if (lead === 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead === 0xf0) low = 0x90;
      if (lead === 0xf4) high = 0x8f;
    } else return this.fail(at, "UTF-8");
    for (at++; more > 0; more--, at++) {
      if (at >= this.end || this.bytes[at]! < low || this.bytes[at]! > high) return this.fail(at, "UTF-8");
      low = 0x80;
      high = 0xbf;
    }
    return at;
  }

  number(at: number): number {
    const { bytes, end } = this;
    if (at < end && bytes[at] === 0x2d) at++;
    if (at < end && bytes[at] === 0x30) at++;
    else at = this.digits(at);
    if (at >= 0 && at < end && bytes[at] === 0x2e) at = this.digits(at + 1);
    if (at >= 0 && at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
      at++;
      if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++;
      at = this.digits(at);
    }
    return at;
  }

  private digits(at: number): number {
    const from = at;
    while (at < this.end && this.bytes[at]! >= 0x30 && this.bytes[at]! <= 0x39) at++;
    return at > from ? at : this.fail(at, "a digit");
  }

  private word(at: number, word: string): number {
    for (let index = 0; index < word.length; index++) {
      if (at + index >= this.end || this.bytes[at + index] !== word.charCodeAt(index)) {
        return this.fail(at + index, word);
      }
    }
    return at + word.length;
  }

  private scalar(at: number): number {
    if (at >= this.end) return this.fail(at, "a value");
    const byte = this.bytes[at]!;
    if (byte === QUOTE) return this.string(at);
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) return this.number(at);
    if (byte === 0x74) return this.word(at, "true");
    if (byte === 0x66) return this.word(at, "false");
    if (byte === 0x6e) return this.word(at, "null");
    return this.fail(at, "a value");
  }

  /** A key and its colon, and the space behind: to the first byte of the value. */
  private key(at: number): number {
    at = this.string(at);
    return at < 0 ? -1 : this.colon(at);
  }

  colon(at: number): number {
    at = this.space(at);
    if (at >= this.end || this.bytes[at] !== 0x3a) return this.fail(at, '":"');
    return this.space(at + 1);
  }

  /** Any value, from its first byte to behind its last; without recursion, so depth cannot overflow. */
  value(at: number): number {
    let depth = 0;
    for (;;) {
      const open = at < this.end ? this.bytes[at]! : 0;
      if (open === 0x7b || open === 0x5b) {
        // '}' and ']' are the opening bytes plus two.
        const close = open + 2;
        at = this.space(at + 1);
        if (at < this.end && this.bytes[at] === close) at++;
        else {
          this.push(depth++, close);
          if (open === 0x7b) at = this.key(at);
          if (at < 0) return -1;
          continue;
        }
      } else at = this.scalar(at);
      if (at < 0) return -1;

      for (;;) {
        if (depth === 0) return at;
        at = this.space(at);
        const close = this.nesting[depth - 1]!;
        const byte = at < this.end ? this.bytes[at]! : 0;
        if (byte === 0x2c) {
          at = this.space(at + 1);
          if (close === 0x7d) at = this.key(at);
          if (at < 0) return -1;
          break;
        }
        if (byte !== close) return this.fail(at, close === 0x7d ? '"," or "}"' : '"," or "]"');
        at++;
        depth--;
      }
    }
  }

  private push(depth: number, close: number): void {
    if (depth === this.nesting.length) {
      const wider = new Uint8Array(depth * 2);
      wider.set(this.nesting);
      this.nesting = wider;
    }
    this.nesting[depth] = close;
  }
}
