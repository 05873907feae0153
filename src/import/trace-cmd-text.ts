/** What `trace-cmd report` prints, -t, -R, -N and --ts-diff included. */

import { tellFtraceText } from "./ftrace-head.js";
import { FtraceLines } from "./ftrace-text.js";
import type { Importer, RecordingInput } from "./importer.js";
import { TextRecording } from "./text-recording.js";

/** With several buffers or files, their names come first. */
const cpus = /^(?:.*: )? *cpus=(\d+)$/;
const dropped = /^(?:.*: )? *CPU:(\d+) \[(?:(\d+) )?EVENTS DROPPED\]$/;
const nothing = /^(?:.*: )? *(?:CPU \d+ is empty|version = \d+)$/;

export const traceCmdText: Importer = {
  format: "trace-cmd report",
  recognises: (head) => tellFtraceText(head) === "trace-cmd",
  open: (input) =>
    Promise.resolve(
      new TextRecording(
        input,
        new FtraceLines(input, {
          expected: "a line of trace-cmd report (comm-pid [cpu] seconds: event: ..)",
          ticks:
            "times are ticks, expected seconds: print them without --raw-ts; if it was not given, record with a clock in ns (trace-cmd record -C mono)",
          hasPrefixes: true,
          other: (line) => readOther(input, line),
        }),
      ),
    ),
};

function readOther(input: RecordingInput, line: string): boolean {
  const count = cpus.exec(line)?.[1];
  if (count !== undefined) {
    input.describe({ cpus: Number(count) });
    return true;
  }
  const [, cpu, events] = dropped.exec(line) ?? [];
  if (cpu !== undefined) {
    input.writer.lose(Number(cpu), events === undefined ? undefined : Number(events));
    return true;
  }
  return nothing.test(line);
}
