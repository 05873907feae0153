/** What a recording is imported as, for tests: its lines as text. */

import { Readable } from "node:stream";
import { type OpenTraceOptions, openNdjson } from "./open-trace.js";
import { RecordingSource } from "./recording-source.js";

/** `input`: a path, or a recording's own bytes. */
export async function importRecording(
  input: string | Buffer,
  options: OpenTraceOptions = {},
): Promise<{ lines: string; source: RecordingSource; skipped: Map<string, number> }> {
  const skipped = new Map<string, number>();
  const place = { file: options.name ?? "t.txt", lenient: options.lenient ?? false, skipped };
  const from = typeof input === "string" ? input : Readable.from([input]);
  const source = await openNdjson(from, options, place);
  if (!(source instanceof RecordingSource)) throw new Error("no importer knows this");
  const pieces: Buffer[] = [];
  const piece = Buffer.alloc(64 * 1024);
  for (let count = await source.read(piece, 0); count > 0; count = await source.read(piece, 0)) {
    pieces.push(Buffer.from(piece.subarray(0, count)));
  }
  await source.close();
  return { lines: Buffer.concat(pieces).toString(), source, skipped };
}

export async function importedText(input: string | Buffer, options: OpenTraceOptions = {}): Promise<string> {
  return (await importRecording(input, options)).lines;
}
