/** A recording of another format as the NDJSON that it is imported as: what every reader of a trace is given. */

import { readFile, stat } from "node:fs/promises";
import { TraceFormatError, UsageError } from "../errors.js";
import { type ByteSource, DataEnd, PeekedSource } from "../trace/byte-source.js";
import { type HeaderFields, parseHeaderText } from "../trace/header.js";
import type { LineProblem } from "../trace/ndjson/line-values.js";
import { Aliases } from "./aliases.js";
import { EventWriter, type ImportSummary } from "./event-writer.js";
import { HEAD_BYTES, type Importer, type Recording, type RecordingInput } from "./importer.js";
import { importers } from "./importers.js";
import { RandomAccess } from "./random-access.js";
import type { Stage } from "./recorded-order.js";

export interface ImportOptions {
  /** What probes of the user's own stand for. */
  readonly aliases?: Aliases;
  /** Of a trace.dat with several buffers, the one of this name ("" = the top one); all where absent. */
  readonly instance?: string;
  /** Names of the stages that `stage` and `stage_end` probes mark; those of kvm_page_table_test where absent. */
  readonly stages?: readonly Stage[];
}

/** Where a recording comes from. */
export interface RecordingPlace {
  /** As errors call it. */
  readonly file: string;
  /** Path of the plain file that `bytes` reads; undefined for a pipe and for packed data. */
  readonly plainPath: string | undefined;
  /** Path of the input, packed or not; undefined for a pipe. */
  readonly path: string | undefined;
  readonly lenient: boolean;
  /** Problems skipped under --lenient, by reason. */
  readonly skipped: Map<string, number>;
}

/**
 * The recording as NDJSON, where `bytes` are of a format that an importer knows; else the bytes, unchanged.
 * Throws TraceFormatError, UnsupportedTraceError and UsageError.
 */
export async function openRecording(
  bytes: ByteSource,
  place: RecordingPlace,
  options: ImportOptions,
): Promise<ByteSource | RecordingSource> {
  const { source, head } = await PeekedSource.peek(bytes, HEAD_BYTES);
  const importer = importers.find(({ recognises }) => recognises(head));
  return importer === undefined ? source : RecordingSource.open(importer, source, place, options);
}

export class RecordingSource implements ByteSource, RecordingInput {
  readonly writer: EventWriter;
  readonly file: string;
  readonly lenient: boolean;
  readonly instance: string | undefined;
  private recording: Recording | undefined;
  /** The recording where it is read here and there. */
  private random: RandomAccess | undefined;
  private header: HeaderFields = {};
  /** What was recorded beside it: who recorded knows better than what can be read from the recording. */
  private beside: HeaderFields = {};
  /** Bytes of the writer handed on. */
  private taken = 0;
  private end: "ended" | DataEnd | undefined;

  private constructor(
    readonly format: string,
    readonly bytes: ByteSource,
    readonly place: RecordingPlace,
    readonly options: ImportOptions,
  ) {
    this.writer = new EventWriter(options.aliases ?? new Aliases(), options.stages);
    this.file = place.file;
    this.lenient = place.lenient;
    this.instance = options.instance;
  }

  static async open(
    importer: Importer,
    bytes: ByteSource,
    place: RecordingPlace,
    options: ImportOptions,
  ): Promise<RecordingSource> {
    const source = new RecordingSource(importer.format, bytes, place, options);
    source.describe({ arch: "arm64", source: importer.format });
    source.beside = await readHeaderBeside(place.path);
    source.recording = await importer.open(source);
    return source;
  }

  get inputBytes(): number {
    return this.random?.readBytes ?? this.bytes.inputBytes;
  }

  get summary(): ImportSummary {
    return this.writer.summary;
  }

  /** The line of the recording that an output line came from, or the output line itself where there are none. */
  lineOf(line: number): number {
    return this.recording!.origin === "line" ? this.writer.originOf(line) : line;
  }

  /** As errors say it: FILE:LINE, or FILE and the byte. */
  whereOf(line: number): string {
    return this.where(this.writer.originOf(line));
  }

  describe(header: HeaderFields): void {
    this.header = { ...this.header, ...header };
    const lost = this.header.lost_events ?? this.beside.lost_events;
    this.writer.header = {
      ...this.header,
      ...this.beside,
      // Only the importer knows which losses it tells as events, where they are.
      ...(lost === undefined ? {} : { lost_events: lost }),
    };
  }

  restore(header: HeaderFields): void {
    this.header = {};
    this.describe(header);
  }

  refuse(problem: LineProblem): void {
    const { skipped } = this.place;
    if (!this.lenient) throw new TraceFormatError(this.where(this.writer.origin), problem.message);
    skipped.set(problem.reason, (skipped.get(problem.reason) ?? 0) + 1);
  }

  async openFile(): Promise<RandomAccess> {
    const { plainPath } = this.place;
    // A path may name a pipe: <(zcat trace.dat.gz).
    const isFile = plainPath !== undefined && (await stat(plainPath)).isFile();
    this.random = await (isFile ? RandomAccess.file(plainPath) : RandomAccess.copy(this.bytes));
    return this.random;
  }

  async read(into: Buffer, at: number): Promise<number> {
    const { writer } = this;
    while (this.taken === writer.length && this.end === undefined) {
      writer.clear();
      this.taken = 0;
      await this.advance();
    }
    if (this.taken === writer.length && this.end instanceof DataEnd) throw this.end;
    const length = writer.bytes.copy(into, at, this.taken, writer.length);
    this.taken += length;
    return length;
  }

  async close(): Promise<void> {
    await this.recording?.close();
    await this.bytes.close();
  }

  private async advance(): Promise<void> {
    try {
      if (await this.recording!.step()) return;
      this.end = "ended";
    } catch (error) {
      if (!(error instanceof DataEnd)) throw error;
      this.end = error;
    }
    this.writer.finish();
  }

  private where(origin: number): string {
    return this.recording?.origin === "byte" ? `${this.file}: at byte ${origin}` : `${this.file}:${origin}`;
  }
}

/** What `s2replay record` wrote beside its recording: host.header.json for host.dat or host.txt.gz. */
async function readHeaderBeside(path: string | undefined): Promise<HeaderFields> {
  if (path === undefined) return {};
  const beside = `${path.replace(/\.(gz|zst)$/, "").replace(/\.[^./]*$/, "")}.header.json`;
  let text: string;
  try {
    text = await readFile(beside, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw new UsageError(`${beside}: cannot be read (${error instanceof Error ? error.message : error})`);
  }
  return parseHeaderText(text, beside);
}
