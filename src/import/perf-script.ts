/**
 * What `perf script` prints: its default fields, --ns, and -F with any of comm, pid, cpu and misc beside the
 * thread, the time, the event and the trace. A probe's return is `NAME__return`; the value that it returns `arg1`.
 */

import { EventHead, type HeadFormat, type TaskColumns } from "./event-head.js";
import { completeLines } from "./ftrace-head.js";
import { unknownLine } from "./ftrace-text.js";
import type { Importer, RecordingInput } from "./importer.js";
import { TextEvents } from "./text-events.js";
import { checkOneBuffer, type LineReader, TextRecording } from "./text-recording.js";

/** From the process and thread on, up to the next column. */
const ids = "(?:(\\d{1,10})/)?(\\d{1,10}) +";
const onward = "(?=(?:\\[\\d{1,5}\\] +)?(?:\\S+ +){0,4}?\\d{1,15}\\.\\d{1,9}: )";
/** A name right-aligned in 16 columns; none; one that is not padded, as perf does beside call chains. */
const layouts = ["^(.{16}) +", "^() *", "^ *(.{1,15}) +"].map((comm) => new RegExp(comm + ids + onward));

const head: HeadFormat = {
  isPerf: true,
  ticks: "expected times in seconds, as perf script prints them",
  split(line): TaskColumns | undefined {
    for (const layout of layouts) {
      const found = layout.exec(line);
      if (found === null) continue;
      const [whole, comm = "", process, thread] = found;
      // Spaces alone: in Latin-1 the second byte of a letter may look like another blank.
      const name = comm.replace(/^ +| +$/g, "");
      const commFrom = line.indexOf(name);
      return {
        end: whole.length,
        commFrom,
        commEnd: name === "" ? -1 : commFrom + name.length,
        pid: Number(thread),
        tgid: process === undefined ? undefined : Number(process),
        prefix: undefined,
      };
    }
    return undefined;
  },
};

const expected =
  "a line of perf script (comm tid [cpu] seconds: system:event: ..; -F needs tid, time, event and trace)";
const eventLine =
  /(?:^|[\s/])\d{1,10} +(?:\[\d{1,5}\] +)?(?:\S+ +){0,4}?\d{1,15}\.\d{6,9}: +(?:\d+ +)?[\w-]+:[^\s:]+: /;
const recordLine = /(?:\[(\d{1,5})\] +)?\d+\.\d+: PERF_RECORD_(\w+)(?: lost (\d+))?/;
/** A caller, as `perf record -g` has them printed below an event. */
const callerLine = /^\s+[0-9a-f]{1,16} \S.*\(.*\)$/;
const HASH = 0x23;

export const perfScript: Importer = {
  format: "perf script",
  recognises: (bytes) => {
    const lines = completeLines(bytes);
    return (
      !/^\s*\{\s*"/.test(lines[0]!) && lines.some((line) => eventLine.test(line) || recordLine.test(line))
    );
  },
  open: (input) => {
    checkOneBuffer(input, "perf script's text");
    return Promise.resolve(new TextRecording(input, new PerfLines(input)));
  },
};

class PerfLines implements LineReader {
  private readonly head: EventHead;
  private readonly events: TextEvents;

  constructor(readonly input: RecordingInput) {
    this.head = new EventHead(head, input.writer);
    this.events = new TextEvents(input.writer);
  }

  read(bytes: Buffer, from: number, end: number): void {
    if (bytes[from] === HASH) return;
    const isEvent = this.head.read(bytes, from, end);
    if (isEvent && !isRecord(bytes, this.head.nameFrom)) {
      this.events.write(bytes, this.head, end);
      return;
    }
    const line = bytes.toString("utf8", from, end);
    const [, cpu, record, lost] = recordLine.exec(line) ?? [];
    if (record?.startsWith("LOST")) {
      this.input.writer.lose(Number(cpu ?? -1), lost === undefined ? undefined : Number(lost));
    } else if (record === undefined && !callerLine.test(line)) throw unknownLine(expected, line);
  }
}

/** perf's own records (--show-task-events and the like) stand where an event's name does. */
const RECORD = Buffer.from("PERF_RECORD_");
function isRecord(bytes: Buffer, at: number): boolean {
  return bytes[at] === RECORD[0] && bytes.compare(RECORD, 0, RECORD.length, at, at + RECORD.length) === 0;
}
