/** One input of an import as NDJSON lines, its header taken off. */

import { TraceFormatError } from "../errors.js";
import type { Contradiction } from "../trace/event.js";
import { contradictionsOf, type HeaderFields, headerFields, isHeader } from "../trace/header.js";
import { Key } from "../trace/ndjson/fields.js";
import { LineBuffer } from "../trace/ndjson/line-buffer.js";
import { LineFields } from "../trace/ndjson/line-fields.js";
import { parseTime } from "../trace/time.js";
import type { ImportSummary } from "./event-writer.js";
import { type OpenTraceOptions, openNdjson } from "./open-trace.js";
import { RecordingSource } from "./recording-source.js";

const NEWLINE = 0x0a;
/** A line of so many bytes may be a newline alone. */
const BLANK_BYTES = 2;
/** `{"ts":12.345`, as all our writers begin a line. */
const PLAIN_TIME = /^\{"ts":(\d{1,15})\.(\d{1,9})[,}]/;
const PLAIN_TIME_CHARS = 40;

export class ImportedLines {
  /** What the caller told wins over what the input says. */
  header: HeaderFields = {};
  contradictions: readonly Contradiction[] = [];
  /** Why the input ended early, where --lenient used what was whole. */
  cut: string | undefined;
  /** Time of the line at hand, or of a later one handed on before it. */
  seconds = 0;
  nanos = 0;
  private readonly members = new LineFields();
  private lineEnd = 0;
  private lineNumber = 0;

  private constructor(
    /** As errors call it. */
    readonly file: string,
    /** "NDJSON", or the importer's format. */
    readonly format: string,
    /** Complete once all was read. NDJSON is copied as it is, its lines only counted. */
    readonly summary: Pick<ImportSummary, "events"> & Partial<ImportSummary>,
    /** Problems skipped under --lenient, by reason. */
    readonly skipped: Map<string, number>,
    private readonly lines: LineBuffer,
    private readonly lenient: boolean,
  ) {}

  /** Reads up to the first event. Throws UsageError, TraceFormatError and UnsupportedTraceError. */
  static async open(
    input: string | NodeJS.ReadableStream,
    options: OpenTraceOptions,
  ): Promise<ImportedLines> {
    const file = options.name ?? (typeof input === "string" && input !== "-" ? input : "stdin");
    const lenient = options.lenient ?? false;
    const skipped = new Map<string, number>();
    const bytes = await openNdjson(input, options, { file, lenient, skipped });
    const [format, summary] =
      bytes instanceof RecordingSource ? [bytes.format, bytes.summary] : ["NDJSON", { events: 0 }];
    const opened = new ImportedLines(file, format, summary, skipped, new LineBuffer(bytes), lenient);
    try {
      await opened.takeHeader();
      opened.contradictions = contradictionsOf(opened.header, options.header);
      opened.header = { ...opened.header, ...options.header };
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.lines.source.close();
  }

  /** All lines, some at a time. */
  async *pieces(): AsyncGenerator<Buffer> {
    const { lines } = this;
    while (await this.fill()) {
      const piece = Buffer.from(lines.bytes.subarray(lines.at, lines.end));
      lines.at = lines.end;
      yield piece;
    }
  }

  /** Goes to the next line; false at the end. Throws TraceFormatError for one without a time. */
  async next(): Promise<boolean> {
    const { lines } = this;
    for (;;) {
      lines.at = Math.max(lines.at, this.lineEnd);
      if (!(await this.fill())) return false;
      this.lineEnd = lines.bytes.indexOf(NEWLINE, lines.at) + 1;
      this.lineNumber++;
      if (this.lineEnd - lines.at <= BLANK_BYTES && this.line.toString("latin1").trim() === "") continue;
      if (!this.readTime()) continue;
      if (this.format === "NDJSON") this.summary.events++;
      return true;
    }
  }

  /** The line at hand, with its newline: valid until `next`. */
  get line(): Buffer {
    return this.lines.bytes.subarray(this.lines.at, this.lineEnd);
  }

  private async takeHeader(): Promise<void> {
    const { lines } = this;
    if (!(await this.fill())) return;
    const end = lines.bytes.indexOf(NEWLINE, lines.at);
    let first: unknown;
    try {
      first = JSON.parse(lines.bytes.toString("utf8", lines.at, end));
    } catch {
      return;
    }
    if (!isHeader(first)) return;
    this.header = headerFields(first, `${this.file}:1`);
    lines.at = end + 1;
    this.lineNumber = 1;
  }

  /** Whether there is a line, read in where need be. */
  private async fill(): Promise<boolean> {
    const { lines } = this;
    while (lines.at >= lines.end) {
      this.lineEnd = 0;
      const more = await lines.refill();
      if (more === "too-long") throw new TraceFormatError(this.file, "a line over 1 MiB");
      if (more === "end") {
        if (lines.dataEnd !== undefined && !this.lenient) {
          throw new TraceFormatError(this.file, lines.dataEnd.problem);
        }
        this.cut = lines.dataEnd?.problem;
        return false;
      }
    }
    return true;
  }

  /** False where the line has no time and --lenient skips it. */
  private readTime(): boolean {
    const { lines, members } = this;
    const [, whole, fraction] =
      PLAIN_TIME.exec(lines.bytes.toString("latin1", lines.at, lines.at + PLAIN_TIME_CHARS)) ?? [];
    if (whole !== undefined && fraction !== undefined) {
      this.advance(Number(whole), Number(fraction.padEnd(9, "0")));
      return true;
    }
    const isObject = members.read(lines.bytes, lines.at, this.lineEnd - 1);
    const exact = isObject ? members.get(Key.ts_ns) : undefined;
    const member = exact ?? (isObject ? members.get(Key.ts) : undefined);
    const text = member === undefined ? "" : members.raw(member.from, member.end).replaceAll('"', "");
    const time = parseTime(text, exact === undefined ? "s" : "ns");
    if (!("ns" in time)) {
      const shown = this.line.toString("utf8").slice(0, 60).trimEnd();
      const problem = `expected an event with a time (ts or ts_ns), got ${JSON.stringify(shown)}`;
      if (!this.lenient) throw new TraceFormatError(`${this.file}:${this.lineNumber}`, problem);
      this.skipped.set("no event", (this.skipped.get("no event") ?? 0) + 1);
      return false;
    }
    this.advance(Number(time.ns / 1_000_000_000n), Number(time.ns % 1_000_000_000n));
    return true;
  }

  private advance(seconds: number, nanos: number): void {
    if (seconds < this.seconds || (seconds === this.seconds && nanos < this.nanos)) return;
    this.seconds = seconds;
    this.nanos = nanos;
  }
}
