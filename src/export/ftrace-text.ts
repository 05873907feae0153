/**
 * A trace -> the text that tracefs prints, with nine decimals. What that text has no form for, the header
 * and some events, stands in comment lines, so that importing it again gives the same trace.
 */
import { TraceFormatError } from "../errors.js";
import type { ImportedLines } from "../import/imported-lines.js";
import { EVENT_COMMENT, HEADER_COMMENT } from "../import/tracefs-text.js";
import { writeHeader } from "../trace/header.js";
import { LineFields } from "../trace/ndjson/line-fields.js";
import { ftraceLine } from "./ftrace-line.js";

const PIECE_CHARS = 64 * 1024;

/** Throws TraceFormatError. */
export async function* exportFtrace(trace: ImportedLines): AsyncGenerator<Buffer> {
  const members = new LineFields();
  let text = `# tracer: nop\n#\n${HEADER_COMMENT}${writeHeader(trace.header)}${columns}`;
  let events = 0;
  while (await trace.next()) {
    events++;
    const { line } = trace;
    const isObject = members.read(line, 0, line.length - 1);
    text +=
      (isObject ? ftraceLine(members) : undefined) ?? `${EVENT_COMMENT}${line.toString("utf8").trimEnd()}`;
    text += "\n";
    if (text.length < PIECE_CHARS) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (events === 0) throw new TraceFormatError(trace.file, "no events, expected at least one");
  yield Buffer.from(text);
}

const columns = `#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;
