/**
 * Encodes columns of whole numbers as bytes: seven bits per byte, lowest first, with the sign in the lowest bit of the
 * number. A zero is followed by the number of further zeros.
 */

import type { Layout } from "./page-data.js";

/** A growing array of bytes. */
export class ByteSink {
  private bytes = new Uint8Array(1 << 16);
  private length = 0;

  /** @param value at most 2**52 from zero */
  write(value: number): void {
    if (this.length + 8 > this.bytes.length) {
      const more = new Uint8Array(2 * this.bytes.length);
      more.set(this.bytes);
      this.bytes = more;
    }
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    while (rest >= 128) {
      this.bytes[this.length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  taken(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

export class ByteSource {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  read(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] as number;
    if (byte < 128) return byte & 1 ? -((byte + 1) >> 1) : byte >> 1;
    let value = byte & 127;
    for (let unit = 128; byte >= 128; unit *= 128) {
      byte = bytes[this.at++] as number;
      value += (byte & 127) * unit;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** @param order the rows to write, in this order */
export function writeColumns(
  sink: ByteSink,
  layout: Layout,
  columns: Readonly<Record<string, Float64Array>>,
  order: Uint32Array,
): void {
  for (const [name, delta] of layout) {
    const column = columns[name] as Float64Array;
    let before = 0;
    let zeros = 0;
    for (const row of order) {
      const value = column[row] as number;
      if (value === before) {
        zeros++;
        continue;
      }
      writeZeros(sink, zeros);
      zeros = 0;
      sink.write(value - before);
      if (delta !== undefined) before = value;
    }
    writeZeros(sink, zeros);
  }
}

function writeZeros(sink: ByteSink, zeros: number): void {
  if (zeros === 0) return;
  sink.write(0);
  sink.write(zeros - 1);
}

export function readColumns<L extends Layout>(
  source: ByteSource,
  layout: L,
  count: number,
): Record<L[number][0], Float64Array> {
  const columns = {} as Record<L[number][0], Float64Array>;
  for (const [name, delta] of layout) {
    const column = new Float64Array(count);
    let before = 0;
    for (let row = 0; row < count; row++) {
      const value = before + source.read();
      if (value === before) {
        const end = row + 1 + source.read();
        if (before !== 0) column.fill(before, row, end);
        row = end - 1;
        continue;
      }
      column[row] = value;
      if (delta !== undefined) before = value;
    }
    columns[name as L[number][0]] = column;
  }
  return columns;
}
