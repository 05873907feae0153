/** The first columns of an event's line as ftrace and `trace-cmd report` print them, and how to tell the two apart. */

import type { HeadFormat, TaskColumns } from "./event-head.js";

/** Both print `%16s-PID`: a name of up to 15 bytes, so that the dash stands at column 16. */
const COMM_COLUMNS = 16;
const MAX_PREFIX = 256;

/** From the dash on; ends before the cpu. */
const pidOnward =
  /-(\d{1,10}) +(?:\( *(\d{1,10}|-+)\) +)?(?=\[\d{1,5}\] +(?:\S+ +){0,4}?\d{1,15}(?:\.\d{1,9})?: )/y;

/** `hasPrefixes`: a buffer's or a file's name may come before the columns. */
export function ftraceHead(ticks: string, hasPrefixes: boolean): HeadFormat {
  return { split: (line) => split(line, hasPrefixes), ticks, isPerf: false };
}

function split(line: string, hasPrefixes: boolean): TaskColumns | undefined {
  const whole = columnsAt(line, COMM_COLUMNS);
  if (whole !== undefined) return whole;
  // A line that lost its leading spaces: the last dash that can be it, as a name may hold what looks like one.
  const first = line.search(/[^ ]/);
  for (let dash = first + COMM_COLUMNS - 1; dash >= first && first >= 0; dash--) {
    const columns = columnsAt(line, dash);
    if (columns !== undefined) return columns;
  }
  if (!hasPrefixes) return undefined;
  for (let dash = COMM_COLUMNS + 1; dash < COMM_COLUMNS + MAX_PREFIX && dash < line.length; dash++) {
    const columns = /^(?: *| *\S.*: )$/.test(line.slice(0, dash - COMM_COLUMNS)) && columnsAt(line, dash);
    if (columns) return columns;
  }
  return undefined;
}

/** The columns, where the dash before the pid stands at `dash`. */
function columnsAt(line: string, dash: number): TaskColumns | undefined {
  pidOnward.lastIndex = dash;
  const found = pidOnward.exec(line);
  if (found === null) return undefined;
  let commFrom = Math.max(0, dash - COMM_COLUMNS);
  const prefix = line.slice(0, commFrom);
  while (commFrom < dash && line[commFrom] === " ") commFrom++;
  const tgid = found[2];
  return {
    end: pidOnward.lastIndex,
    commFrom,
    commEnd: dash,
    pid: Number(found[1]),
    tgid: tgid === undefined || tgid.startsWith("-") ? undefined : Number(tgid),
    prefix: prefix.replace(/^ +/, "").replace(/:? *$/, ""),
  };
}

const emptyCpu = /^(?:.*: )? *CPU \d+ is empty$/;
const reportLine = /^(?:.*: )? *(?:cpus=\d+|version = \d+|CPU:\d+ \[(?:\d+ )?EVENTS DROPPED\])$/;
const tracefsLine =
  /^(?:# tracer: |# entries-in-buffer|# s2replay-(?:header|event): |##### CPU \d+ buffer started|CPU:\d+ \[LOST )/;
const eventLine =
  /-\d{1,10} +(?:\( *(?:\d{1,10}|-+)\) +)?\[\d{1,5}\] +(?:\S+ +){0,4}?\d{1,15}(?:\.\d{1,9})?: +(?:\(\+\d+\) +)?([^\s:]+):( +|$)/;
/** `cmd-pid  cpu flags`: ftrace's latency-format with its relative time, verbose or not, and `report -l`. */
const tracefsLatency =
  /^.{1,16}-\d+ +\d+\S* +-?\d+us[^\d\s]?: |^.{1,16} +\d+ +\d+ \d+ [0-9a-f]{8} [0-9a-f]{8} \[[0-9a-f]+\] /;
const reportLatency = /^.{0,8}-\d+ +\d+\S* +\d+(?:\.\d+)?: /;
/** What a name and its colon are padded to by trace-cmd, and a shorter one by nothing else. */
const NAME_COLUMNS = 20;

export type FtraceText = "tracefs" | "trace-cmd";

/** Which program wrote a text that starts with this; undefined where it is neither's. */
export function tellFtraceText(head: Buffer): FtraceText | undefined {
  let maybe: FtraceText | undefined;
  for (const [index, untrimmed] of completeLines(head).entries()) {
    const line = untrimmed.trimEnd();
    if (line === "") continue;
    // JSON, whatever its strings hold.
    if (index === 0 && /^\s*\{\s*"/.test(line)) return undefined;
    if (tracefsLine.test(line) || tracefsLatency.test(line)) return "tracefs";
    if (reportLine.test(line) || emptyCpu.test(line) || reportLatency.test(line)) return "trace-cmd";
    const [, name, spaces] = eventLine.exec(line) ?? [];
    if (name === undefined || spaces === undefined) continue;
    maybe = "tracefs";
    // A mark's text may start with spaces of its own; only tracefs calls it so.
    if (name === "tracing_mark_write") return "tracefs";
    if (name.length + 1 < NAME_COLUMNS && spaces !== "") return spaces.length === 1 ? "tracefs" : "trace-cmd";
  }
  return maybe;
}

/** Lines of the head; the last one too where the head is all there is. */
export function completeLines(head: Buffer): string[] {
  const text = head.toString("latin1");
  const end = text.lastIndexOf("\n");
  return (end === -1 ? text : text.slice(0, end)).split("\n");
}

/** Whether a line is of a layout that lost what a replay needs, and how to get another. */
export function latencyRefusal(line: string): string | undefined {
  if (tracefsLatency.test(line) || /^# .*\blatency trace v\d/.test(line)) {
    return "latency-format prints times relative to the start and 8 characters of a task's name, expected the default layout: echo 0 > options/latency-format";
  }
  if (reportLatency.test(line)) {
    return "trace-cmd report -l prints 8 characters of a task's name, expected the default layout: trace-cmd report without -l";
  }
  return undefined;
}
