/** Opening a trace: bytes, header, and events in time order. */

import { basename } from "node:path";
import { ModelError, TraceFormatError } from "../errors.js";
import { BatchPool } from "../trace/batch-rows.js";
import { type ByteSource, openBytes, PeekedSource, type Progress } from "../trace/byte-source.js";
import { decompress } from "../trace/decompress.js";
import {
  type Contradiction,
  type EventBatch,
  eventNames,
  Kind,
  type ReaderReport,
  type TraceHeader,
  type TraceSource,
} from "../trace/event.js";
import { contradictionsOf, type HeaderFields, isHeader, parseHeader } from "../trace/header.js";
import { LineBuffer } from "../trace/ndjson/line-buffer.js";
import { LineScanner, type ScanOptions } from "../trace/ndjson/line-scanner.js";
import { LineContext } from "../trace/ndjson/slow-line.js";
import { ReorderWindow } from "../trace/reorder.js";
import { Interner } from "../trace/string-table.js";
import { TimeBase } from "../trace/time.js";
import {
  type ImportOptions,
  openRecording,
  type RecordingPlace,
  RecordingSource,
} from "./recording-source.js";

/** Rows a batch: small enough for the cache, and for holding little beyond the reorder window. */
const BATCH_ROWS = 4096;
const NEWLINE = 0x0a;

export interface OpenTraceOptions {
  /** Skips and counts bad lines instead of refusing the trace, and uses what is whole of a cut file. */
  readonly lenient?: boolean;
  /** How far lines of different cpus may stand out of order, in nanoseconds. Default one second. */
  readonly reorderWindowNs?: number;
  /** What to call the input in errors, in place of its path. */
  readonly name?: string;
  /** `totalBytes` is known for a file; both count the bytes on disk. */
  readonly onProgress?: Progress;
  /** How a recording of another format becomes a trace. */
  readonly import?: ImportOptions;
  /** Header fields that win over what the trace says of itself, whatever its format. */
  readonly header?: HeaderFields;
}

/**
 * Opens a trace and reads its header. `input` is a path, "-" for standard input, or a stream; plain, gzip
 * or zstd. Throws UsageError (no such file), TraceFormatError and UnsupportedTraceError (the header).
 */
export async function openTrace(
  input: string | NodeJS.ReadableStream,
  options: OpenTraceOptions = {},
): Promise<TraceSource> {
  return openWith(input, options, true);
}

