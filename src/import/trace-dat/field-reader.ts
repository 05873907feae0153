/** Numbers, strings and blocks of bytes, one behind the other: from a file, or from an unpacked section. */

import { DataEnd } from "../../trace/byte-source.js";

/** Where the bytes come from. */
export interface Bytes {
  readonly size: number;
  /** Reads up to `length` bytes from `position` on into `into` at `at`; fewer only at the end. */
  read(into: Buffer, at: number, length: number, position: number): Promise<number>;
}

const WINDOW_BYTES = 64 * 1024;
const MAX_TEXT_BYTES = 4096;

export class FieldReader {
  private window: Buffer;
  /** Position of the window's first byte. */
  private start: number;
  /** Bytes of the window that are filled. */
  private filled: number;
  private at: number;

  private constructor(
    private readonly source: Bytes | undefined,
    readonly bigEndian: boolean,
    window: Buffer,
    filled: number,
    position: number,
  ) {
    this.window = window;
    this.filled = filled;
    this.start = position;
    this.at = 0;
  }

  static ofFile(source: Bytes, position: number, bigEndian: boolean): FieldReader {
    return new FieldReader(source, bigEndian, Buffer.alloc(WINDOW_BYTES), 0, position);
  }

  static ofBytes(bytes: Buffer, bigEndian: boolean): FieldReader {
    return new FieldReader(undefined, bigEndian, bytes, bytes.length, 0);
  }

  get position(): number {
    return this.start + this.at;
  }

  /** Goes on elsewhere; a place beyond the end shows when it is read. */
  seek(position: number): void {
    if (position >= this.start && position <= this.start + this.filled) this.at = position - this.start;
    else {
      this.start = position;
      this.filled = 0;
      this.at = 0;
    }
  }

  /** Bytes left; of a file as it was when it was opened. */
  get left(): number {
    return (this.source?.size ?? this.start + this.filled) - this.position;
  }

  async u8(): Promise<number> {
    return this.window[await this.take(1)]!;
  }

  async u16(): Promise<number> {
    const at = await this.take(2);
    return this.bigEndian ? this.window.readUInt16BE(at) : this.window.readUInt16LE(at);
  }

  async u32(): Promise<number> {
    const at = await this.take(4);
    return this.word(at);
  }

  /** Exact up to 2^53: above that no place and no size is sensible. */
  async u64(): Promise<number> {
    const at = await this.take(8);
    const [first, second] = [this.word(at), this.word(at + 4)];
    return this.bigEndian ? first * 2 ** 32 + second : second * 2 ** 32 + first;
  }

  async big64(): Promise<bigint> {
    const at = await this.take(8);
    return this.bigEndian ? this.window.readBigUInt64BE(at) : this.window.readBigUInt64LE(at);
  }

  /** A string that a NUL ends. */
  async text(): Promise<string> {
    const bytes: number[] = [];
    for (let byte = await this.u8(); byte !== 0; byte = await this.u8()) {
      if (bytes.length === MAX_TEXT_BYTES) throw new RangeError("a string without an end");
      bytes.push(byte);
    }
    return Buffer.from(bytes).toString();
  }

  /** A copy. Throws DataEnd before it allocates what is not there. */
  async bytes(length: number): Promise<Buffer> {
    if (length > this.left) throw endOf(this.position + Math.max(this.left, 0));
    const copy = Buffer.allocUnsafe(length);
    const ready = Math.min(length, this.filled - this.at);
    this.window.copy(copy, 0, this.at, this.at + ready);
    const { position } = this;
    if (ready < length) {
      const count = await this.source!.read(copy, ready, length - ready, position + ready);
      if (count < length - ready) throw endOf(position + ready + count);
    }
    this.seek(position + length);
    return copy;
  }

  private word(at: number): number {
    return this.bigEndian ? this.window.readUInt32BE(at) : this.window.readUInt32LE(at);
  }

  /** Index in the window of the next `length` bytes, which are passed over. */
  private async take(length: number): Promise<number> {
    if (this.filled - this.at < length) await this.refill(length);
    const at = this.at;
    this.at += length;
    return at;
  }

  private async refill(length: number): Promise<void> {
    const { position, source } = this;
    if (source === undefined) throw endOf(position);
    this.start = position;
    this.at = 0;
    this.filled = position < source.size ? await source.read(this.window, 0, WINDOW_BYTES, position) : 0;
    if (this.filled < length) throw endOf(Math.min(source.size, position + this.filled));
  }
}

/** Bytes that are not there. */
export function endOf(atByte: number): DataEnd {
  return new DataEnd(
    `the trace.dat stops early, at byte ${atByte}, expected more (--lenient uses what is there)`,
  );
}
