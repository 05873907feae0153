/** What tracefs prints: `trace`, `trace_pipe`, and this project's own export. */

import { parseHeaderText } from "../trace/header.js";
import { latencyRefusal, tellFtraceText } from "./ftrace-head.js";
import { FtraceLines } from "./ftrace-text.js";
import type { Importer, RecordingInput } from "./importer.js";
import { checkOneBuffer, TextRecording, TraceRefusal } from "./text-recording.js";

/** Comments in which an export keeps what this text has no form for: a header, and an event of the wire. */
export const HEADER_COMMENT = "# s2replay-header: ";
export const EVENT_COMMENT = "# s2replay-event: ";
const entries = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)\s+#P:(\d+)$/;
const lost = /^CPU:(\d+) \[LOST (?:(\d+) )?EVENTS\]$/;

export const tracefsText: Importer = {
  format: "tracefs text",
  recognises: (head) => tellFtraceText(head) === "tracefs",
  open: (input) => {
    checkOneBuffer(input, "tracefs text");
    return Promise.resolve(new TextRecording(input, tracefsLines(input)));
  },
};

export function tracefsLines(input: RecordingInput): FtraceLines {
  return new FtraceLines(input, {
    expected: "a line of tracefs text (comm-pid [cpu] flags seconds: event: ..)",
    ticks:
      "times are ticks of the trace clock, expected seconds: record with another (echo mono > trace_clock)",
    hasPrefixes: false,
    other: otherLines(input),
  });
}

/** Comments and losses. */
function otherLines(input: RecordingInput): (line: string) => boolean {
  let hasOwnHeader = false;
  return (line) => {
    if (line.startsWith(HEADER_COMMENT)) {
      input.restore(
        parseHeaderText(line.slice(HEADER_COMMENT.length), `${input.file}:${input.writer.origin}`),
      );
      hasOwnHeader = true;
      return true;
    }
    if (line.startsWith(EVENT_COMMENT)) {
      input.writer.line(line.slice(EVENT_COMMENT.length));
      return true;
    }
    const [, kept, written, cpus] = entries.exec(line) ?? [];
    if (written !== undefined && !hasOwnHeader) {
      const lostEvents = Math.max(0, Number(written) - Number(kept));
      input.describe({ cpus: Number(cpus), lost_events: lostEvents });
      input.writer.summary.lostEvents += lostEvents;
    }
    const [, cpu, count] = lost.exec(line) ?? [];
    if (cpu !== undefined) {
      input.writer.lose(Number(cpu), count === undefined ? undefined : Number(count));
      return true;
    }
    if (!line.startsWith("#")) return false;
    const refusal = latencyRefusal(line);
    if (refusal !== undefined) throw new TraceRefusal(refusal);
    return true;
  };
}
