/** The blocks of a trace.dat that are the same in both versions: page header, event formats, command lines. */

import { DataEnd } from "../../trace/byte-source.js";
import { type EventFormats, parseFields } from "./event-format.js";
import type { FieldReader } from "./field-reader.js";
import type { FileHead, PageShape } from "./layout.js";

/** More than any text of the kernel's that is kept here takes. */
const MAX_BLOCK_BYTES = 16 * 1024 * 1024;

/** What is wrong with a part of the file; `at byte N` is put before it. */
export class Damage extends Error {
  constructor(
    readonly atByte: number,
    readonly problem: string,
  ) {
    super(problem);
  }
}

/** events/header_page and events/header_event. */
export async function readPageShape(fields: FieldReader, head: FileHead): Promise<PageShape> {
  const at = fields.position;
  await expectName(fields, "header_page");
  const text = await readBlock(fields, await fields.u64());
  await expectName(fields, "header_event");
  await readBlock(fields, await fields.u64());
  const page = parseFields(text.toString("latin1"));
  // Kernels before 2.6.32 have no such file.
  if (page.length === 0) return { longSize: head.longSize, dataOffset: 8 + head.longSize };
  const [timestamp, commit, data] = ["timestamp", "commit", "data"].map((name) =>
    page.find((field) => field.name === name),
  );
  const longSize = commit?.size;
  if (
    timestamp?.offset !== 0 ||
    timestamp.size !== 8 ||
    commit?.offset !== 8 ||
    (longSize !== 4 && longSize !== 8) ||
    data === undefined ||
    data.offset < 8 + longSize ||
    data.offset > 1024
  ) {
    throw new Damage(
      at,
      "header_page: expected timestamp (8 bytes), commit (4 or 8) and data, in this order",
    );
  }
  return { longSize, dataOffset: data.offset };
}

export async function readFtraceFormats(fields: FieldReader, formats: EventFormats): Promise<void> {
  const count = await fields.u32();
  for (let i = 0; i < count; i++) formats.add("ftrace", await readBlock(fields, await fields.u64()));
}

export async function readEventFormats(fields: FieldReader, formats: EventFormats): Promise<void> {
  const systems = await fields.u32();
  for (let i = 0; i < systems; i++) {
    const system = await readText(fields);
    const count = await fields.u32();
    for (let j = 0; j < count; j++) formats.add(system, await readBlock(fields, await fields.u64()));
  }
}

/** `PID COMM` a line. */
export async function readComms(fields: FieldReader, comms: Map<number, string>): Promise<void> {
  const text = await readBlock(fields, await fields.u64());
  for (const [, pid, comm] of text.toString().matchAll(/^\s*(\d{1,9}) (.*)$/gm))
    comms.set(Number(pid), comm!.replace(/\0.*$/s, ""));
}

/** A block of text, refused where its size cannot be meant. */
export async function readBlock(fields: FieldReader, size: number): Promise<Buffer> {
  if (size > MAX_BLOCK_BYTES)
    throw new Damage(fields.position, `expected a text of at most ${MAX_BLOCK_BYTES} bytes, got ${size}`);
  return fields.bytes(size);
}

export async function readText(fields: FieldReader): Promise<string> {
  const at = fields.position;
  try {
    return await fields.text();
  } catch (error) {
    if (error instanceof RangeError) throw new Damage(at, "expected a string that a NUL ends");
    throw error;
  }
}

/** A string that has to stand here, with the NUL behind it. */
async function expectName(fields: FieldReader, name: string): Promise<void> {
  const at = fields.position;
  const found = await fields.bytes(name.length + 1);
  if (found.toString("latin1") !== `${name}\0`)
    throw new Damage(at, `expected ${name}, got ${JSON.stringify(found.toString("latin1"))}`);
}

/** What `read` does, or why the file ends in it. */
export async function cutIn(read: () => Promise<void>): Promise<DataEnd | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (error instanceof DataEnd) return error;
    throw error;
  }
}
