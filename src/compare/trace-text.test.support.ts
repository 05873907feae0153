/** For tests: a trace in few words. */

import type { HeaderFields } from "../trace/header.js";

/** NDJSON of events, one a line: `NS PID EVENT {fields}`, `{}` may be left out. In any order; pid 101 is vCPU 0's. */
export function traceText(header: HeaderFields, lines: string): string {
  const events = lines
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, ns, pid, event, fields] = /^\s*(\d+) (\d+) (\w+) ?(.*)$/.exec(line)!;
      const cpu = Number(pid) - 101;
      const comm = `CPU ${cpu}/KVM`;
      return { ts_ns: Number(ns), cpu, pid: Number(pid), comm, event, ...JSON.parse(fields || "{}") };
    })
    .sort((a, b) => a.ts_ns - b.ts_ns);
  const head = {
    type: "header",
    schema: "s2replay-trace/1",
    granule: 4096,
    ia_bits: 40,
    fwb: false,
    ...header,
  };
  return `${[head, ...events].map((line) => JSON.stringify(line)).join("\n")}\n`;
}
