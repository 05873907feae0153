/** Lines of ftrace's events, as tracefs and trace-cmd print them alike. */

import { LineProblem } from "../trace/ndjson/line-values.js";
import { EventHead } from "./event-head.js";
import { ftraceHead, latencyRefusal } from "./ftrace-head.js";
import type { RecordingInput } from "./importer.js";
import { TextEvents } from "./text-events.js";
import { type LineReader, TraceRefusal } from "./text-recording.js";

const SHOWN = 80;

/** A format's own: what it is called in errors, and what else than events its lines say. */
export interface FtraceFormat {
  readonly expected: string;
  readonly ticks: string;
  readonly hasPrefixes: boolean;
  /** A comment, or a line that is no event's; false for one that is not the format's. */
  readonly other: (line: string) => boolean;
}

const HASH = 0x23;

export class FtraceLines implements LineReader {
  private readonly head: EventHead;
  private readonly events: TextEvents;

  constructor(
    readonly input: RecordingInput,
    readonly format: FtraceFormat,
  ) {
    this.head = new EventHead(ftraceHead(format.ticks, format.hasPrefixes), input.writer);
    this.events = new TextEvents(input.writer);
  }

  read(bytes: Buffer, from: number, end: number): void {
    const head = this.head;
    if (bytes[from] !== HASH && head.read(bytes, from, end)) {
      const { instance } = this.input;
      if (instance === undefined || instance === head.prefix) this.events.write(bytes, head, end);
      return;
    }
    const line = bytes.toString("utf8", from, end);
    if (this.format.other(line)) return;
    const refusal = latencyRefusal(line);
    if (refusal !== undefined) throw new TraceRefusal(refusal);
    throw unknownLine(this.format.expected, line);
  }
}

export function unknownLine(expected: string, line: string): LineProblem {
  const shown = JSON.stringify(line.length > SHOWN ? `${line.slice(0, SHOWN)}..` : line);
  return new LineProblem("unknown line", `expected ${expected}, got ${shown}`);
}
