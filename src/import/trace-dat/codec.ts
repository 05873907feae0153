/** Unpacks a section or a chunk of a trace.dat, whose unpacked size the file says. */

import * as zlib from "node:zlib";
import { ZSTDDecoder } from "zstddec";

export interface Codec {
  /** Throws an Error where the data is damaged or does not unpack to `size` bytes. */
  unpack(packed: Buffer, size: number): Buffer;
}

/** trace-cmd's names of them; undefined for one that is not known. */
export async function openCodec(name: string): Promise<Codec | undefined> {
  if (name === "zlib") return { unpack: unpackZlib };
  if (name !== "zstd") return undefined;
  if (hasNativeZstd(zlib)) return { unpack: unpackZstdNatively };
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return {
    unpack: (packed, size) => {
      // Damage shows by its size alone: a decoder that fails hands back nothing.
      const { buffer, byteOffset, length } = decoder.decode(packed, size);
      return checked(Buffer.from(buffer, byteOffset, length), size);
    },
  };
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

function checked(unpacked: Buffer, size: number): Buffer {
  if (unpacked.length !== size) throw new Error(`${unpacked.length} bytes in place of ${size}`);
  return unpacked;
}
