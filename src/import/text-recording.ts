/** A recording that is text: its lines, one after the other, to the reader of its format. */

import { UnsupportedTraceError, UsageError } from "../errors.js";
import { DataEnd } from "../trace/byte-source.js";
import { LineBuffer, MAX_LINE_BYTES } from "../trace/ndjson/line-buffer.js";
import { LineProblem } from "../trace/ndjson/line-values.js";
import type { Recording, RecordingInput } from "./importer.js";

/** What a format makes of a line. */
export interface LineReader {
  /** Bytes [from, end): a line that is not blank, without its newline. Throws LineProblem and TraceRefusal. */
  read(bytes: Buffer, from: number, end: number): void;
}

/** A line that shows the whole recording to be of no use: told with its place, --lenient or not. */
export class TraceRefusal {
  constructor(readonly message: string) {}
}

/** For a format that knows no instances; `what` as the error calls it. Throws UsageError where one is asked for. */
export function checkOneBuffer({ file, instance }: RecordingInput, what: string): void {
  if (instance === undefined) return;
  throw new UsageError(`${file}: ${what} is of one buffer, an instance cannot be chosen`);
}

/** Bytes of output a step makes at least, where there are as many. */
const STEP_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

export class TextRecording implements Recording {
  readonly origin = "line";
  private readonly lines: LineBuffer;
  private line = 0;

  constructor(
    readonly input: RecordingInput,
    readonly reader: LineReader,
  ) {
    this.lines = new LineBuffer(input.bytes);
  }

  async step(): Promise<boolean> {
    const lines = this.lines;
    if (lines.at === lines.end) {
      const more = await lines.refill();
      if (more === "end") return this.end();
      if (more === "too-long") {
        this.tell(
          new LineProblem("line over 1 MiB", `line over 1 MiB, expected at most ${MAX_LINE_BYTES} bytes`),
        );
        await lines.dropLine();
        return true;
      }
    }
    const { bytes, end } = lines;
    const { writer } = this.input;
    while (lines.at < end && writer.length < STEP_BYTES) {
      const from = lines.at;
      let to = bytes.indexOf(NEWLINE, from);
      lines.at = to + 1;
      while (to > from && (bytes[to - 1] === SPACE || bytes[to - 1] === RETURN)) to--;
      writer.origin = ++this.line;
      if (to === from) continue;
      // Every program that writes these formats ends its lines: one without an end lost some of it.
      if (lines.unterminated && lines.at === end) return this.end("the last line has no end");
      this.read(bytes, from, to);
    }
    return true;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private read(bytes: Buffer, from: number, end: number): void {
    try {
      this.reader.read(bytes, from, end);
    } catch (problem) {
      if (problem instanceof LineProblem) this.input.refuse(problem);
      else if (problem instanceof TraceRefusal) {
        throw new UnsupportedTraceError(`${this.input.file}:${this.line}: ${problem.message}`);
      } else throw problem;
    }
  }

  private tell(problem: LineProblem): void {
    this.input.writer.origin = ++this.line;
    this.input.refuse(problem);
  }

  private end(cut?: string): false {
    const { dataEnd, dataBytes } = this.lines;
    if (dataEnd !== undefined) throw dataEnd;
    if (cut !== undefined) throw new DataEnd(`cut short at byte ${dataBytes}: ${cut}`);
    return false;
  }
}
