/** The recorder's own side is counted from the record; where somebody watches, it is replayed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { diffTrace } from "../../compare/diff.js";
import type { DiffOptions } from "../../compare/options.js";

const folder = mkdtempSync(join(tmpdir(), "s2replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

const traceOf = (name: string) => fileURLToPath(new URL(`../../../traces/${name}`, import.meta.url));

it.each<[string, string, string, Partial<DiffOptions>]>([
  ["5.10.262-prepatch-h2m-4v.ndjson.gz", "pre-patch", "post-patch", { epochGapNs: 2e6 }],
  ["5.10.262-postpatch-h2m-2v-2cpu.ndjson.zst", "post-patch", "v6.12", { arrivalSeed: 3 }],
  ["6.1.192-sched-4v-2cpu.ndjson.gz", "v6.1", "v7.2", {}],
  ["6.1.192-sched-4v-2cpu.ndjson.gz", "v6.1", "v7.2", { epochGapNs: 2e6, slot: 0 }],
])("%s: %s against %s has the figures that a replay of it has: %o", async (name, base, candidate, more) => {
  const options = { input: traceOf(name), lenient: false, base, candidate, ...more };
  const watched = await diffTrace({ ...options, observer: { ended: () => {} } });
  expect(await diffTrace(options)).toEqual(watched);
});

/** One vCPU, whose first access is tried again: an MMU notifier was under way. Times in us. */
function retriedTrace(): string {
  const line = (us: number, rest: string) =>
    `{"ts":0.${String(us).padStart(6, "0")},"cpu":0,"pid":7,"comm":"CPU 0/KVM","event":${rest}}\n`;
  const fault = (us: number, page: number, ret: number) =>
    line(us, '"s2_abort","vcpu":0') +
    line(us + 1, `"kvm_guest_fault","ipa":"0x${page}000","hsr":"0x92000047","hxfar":"0x${page}000"`) +
    line(
      us + 5,
      `"s2_map","pgt":"0xffff0001","addr":"0x${page}000","size":"0x1000","phys":"0x80000000","prot":"0x6"`,
    ) +
    line(us + 7, `"s2_map_ret","ret":${ret}`) +
    line(us + 8, '"s2_abort_ret","ret":1');
  const header = '{"type":"header","schema":"s2replay-trace/1","granule":4096,"ia_bits":40,"fwb":false}\n';
  return header + fault(10, 40, -11) + fault(20, 40, 0) + fault(40, 41, 0);
}

it("keeps the recorded laps of a walker with an exclusive lock", async () => {
  const input = join(folder, "retried.ndjson");
  writeFileSync(input, retriedTrace());
  const options = { input, lenient: false, base: "pre-patch", candidate: "post-patch" };
  const recording = { walker: "pre-patch" };
  const watched = await diffTrace({ ...options, recording, observer: { ended: () => {} } });
  expect(watched.base.faults).toMatchObject({ total: 3, retries: 1, avoided: 0 });
  expect(watched.candidate.faults).toMatchObject({ total: 3, retries: 1, avoided: 0 });
  expect(watched.base.stallNs).toEqual(watched.candidate.stallNs);
  expect(await diffTrace({ ...options, recording })).toEqual(watched);
});
