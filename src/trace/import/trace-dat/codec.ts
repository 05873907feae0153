/** Unpacks a section or a chunk of a trace.dat, whose unpacked size the file says. */

import * as zlib from "node:zlib";
import { Decompress } from "fzstd";

export interface Codec {
  /** Throws an Error where the data is damaged or does not unpack to `size` bytes. */
  unpack(packed: Buffer, size: number): Buffer;
}

/** trace-cmd's names of them; undefined for one that is not known. */
export function codecOf(name: string): Codec | undefined {
  if (name === "zlib") return { unpack: unpackZlib };
  return name === "zstd" ? { unpack: hasNativeZstd(zlib) ? unpackZstdNatively : unpackZstd } : undefined;
}

function unpackZlib(packed: Buffer, size: number): Buffer {
  return checked(zlib.inflateSync(packed, { maxOutputLength: Math.max(size, 1) }), size);
}

interface NativeZstd {
  zstdDecompressSync(packed: Buffer, options: { maxOutputLength: number }): Buffer;
}

/** From Node 22.15 on. */
function hasNativeZstd(library: object): library is NativeZstd {
  return "zstdDecompressSync" in library;
}

function unpackZstdNatively(packed: Buffer, size: number): Buffer {
  const { zstdDecompressSync } = zlib as unknown as NativeZstd;
  return checked(zstdDecompressSync(packed, { maxOutputLength: Math.max(size, 1) }), size);
}

/**
 * One frame (RFC 8878). trace-cmd's frames do not say their size, only a window of a megabyte or more, which the
 * library would allocate for each chunk, and which damaged data can name as large as it likes. So the blocks are
 * given to it behind another header: a single segment of the size that the file says.
 */
function unpackZstd(packed: Buffer, size: number): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0]);
  header.writeUInt32LE(size, 5);
  const unpacked = Buffer.alloc(size);
  let length = 0;
  const stream = new Decompress((block) => {
    if (length + block.length > size) throw new Error("more than its size");
    unpacked.set(block, length);
    length += block.length;
  });
  stream.push(Buffer.concat([header, packed.subarray(frameHeaderBytes(packed), blocksEnd(packed))]), true);
  return checked(unpacked.subarray(0, length), size);
}

const FRAME_MAGIC = 0xfd2fb528;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

function frameHeaderBytes(packed: Buffer): number {
  if (packed.length < 6 || packed.readUInt32LE(0) !== FRAME_MAGIC) throw new Error("no zstd frame");
  const flags = packed[4]!;
  if ((flags & 8) !== 0) throw new Error("no zstd frame");
  const isSingleSegment = (flags & 0x20) !== 0;
  const contentSize = CONTENT_SIZE_BYTES[flags >> 6]! || (isSingleSegment ? 1 : 0);
  return 5 + (isSingleSegment ? 0 : 1) + DICTIONARY_BYTES[flags & 3]! + contentSize;
}

/** Behind the frame's last block: what follows (a checksum, padding) is not for the library. */
function blocksEnd(packed: Buffer): number {
  let at = frameHeaderBytes(packed);
  for (;;) {
    if (at + 3 > packed.length) throw new Error("a zstd frame that stops early");
    const header = packed.readUIntLE(at, 3);
    const type = (header >> 1) & 3;
    at += 3 + (type === 1 ? 1 : header >> 3);
    if ((header & 1) !== 0) return at;
  }
}

function checked(unpacked: Buffer, size: number): Buffer {
  if (unpacked.length !== size) throw new Error(`${unpacked.length} bytes in place of ${size}`);
  return unpacked;
}