/** As openTrace. `learn` false: every line takes the slow path. */
export async function openWith(
  input: string | NodeJS.ReadableStream,
  options: OpenTraceOptions,
  learn: boolean,
): Promise<TraceSource> {
  const path = typeof input === "string" && input !== "-" ? input : "stdin";
  const file = options.name ?? path;
  const lenient = options.lenient ?? false;
  const skipped = new Map<string, number>();
  const bytes = await openNdjson(input, options, { file, lenient, skipped });
  try {
    const lines = new LineBuffer(bytes);
    const report: ReaderReport = {
      events: 0,
      lines: 0,
      byKind: eventNames.map(() => 0),
      unknown: new Map(),
      skipped,
      lostEvents: 0,
      truncatedAtByte: undefined,
      baseNs: undefined,
    };
    const said = await readHeader(lines, report, file);
    const header = withTold(said, options.header);
    const recording = bytes instanceof RecordingSource ? bytes : undefined;
    report.lostEvents = header?.lost_events ?? 0;
    const name = header?.name ?? options.name ?? basename(path);
    const scan = { file, lenient, learn, recording };
    const contradictions = contradictionsOf(said, options.header);
    return new TraceReader(name, header, contradictions, report, lines, scan, options.reorderWindowNs ?? 1e9);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/** The trace's lines: the input's own bytes, unpacked, or what a recording of another format is imported as. */
export async function openNdjson(
  input: string | NodeJS.ReadableStream,
  options: OpenTraceOptions,
  place: Pick<RecordingPlace, "file" | "lenient" | "skipped">,
): Promise<ByteSource | RecordingSource> {
  const path = typeof input === "string" && input !== "-" ? input : undefined;
  let bytes = await openBytes(input, options.onProgress);
  try {
    const unpacked = await decompress(bytes);
    const isPacked = !(unpacked instanceof PeekedSource);
    bytes = unpacked;
    const plainPath = isPacked ? undefined : path;
    return await openRecording(bytes, { ...place, path, plainPath }, options.import ?? {});
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/** Takes the first line if it is a header; anything else, however broken, is left to the scanner. */
async function readHeader(
  lines: LineBuffer,
  report: ReaderReport,
  file: string,
): Promise<TraceHeader | undefined> {
  if ((await lines.refill()) !== "lines") return undefined;
  const end = lines.bytes.indexOf(NEWLINE, lines.at);
  let line: unknown;
  try {
    const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    line = JSON.parse(utf8.decode(lines.bytes.subarray(lines.at, end)));
  } catch {
    return undefined;
  }
  if (!isHeader(line)) return undefined;
  lines.at = end + 1;
  report.lines++;
  return parseHeader(line, `${file}:1`);
}

function withTold(said: TraceHeader | undefined, told: HeaderFields = {}): TraceHeader | undefined {
  if (Object.keys(told).length === 0) return said;
  return { schema: "s2replay-trace/1", ...said, ...told };
}

class TraceReader implements TraceSource {
  readonly strings = new Interner();
  private readonly time = new TimeBase();
  private readonly pool = new BatchPool(BATCH_ROWS);
  private readonly order: ReorderWindow;
  private readonly scanner: LineScanner;
  private started = false;
  /** The first delivered event's time relative to the first line's: below 0 where that was not the earliest. */
  private originNs = 0;

  constructor(
    readonly name: string,
    readonly header: TraceHeader | undefined,
    readonly contradictions: readonly Contradiction[],
    readonly report: ReaderReport,
    readonly lines: LineBuffer,
    readonly options: ScanOptions,
    reorderWindowNs: number,
  ) {
    this.order = new ReorderWindow(this.pool, reorderWindowNs);
    const context = new LineContext(this.strings, this.pool, header?.granule ?? 4096, this.time);
    this.scanner = new LineScanner(context, this.order, lines, report, options);
  }

  async *batches(): AsyncGenerator<EventBatch> {
    if (this.started) throw new ModelError("a trace can be read once: open it again");
    this.started = true;
    try {
      while (await this.fill()) {
        this.order.hold();
        yield* this.deliver(false);
      }
      this.order.hold();
      yield* this.deliver(true);
      this.checkEnd();
    } finally {
      await this.lines.source.close();
    }
  }

  /** Reads a batch full; false at the end of the input. */
  private async fill(): Promise<boolean> {
    while (this.scanner.scan() !== "full") {
      const more = await this.lines.refill();
      if (more === "end") return false;
      if (more === "too-long") {
        this.report.lines++;
        this.scanner.refuseLong();
        await this.lines.dropLine();
      }
    }
    return true;
  }

  private *deliver(atEnd: boolean): Generator<EventBatch> {
    for (let batch = this.order.next(atEnd); batch !== undefined; batch = this.order.next(atEnd)) {
      this.finish(batch);
      yield batch;
      this.pool.release(batch);
    }
  }

  /** Counts a batch, and makes its times relative to the first event in time order. */
  private finish(batch: EventBatch): void {
    const { report } = this;
    const { count, kind, atNs, amount } = batch;
    if (report.baseNs === undefined) {
      this.originNs = atNs[0]!;
      report.baseNs = this.time.ns! + BigInt(this.originNs);
    }
    report.events += count;
    if (this.originNs === 0) return;
    for (let row = 0; row < count; row++) {
      atNs[row]! -= this.originNs;
      if (kind[row] === Kind.gap && !Number.isNaN(amount[row])) amount[row]! -= this.originNs;
    }
  }

  private checkEnd(): void {
    const { lines, report, options } = this;
    if (lines.dataEnd !== undefined) {
      if (!options.lenient) throw new TraceFormatError(options.file, lines.dataEnd.problem);
      report.truncatedAtByte = lines.source.inputBytes;
    }
    if (report.events === 0) throw new TraceFormatError(options.file, "no events, expected at least one");
  }
}
