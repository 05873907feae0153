/**
 * What `bpftrace -f json` prints: one object a line. A printf's text is a line of the trace's own format, as the
 * script of `s2replay record --with bpftrace` prints it, or one of tracefs text.
 */

import { headerFields, isHeader } from "../trace/header.js";
import { tally } from "./event-writer.js";
import { completeLines } from "./ftrace-head.js";
import { unknownLine } from "./ftrace-text.js";
import type { Importer, RecordingInput } from "./importer.js";
import { checkOneBuffer, type LineReader, TextRecording } from "./text-recording.js";
import { tracefsLines } from "./tracefs-text.js";

interface Message {
  readonly type: string;
  readonly data: unknown;
}

const messageStart =
  /^\{"type": ?"(?:attached_probes|printf|lost_events|map|hist|stats|time|value|helper_error|cat|join|syscall|strftime)", ?"data": ?/;
const timeMember = /"(ts|ts_ns|timestamp)":("?[0-9.]+"?)/;
const expected =
  "an object of bpftrace -f json with type and data (what a command run with -c prints must go elsewhere: bpftrace -o FILE)";

export const bpftraceJson: Importer = {
  format: "bpftrace json",
  recognises: (head) => completeLines(head).some((line, index) => index < 100 && messageStart.test(line)),
  open: (input) => {
    checkOneBuffer(input, "bpftrace's output");
    return Promise.resolve(new TextRecording(input, new BpftraceLines(input)));
  },
};

class BpftraceLines implements LineReader {
  private readonly text: LineReader;
  /** Events lost since the last line: a loss is told without a time and takes that of the line after it. */
  private lost = 0;

  constructor(readonly input: RecordingInput) {
    this.text = tracefsLines(input);
  }

  read(bytes: Buffer, from: number, end: number): void {
    const line = bytes.toString("utf8", from, end);
    const { type, data } = parseMessage(line);
    const { summary } = this.input.writer;
    if (type === "printf" && typeof data === "string") {
      for (const text of data.split("\n")) if (text.trim() !== "") this.print(text.trimEnd());
    } else if (type === "lost_events") {
      const count = Number((data as { events?: unknown } | null)?.events);
      if (!Number.isSafeInteger(count) || count < 0) throw unknownLine(expected, line);
      this.lost += count;
      summary.lostEvents += count;
    } else tally(summary.ignored, `bpftrace ${type}`);
  }

  private print(text: string): void {
    if (!text.startsWith("{")) {
      const bytes = Buffer.from(`${text}\n`);
      this.text.read(bytes, 0, bytes.length - 1);
      return;
    }
    const { input } = this;
    const line = parseObject(text);
    if (isHeader(line)) {
      input.describe(headerFields(line, `${input.file}:${input.writer.origin}`));
      return;
    }
    const [, key, time] = timeMember.exec(text) ?? [];
    if (this.lost > 0 && time !== undefined) {
      input.writer.line(`{"${key}":${time},"pid":0,"event":"lost_events","count":${this.lost}}`);
      this.lost = 0;
    }
    input.writer.line(text);
  }
}

function parseMessage(line: string): Message {
  const message = parseObject(line) as Partial<Message>;
  if (typeof message.type !== "string") throw unknownLine(expected, line);
  return { type: message.type, data: message.data };
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unknownLine(expected, text);
  }
  if (typeof value !== "object" || value === null) throw unknownLine(expected, text);
  return value;
}
