import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ImportedTraces } from "../import/import-traces.js";
import { ImportedLines } from "../import/imported-lines.js";
import { wireEventNames, wireFieldsOf } from "../import/wire-event.js";
import { exportFtrace } from "./ftrace-text.js";

const streamOf = (text: string): Readable => Readable.from([Buffer.from(text)]);

async function joined(pieces: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

const exportText = async (trace: string): Promise<string> =>
  joined(exportFtrace(await ImportedLines.open(streamOf(trace), {})));
const importText = async (text: string): Promise<string> =>
  joined((await ImportedTraces.open([streamOf(text)])).pieces());

const hex = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => `0x${value.toString(16)}`);
const values = {
  hex,
  signed: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  count: fc.nat(),
  text: fc.stringMatching(/^[A-Z_]{1,20}$/),
  state: fc.constantFrom("R", "R+", "S", "D|P"),
};

/** Own fields of an event: those that the format requires, and some of the others. */
const ownFields = (event: string): fc.Arbitrary<object> =>
  fc.record(
    Object.fromEntries(
      wireFieldsOf(event)!.map(({ key, form }) => [key, values[form] as fc.Arbitrary<unknown>]),
    ),
    {
      requiredKeys: wireFieldsOf(event)!.flatMap(({ key, required }) => (required ? [key] : [])),
    },
  );

const ownEvent = fc
  .constantFrom(...wireEventNames)
  .chain((event) => ownFields(event).map((own) => ({ event, ...own })));
const otherEvent = fc.oneof(
  fc.record({ event: fc.constant("marker"), text: fc.string() }),
  fc.record({ event: fc.constant("marker"), text: fc.string(), phase: fc.constantFrom("begin", "end") }),
  fc.record({ event: fc.constant("lost_events"), count: fc.nat() }),
  fc.record({ event: fc.constant("guest_access"), ipa: hex, write: fc.boolean() }),
  fc.record({ event: fc.constantFrom("sched_switch", "abort", "s2_wp", "two words") }),
  fc.record({ event: fc.constant("s2_abort"), vm: fc.string(), mine: fc.integer() }),
);

const line = fc
  .record({
    pid: fc.nat(),
    cpu: fc.option(fc.nat({ max: 300 }), { nil: undefined }),
    comm: fc.option(
      fc.oneof(
        fc.string(),
        fc.constantFrom(
          "CPU 0/KVM",
          "a-b-12",
          "kworker/0:1-ev",
          "<...>",
          "x [001] y",
          "a: b",
          " a",
          "a (12)",
        ),
      ),
      { nil: undefined },
    ),
    tgid: fc.option(fc.nat(), { nil: undefined }),
    own: fc.oneof({ weight: 4, arbitrary: ownEvent }, otherEvent),
  })
  .map(({ pid, cpu, comm, tgid, own: { event, ...own } }) =>
    JSON.stringify({ cpu, pid, comm, event, tgid, ...own }),
  );

it("law: importing what was exported gives the same lines", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(2_000_000_000), line), { minLength: 1, maxLength: 30 }),
      async (events) => {
        let ns = 4_294_967_296_000_000_000n;
        let trace = '{"type":"header","schema":"s2replay-trace/1","kernel":"6.1","mine":1}\n';
        for (const [pause, own] of events) {
          ns += BigInt(pause);
          const time = `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}`;
          trace += `{"ts":${time},${own.slice(1)}\n`;
        }
        expect(await importText(await exportText(trace))).toBe(trace);
      },
    ),
  );
});

it("says in ftrace's own form what that can say", async () => {
  const trace =
    '{"ts":1.5,"cpu":2,"pid":77,"comm":"CPU 0/KVM","event":"kvm_guest_fault","ipa":"0x0","hsr":"0x92000047","hxfar":"0x4009a4","vcpu_pc":"0x4009a4"}\n' +
    '{"ts_ns":2000000001,"cpu":2,"pid":77,"comm":"CPU 0/KVM","event":"s2_map","tgid":7,"size":4096,"addr":"0x000A000","pgt":"0x1"}\n' +
    '{"ts":3,"cpu":2,"pid":77,"comm":"CPU 0/KVM","event":"kvm_exit","ret":2,"esr_ec":"0x24","vcpu_pc":"0x10"}\n' +
    '{"ts":4,"cpu":2,"pid":77,"comm":"CPU 0/KVM","event":"marker","text":"ADJUST","phase":"begin"}\n';
  expect((await exportText(trace)).split("\n").slice(3)).toEqual([
    "#",
    "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION",
    "#              | |         |   |||||     |         |",
    "       CPU 0/KVM-77      [002] .....     1.500000000: kvm_guest_fault: ipa 0, hsr 0x92000047, hxfar 0x4009a4, pc 0x000000004009a4",
    "       CPU 0/KVM-77      (      7) [002] .....     2.000000001: s2_map: pgt=0x1 addr=0xa000 size=0x1000",
    "       CPU 0/KVM-77      [002] .....     3.000000000: kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0x0000000000000010",
    '# s2replay-event: {"ts":4,"cpu":2,"pid":77,"comm":"CPU 0/KVM","event":"marker","text":"ADJUST","phase":"begin"}',
    "",
  ]);
});
