/** Recordings of any format, and traces, to one trace: what `s2replay import` writes. */

import { TraceFormatError, UsageError } from "../errors.js";
import { type HeaderFields, isHeaderField, writeHeader } from "../trace/header.js";
import { ImportedLines } from "./imported-lines.js";
import type { OpenTraceOptions } from "./open-trace.js";

const PIECE_BYTES = 64 * 1024;

/** A trace made of one input or of several, by time. */
export class ImportedTraces {
  private constructor(
    readonly files: readonly ImportedLines[],
    readonly header: HeaderFields,
  ) {}

  /**
   * Opens the inputs ("-" is standard input) and reads their headers; `options.header` wins over them.
   * Throws UsageError, TraceFormatError and UnsupportedTraceError.
   */
  static async open(
    inputs: readonly (string | NodeJS.ReadableStream)[],
    options: OpenTraceOptions = {},
  ): Promise<ImportedTraces> {
    const files: ImportedLines[] = [];
    try {
      for (const input of inputs) files.push(await ImportedLines.open(input, options));
      return new ImportedTraces(files, commonHeader(files, options.header ?? {}));
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
  }

  /** The header's line, then the events of all inputs by time, each input's own order kept. Throws TraceFormatError. */
  async *pieces(): AsyncGenerator<Buffer> {
    const { files } = this;
    try {
      let isEmpty = true;
      for await (const piece of canBeCopied(files) ? files[0]!.pieces() : mergeByTime(files)) {
        if (isEmpty) yield Buffer.from(writeHeader(this.header));
        isEmpty = false;
        yield piece;
      }
      const names = files.map(({ file }) => file).join(", ");
      if (isEmpty) throw new TraceFormatError(names, "no events, expected at least one");
    } finally {
      for (const file of files) await file.close();
    }
  }
}

/** What an importer wrote needs no second look. */
function canBeCopied(files: readonly ImportedLines[]): boolean {
  return files.length === 1 && files[0]!.format !== "NDJSON";
}

async function* mergeByTime(files: readonly ImportedLines[]): AsyncGenerator<Buffer> {
  const heads: ImportedLines[] = [];
  for (const file of files) if (await file.next()) heads.push(file);
  let piece = Buffer.allocUnsafe(2 * PIECE_BYTES);
  let length = 0;
  while (heads.length > 0) {
    // Few inputs: a search costs less than a heap. Ties go to the input named first.
    let first = 0;
    for (let i = 1; i < heads.length; i++) if (isBefore(heads[i]!, heads[first]!)) first = i;
    const file = heads[first]!;
    const { line } = file;
    if (length + line.length > piece.length || length >= PIECE_BYTES) {
      yield Buffer.from(piece.subarray(0, length));
      length = 0;
      if (line.length > piece.length) piece = Buffer.allocUnsafe(2 * line.length);
    }
    length += line.copy(piece, length);
    if (!(await file.next())) heads.splice(first, 1);
  }
  if (length > 0) yield piece.subarray(0, length);
}

function isBefore(a: ImportedLines, b: ImportedLines): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos);
}

/** Fields in which inputs of one machine may differ: how each is made one. */
const merged: { [K in keyof HeaderFields]?: (values: NonNullable<HeaderFields[K]>[]) => HeaderFields[K] } = {
  name: () => undefined,
  source: (sources) => [...new Set(sources)].join(", "),
  cpus: (counts) => Math.max(...counts),
  lost_events: (counts) => counts.reduce((sum, count) => sum + count, 0),
};

/** What the inputs say, where they agree or may differ. Throws UsageError where one says what another denies. */
function commonHeader(files: readonly ImportedLines[], given: HeaderFields): HeaderFields {
  const first = files[0]!.header;
  if (files.length === 1) return { ...first, ...given };
  const header: Record<string, unknown> = {};
  const fields = new Set(files.flatMap((file) => Object.keys(file.header))) as Set<keyof HeaderFields>;
  for (const field of fields) {
    const having = files.filter((file) => file.header[field] !== undefined);
    const values = having.map((file) => file.header[field]);
    const merge = merged[field] as ((values: unknown[]) => unknown) | undefined;
    if (merge !== undefined) header[field] = merge(values);
    else if (values.every((value) => JSON.stringify(value) === JSON.stringify(values[0])))
      header[field] = values[0];
    else if (given[field] === undefined && isHeaderField(field)) {
      const other = having.find((file) => JSON.stringify(file.header[field]) !== JSON.stringify(values[0]))!;
      throw new UsageError(
        `${having[0]!.file} says ${field} ${JSON.stringify(values[0])}, ${other.file} says ` +
          `${JSON.stringify(other.header[field])}: expected recordings of one machine on one clock`,
      );
    }
  }
  return { ...header, ...given };
}
