/** One cpu's pages, some at a time: read from the file as they are, or unpacked chunk by chunk. */

import type { DataEnd } from "../../trace/byte-source.js";
import type { Codec } from "./codec.js";
import { type Bytes, endOf, FieldReader } from "./field-reader.js";
import type { BufferData, CpuData } from "./layout.js";
import { Damage } from "./metadata.js";

/** Far more than the ten pages that trace-cmd packs together. */
const MAX_CHUNK_BYTES = 16 * 1024 * 1024;

/** The count of a cpu's chunks stands before them; the size that the file gives of its data leaves it out. */
const COUNT_BYTES = 4;

export interface PageRuns {
  /** The pages at hand; from 0 to `length`. */
  readonly bytes: Buffer;
  readonly length: number;
  /** Byte of the file where the first of them starts, or their chunk does. */
  readonly at: number;
  /** Whether `at` is of a chunk. */
  readonly packed: boolean;
  /** Why there are fewer pages than the file says. */
  readonly cut: DataEnd | undefined;
  /** Gets the next pages; false at the end. Throws Damage, and goes on behind it where it is called again. */
  next(): Promise<boolean>;
}

export function openPages(
  file: Bytes,
  { codec, pageSize }: BufferData,
  data: CpuData,
  { bigEndian, runBytes }: { readonly bigEndian: boolean; readonly runBytes: number },
): PageRuns {
  return codec === undefined
    ? new PlainPages(file, data, pageSize, runBytes)
    : new PackedPages(file, data, codec, bigEndian);
}

class PlainPages implements PageRuns {
  bytes: Buffer = Buffer.alloc(0);
  length = 0;
  at = 0;
  readonly packed = false;
  cut: DataEnd | undefined;
  private position: number;
  private readonly end: number;

  constructor(
    readonly file: Bytes,
    data: CpuData,
    readonly pageSize: number,
    readonly runBytes: number,
  ) {
    this.position = data.offset;
    this.end = data.offset + data.size;
  }

  async next(): Promise<boolean> {
    const { file, pageSize } = this;
    const left = this.end - this.position;
    if (left <= 0 || this.cut !== undefined) return false;
    const room = Math.max(pageSize, this.runBytes - (this.runBytes % pageSize));
    if (this.bytes.length === 0)
      this.bytes = Buffer.alloc(Math.min(room, Math.ceil(left / pageSize) * pageSize));
    const wanted = Math.min(left, this.bytes.length);
    const count = this.position < file.size ? await file.read(this.bytes, 0, wanted, this.position) : 0;
    if (count < wanted) this.cut = endOf(Math.min(file.size, this.position + count));
    this.at = this.position;
    this.length = count - (count % pageSize);
    this.position += wanted;
    if (this.cut === undefined && this.length < wanted)
      throw new Damage(this.at + this.length, `expected whole pages of ${pageSize} bytes`);
    return this.length > 0;
  }
}

class PackedPages implements PageRuns {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  readonly packed = true;
  cut: DataEnd | undefined;
  private readonly fields: FieldReader;
  private readonly end: number;
  /** Chunks that are left; unknown before the first. */
  private chunks: number | undefined;

  constructor(
    file: Bytes,
    data: CpuData,
    readonly codec: Codec,
    bigEndian: boolean,
  ) {
    this.fields = FieldReader.ofFile(file, data.offset, bigEndian);
    this.end = data.offset + COUNT_BYTES + data.size;
  }

  get length(): number {
    return this.bytes.length;
  }

  async next(): Promise<boolean> {
    if (this.chunks === 0) return false;
    const fields = this.fields;
    let packed: Buffer;
    let size: number;
    try {
      this.chunks ??= await fields.u32();
      if (this.chunks === 0) return false;
      this.at = fields.position;
      const packedSize = await fields.u32();
      size = await fields.u32();
      if (size > MAX_CHUNK_BYTES || fields.position + packedSize > this.end) {
        this.chunks = 0;
        throw new Damage(this.at, `expected a chunk within its cpu's data, got one of ${packedSize} bytes`);
      }
      this.chunks--;
      packed = await fields.bytes(packedSize);
    } catch (error) {
      this.bytes = this.bytes.subarray(0, 0);
      this.chunks = 0;
      if (error instanceof Damage) throw error;
      this.cut = error as DataEnd;
      return false;
    }
    try {
      this.bytes = this.codec.unpack(packed, size);
    } catch (error) {
      this.bytes = this.bytes.subarray(0, 0);
      throw new Damage(this.at, `a damaged chunk (${(error as Error).message})`);
    }
    return this.bytes.length > 0 || this.next();
  }
}
