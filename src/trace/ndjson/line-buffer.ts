/** Whole lines in one reused buffer: the scanner works in place, and only a line's cut tail is ever moved. */

import { type ByteSource, DataEnd } from "../byte-source.js";

const BUFFER_BYTES = 256 * 1024;
/** Half a buffer a read: what the kernel copies is then still in the cache when it is scanned. */
const READ_BYTES = BUFFER_BYTES / 2;
/** A line's bytes without its newline; more is refused. */
export const MAX_LINE_BYTES = 1024 * 1024;
/** Room for the newline put behind a last line that has none, and for the scanner's looking 48 bytes ahead of any line. */
const MARGIN_BYTES = 64;
const NEWLINE = 0x0a;

export class LineBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES + MARGIN_BYTES);
  view: DataView = viewOf(this.bytes);
  /** Where the next line begins. */
  at = 0;
  /** Behind the last newline: bytes [at, end) are whole lines. */
  end = 0;
  /** True once the last line is in and had no newline of its own. */
  unterminated = false;
  /** Bytes so far, unpacked where the input is compressed. */
  dataBytes = 0;
  /** Why the data stopped early, where it did. */
  dataEnd: DataEnd | undefined;

  private filled = 0;
  private atEnd = false;

  constructor(readonly source: ByteSource) {}

  /** Gets more whole lines, once those at hand are used up. "too-long": see dropLine. */
  async refill(): Promise<"lines" | "end" | "too-long"> {
    for (;;) {
      if (this.atEnd) return "end";
      this.moveToFront();
      if (this.filled > MAX_LINE_BYTES) return "too-long";
      const from = this.filled;
      const count = await this.read();
      if (count === 0) {
        this.atEnd = true;
        if (this.filled === 0) return "end";
        this.unterminated = true;
        this.bytes[this.filled++] = NEWLINE;
        this.end = this.filled;
        return "lines";
      }
      const last = this.bytes.lastIndexOf(NEWLINE, this.filled - 1);
      if (last >= from) {
        this.end = last + 1;
        return "lines";
      }
    }
  }

  /** Skips the line that is too long, its newline included, without keeping it. */
  async dropLine(): Promise<void> {
    for (;;) {
      this.at = this.end = this.filled = 0;
      const count = await this.read();
      if (count === 0) {
        this.atEnd = true;
        return;
      }
      const newline = this.bytes.subarray(0, count).indexOf(NEWLINE);
      if (newline >= 0) {
        this.at = newline + 1;
        this.end = this.bytes.lastIndexOf(NEWLINE, count - 1) + 1;
        return;
      }
    }
  }

  private async read(): Promise<number> {
    const room = this.bytes.subarray(0, Math.min(this.filled + READ_BYTES, this.bytes.length - MARGIN_BYTES));
    let count = 0;
    try {
      count = await this.source.read(room, this.filled);
    } catch (error) {
      if (!(error instanceof DataEnd)) throw error;
      this.dataEnd = error;
    }
    this.filled += count;
    this.dataBytes += count;
    return count;
  }

  private moveToFront(): void {
    if (this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.filled);
      this.filled -= this.at;
      this.at = 0;
    }
    this.end = 0;
    if (this.filled < this.bytes.length - MARGIN_BYTES) return;
    const wider = Buffer.allocUnsafeSlow(
      Math.min(2 * this.bytes.length, MAX_LINE_BYTES + BUFFER_BYTES) + MARGIN_BYTES,
    );
    this.bytes.copy(wider, 0, 0, this.filled);
    this.bytes = wider;
    this.view = viewOf(wider);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
