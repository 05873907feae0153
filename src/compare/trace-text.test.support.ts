/** For tests: a trace in few words. All of it is one VM's: table 0xa000, memory 1 GiB above its IPA. */

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

const hex = (n: number) => `0x${n.toString(16)}`;

/** Of kvm_guest_fault: a read that finds no entry at this level. */
export function faultFields(ipa: number, level: number): string {
  return `{"ipa":"${hex(ipa)}","hsr":"${hex(0x92000004 + level)}","hxfar":"${hex(ipa)}"}`;
}

/** Of s2_map. */
export function mapFields(ipa: number, bytes: number): string {
  return `{"pgt":"0xa000","addr":"${hex(ipa)}","size":"${hex(bytes)}","phys":"${hex(ipa + 2 ** 30)}","prot":"0x6"}`;
}

/** A fault on what was never mapped, from `ns` on, that maps it in 4 us. */
export function firstTouch(ns: number, pid: number, ipa: number, bytes = 0x1000): string {
  return `
    ${ns} ${pid} s2_abort
    ${ns + 500} ${pid} kvm_guest_fault ${faultFields(ipa, 3)}
    ${ns + 2000} ${pid} s2_map ${mapFields(ipa, bytes)}
    ${ns + 3000} ${pid} s2_map_ret {"ret":0}
    ${ns + 4000} ${pid} s2_abort_ret {"ret":1}`;
}
