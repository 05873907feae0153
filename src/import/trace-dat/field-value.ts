/** Fields of a record as text: for the few events that are not written straight from their bytes. */

import type { EventField } from "./event-format.js";

/** A record's data in its pages. */
export interface RecordData {
  readonly view: DataView;
  readonly at: number;
  /** Bytes, rounded up to words. */
  readonly length: number;
  readonly littleEndian: boolean;
}

/** A number in decimal, text up to its NUL, else the bytes as hex; undefined for what lies beyond the record. */
export function fieldText(field: EventField, record: RecordData): string | undefined {
  if (field.kind === "number") {
    const value = fieldNumber(field, record);
    return value?.toString();
  }
  const bytes = fieldBytes(field, record);
  if (bytes === undefined) return undefined;
  if (field.kind === "bytes") return bytes.toString("hex");
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end === -1 ? bytes.length : end);
}

function fieldNumber({ offset, size, signed }: EventField, record: RecordData): bigint | number | undefined {
  const { view, littleEndian } = record;
  if (offset + size > record.length) return undefined;
  const at = record.at + offset;
  if (size === 8) return signed ? view.getBigInt64(at, littleEndian) : view.getBigUint64(at, littleEndian);
  if (size === 4) return signed ? view.getInt32(at, littleEndian) : view.getUint32(at, littleEndian);
  if (size === 2) return signed ? view.getInt16(at, littleEndian) : view.getUint16(at, littleEndian);
  return signed ? view.getInt8(at) : view.getUint8(at);
}

/** The bytes of an array, wherever the record keeps them. */
function fieldBytes(field: EventField, record: RecordData): Buffer | undefined {
  const { view, littleEndian } = record;
  let { offset, size } = field;
  if (field.place !== "here") {
    if (offset + 4 > record.length) return undefined;
    const word = view.getUint32(record.at + offset, littleEndian);
    offset = (word & 0xffff) + (field.place === "rel_loc" ? offset + 4 : 0);
    size = word >>> 16;
  } else if (size === 0) size = record.length - offset;
  if (size < 0 || offset + size > record.length) return undefined;
  return Buffer.from(view.buffer, view.byteOffset + record.at + offset, size);
}
