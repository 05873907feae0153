/** The header of a section of a version 7 file. The man page gives its size four bytes; it has eight. */

import type { FieldReader } from "./field-reader.js";

const COMPRESSED = 1;

export interface Section {
  readonly id: number;
  readonly compressed: boolean;
  /** Bytes of what follows the header, as they lie in the file. */
  readonly size: number;
  /** Byte of the file behind the header. */
  readonly at: number;
}

/** Leaves the reader behind the header. */
export async function readSectionHeader(fields: FieldReader): Promise<Section> {
  const id = await fields.u16();
  const flags = await fields.u16();
  await fields.u32(); // The place of its description among the strings.
  const size = await fields.u64();
  return { id, compressed: (flags & COMPRESSED) !== 0, size, at: fields.position };
}
