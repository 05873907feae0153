/** What an importer is. */

import type { ByteSource } from "../trace/byte-source.js";
import type { HeaderFields } from "../trace/header.js";
import type { LineProblem } from "../trace/ndjson/line-values.js";
import type { EventWriter } from "./event-writer.js";
import type { RandomAccess } from "./random-access.js";

/** One format of recordings. A file of its own each, and a line in `importers` (importers.ts). */
export interface Importer {
  /** As messages call it: "tracefs text". */
  readonly format: string;
  /** Whether an unpacked recording that starts with these bytes (up to HEAD_BYTES) is of this format. */
  recognises(head: Buffer): boolean;
  /** Starts to read. Throws TraceFormatError and UnsupportedTraceError for a recording that cannot be read at all. */
  open(recording: RecordingInput): Promise<Recording>;
}

/** Bytes that `recognises` is shown. */
export const HEAD_BYTES = 16 * 1024;

/** A recording being imported, as its importer sees it. */
export interface RecordingInput {
  /** As errors call it. */
  readonly file: string;
  /** The recording from its start, unpacked. Throws DataEnd where packed data stops early. */
  readonly bytes: ByteSource;
  readonly writer: EventWriter;
  /** The buffer instance asked for; undefined = all that the recording holds. */
  readonly instance: string | undefined;
  /** Uses what is whole of a damaged recording. */
  readonly lenient: boolean;
  /** The same bytes for reading in any order; `bytes` is then of no more use. */
  openFile(): Promise<RandomAccess>;
  /** Takes over what the recording says of itself; what the user says wins. Before the first event. */
  describe(header: HeaderFields): void;
  /** The recording was exported from a trace with this header: it holds in place of all that is known so far. */
  restore(header: HeaderFields): void;
  /** A line or an event that breaks its format: throws a TraceFormatError, or counts it under --lenient. */
  refuse(problem: LineProblem): void;
}

export interface Recording {
  /** What `EventWriter.origin` counts: lines of the recording from 1, or its bytes from 0. */
  readonly origin: "line" | "byte";
  /**
   * Hands some more events to the writer, some thousand at most; false at the end. Throws TraceFormatError, and
   * DataEnd (after all that was whole) where the recording stops early.
   */
  step(): Promise<boolean>;
  close(): Promise<void>;
}
