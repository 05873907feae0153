import { Fnv64 } from "./fnv.js";

const TWO_32 = 2 ** 32;
const BUFFER_BYTES = 4096;
/** No single piece of text is longer than this. */
const MARGIN_BYTES = 64;

const digits = new Uint8Array([..."0123456789abcdef"].map((digit) => digit.charCodeAt(0)));

/** Hashes a text without building it: it is written piece by piece, ASCII only, into a small buffer. */
export class HashText {
  private readonly hash = new Fnv64();
  private readonly buffer = new Uint8Array(BUFFER_BYTES);
  private length = 0;

  begin(): void {
    this.hash.reset();
    this.length = 0;
  }

  /** @param text at most 64 characters */
  text(text: string): void {
    this.makeRoom();
    const { buffer } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Writes a whole number from 0 up, below 2^53. */
  decimal(value: number): void {
    if (value >= TWO_32) {
      this.text(String(value));
      return;
    }
    this.makeRoom();
    const { buffer } = this;
    let bound = 1;
    let count = 1;
    while (value >= bound * 10) {
      bound *= 10;
      count++;
    }
    let rest = value;
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const tenth = Math.floor(rest / 10);
      buffer[at] = 48 + rest - tenth * 10;
      rest = tenth;
    }
    this.length += count;
  }

  /** Writes a whole number below 2^53 as `"0x.."`, quotes included. */
  hex(value: number): void {
    this.hexHalves(value >>> 0, Math.floor(value / TWO_32));
  }

  /** Writes a 64-bit number in the same way. */
  hexHalves(lo: number, hi: number): void {
    this.makeRoom();
    const { buffer } = this;
    let at = this.length;
    buffer[at++] = 34;
    buffer[at++] = 48;
    buffer[at++] = 120;
    if (hi !== 0) {
      for (let shift = 28 - (Math.clz32(hi) & ~3); shift >= 0; shift -= 4)
        buffer[at++] = digits[(hi >>> shift) & 15]!;
      for (let shift = 28; shift >= 0; shift -= 4) buffer[at++] = digits[(lo >>> shift) & 15]!;
    } else {
      for (let shift = Math.max(0, 28 - (Math.clz32(lo) & ~3)); shift >= 0; shift -= 4)
        buffer[at++] = digits[(lo >>> shift) & 15]!;
    }
    buffer[at++] = 34;
    this.length = at;
  }

  /** 16 hex digits: the hash of everything written since `begin`. */
  digest(): string {
    this.flush();
    return this.hash.digest();
  }

  private makeRoom(): void {
    if (this.length > BUFFER_BYTES - MARGIN_BYTES) this.flush();
  }

  private flush(): void {
    this.hash.add(this.buffer, this.length);
    this.length = 0;
  }
}
