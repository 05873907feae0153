import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { lintTrace } from "./lint.js";
import { openTrace } from "./open-trace.js";

const event = (ts: number, pid: number, name: string, more = ""): string =>
  `{"ts":${ts},"cpu":0,"pid":${pid},"comm":"CPU ${pid}/KVM","event":"${name}"${more}}\n`;
const range = ',"pgt":"0xA0","addr":"0x1000","size":"0x1000"';

test("what was lost, left open, unknown or skipped is told apart", async () => {
  const text =
    '{"type":"header","schema":"s2replay-trace/1","name":"t","walker":"v6.1"}\n' +
    event(1, 7, "s2_map", range) +
    event(2, 7, "s2_map_ret", ',"ret":0') +
    event(3, 7, "s2_map", range) +
    event(4, 7, "s2_map", range) +
    event(5, 6, "s2_map_ret") +
    event(6, 6, "tlb_vmid", ',"mmu":"0xb0"') +
    event(7, 6, "zz_event") +
    event(8, 6, "lost_events", ',"count":3') +
    "nonsense\n" +
    event(9.5, 6, "marker", ',"vm":"web"');
  const result = await lintTrace(await openTrace(Readable.from([text]), { lenient: true }));
  expect(JSON.parse(JSON.stringify(result))).toEqual({
    schema: "s2replay-validate/1",
    trace: "t",
    kernel: null,
    walker: "v6.1",
    events: 8,
    lines: 11,
    byEvent: { s2_map: 3, s2_map_ret: 2, tlb_vmid: 1, marker: 1, lost_events: 1 },
    unknownEvents: { zz_event: 1 },
    firstNs: "1000000000",
    lastNs: "9500000000",
    spanNs: 8_500_000_000,
    threads: [
      { pid: 6, comm: "CPU 6/KVM", events: 4, entriesWithoutReturn: {}, returnsWithoutEntry: { s2_map: 1 } },
      { pid: 7, comm: "CPU 7/KVM", events: 4, entriesWithoutReturn: { s2_map: 2 }, returnsWithoutEntry: {} },
    ],
    vms: [
      { vm: "0xa0", events: 3, threads: 1 },
      { vm: "web", events: 1, threads: 1 },
    ],
    lostEvents: 3,
    entriesWithoutReturn: 2,
    returnsWithoutEntry: 1,
    unprobedReturns: ["tlb_vmid"],
    skipped: { "malformed JSON": 1 },
    truncatedAtByte: null,
    complete: false,
  });
});

test("a whole trace is complete", async () => {
  const text = event(1, 7, "s2_map", range) + event(2, 7, "s2_map_ret", ',"ret":0');
  const result = await lintTrace(await openTrace(Readable.from([text])));
  expect(result.complete).toBe(true);
});
