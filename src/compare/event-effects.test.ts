/** An event matters: without its lines a result says something else, or the result says that it does nothing. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { eventEffects } from "../activity/event-effects.js";
import { type EventName, eventNames } from "../trace/event.js";
import { diffTrace } from "./diff.js";
import { faultFields, firstTouch, mapFields, traceText } from "./trace-text.test.support.js";

const fixtures = join(import.meta.dirname, "../../fixtures");
const scratch = mkdtempSync(join(tmpdir(), "s2replay-effects-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const fixture = (name: string) => readFileSync(join(fixtures, name, "trace.ndjson"), "utf8");

const IPA = 0x4000_0000;
const BLOCK = 0x20_0000;
const ofTable = '{"pgt":"0xa000"}';

const faultToEntry = traceText(
  { walker: "pre-patch" },
  `1000 101 s2_abort
   1500 101 kvm_guest_fault ${faultFields(IPA, 3)}
   3000 101 s2_map ${mapFields(IPA, 0x1000)}
   4000 101 s2_map_ret {"ret":0}
   9000 101 kvm_entry
   90000 101 kvm_entry`,
);

const accessFlag = traceText(
  { walker: "pre-patch" },
  `${firstTouch(1000, 101, IPA)}
   20000 101 s2_abort
   20500 101 kvm_guest_fault {"ipa":"0x40000000","hsr":"0x9200000b","hxfar":"0x40000000"}
   20600 101 kvm_access_fault {"ipa":"0x40000000"}
   21000 101 s2_mkyoung {"pgt":"0xa000","addr":"0x40000000"}
   23000 101 s2_abort_ret {"ret":1}`,
);

const leftToVmm = traceText(
  { walker: "pre-patch" },
  `${firstTouch(1000, 101, IPA)}
   20000 101 s2_abort
   20500 101 kvm_guest_fault {"ipa":"0x9000000","hsr":"0x93c08007","hxfar":"0x9000000"}
   21000 101 kvm_userspace_exit {"reason":"KVM_EXIT_MMIO (6)"}`,
);

const tornDown = traceText(
  { walker: "v6.12" },
  `${firstTouch(1000, 101, IPA)}
   20000 101 s2_abort
   20500 101 kvm_guest_fault ${faultFields(IPA + 0x1000, 3)}
   23000 101 s2_map ${mapFields(IPA, BLOCK)}
   26000 101 s2_map_ret {"ret":0}
   27000 101 s2_abort_ret {"ret":1}
   30000 101 s2_teardown ${ofTable}
   77000 101 s2_teardown_ret
   ${firstTouch(90_000, 101, IPA + 2 * BLOCK)}`,
);

const splits = traceText(
  { walker: "pre-patch" },
  `${firstTouch(1000, 101, IPA, BLOCK)}
   6000 102 s2_split {"pgt":"0xa000","addr":"0x40000000","size":"0x200000"}
   9000 102 s2_split_ret {"ret":0}
   9100 102 kvm_age_hva {"start":"0x7f0000000000","end":"0x7f0000001000"}
   9200 101 kvm_exit
   9300 102 kvm_unmap_hva_range {"start":"0x7f0000000000","end":"0x7f0000001000"}
   9400 102 tlb_range {"mmu":"0xb000","start":"0x40000000","pages":1}`,
);

const withoutCpu = traceText(
  { walker: "pre-patch" },
  `1000 101 s2_abort
   1500 101 kvm_guest_fault ${faultFields(IPA, 3)}
   20000 101 sched_switch {"prev_state":"D","next_pid":0}
   70000 102 sched_waking {"target_pid":101}
   90000 102 sched_switch {"prev_state":"R","next_pid":101}
   100000 101 s2_map ${mapFields(IPA, 0x1000)}
   101000 101 s2_map_ret {"ret":0}
   105000 101 s2_abort_ret {"ret":1}`,
);

/** Of each kind, a trace that would come out otherwise without it. */
const evidence: Readonly<Record<EventName, string>> = {
  kvm_guest_fault: fixture("two-epochs"),
  kvm_access_fault: accessFlag,
  kvm_entry: faultToEntry,
  kvm_exit: splits,
  kvm_userspace_exit: leftToVmm,
  kvm_unmap_hva_range: splits,
  kvm_age_hva: splits,
  s2_abort: fixture("two-epochs"),
  s2_abort_ret: fixture("two-epochs"),
  s2_map: fixture("two-epochs"),
  s2_map_ret: fixture("two-epochs"),
  s2_unmap: fixture("recorded-adjust-of-5.10-prepatch"),
  s2_unmap_ret: fixture("recorded-adjust-of-5.10-prepatch"),
  s2_wrprotect: fixture("hole"),
  s2_wrprotect_ret: fixture("permission-fault-before-the-window"),
  s2_flush: fixture("gap"),
  s2_flush_ret: fixture("two-epochs"),
  s2_relax_perms: fixture("permission-fault-while-logging"),
  s2_relax_perms_ret: fixture("permission-fault-while-logging"),
  s2_mkyoung: accessFlag,
  s2_split: splits,
  s2_split_ret: splits,
  s2_destroy: fixture("recorded-adjust-of-5.10-prepatch"),
  s2_destroy_ret: fixture("recorded-adjust-of-5.10-prepatch"),
  s2_break: fixture("second-vcpu-inside-the-window"),
  s2_install: fixture("second-vcpu-inside-the-window"),
  s2_teardown: tornDown,
  s2_teardown_ret: tornDown,
  tlb_vmid: fixture("recorded-adjust-of-5.10-prepatch"),
  tlb_vmid_ret: fixture("second-vcpu-inside-the-window"),
  tlb_ipa: fixture("second-vcpu-inside-a-split"),
  tlb_range: splits,
  memslot: fixture("two-epochs"),
  memslot_ret: fixture("16k-granule"),
  marker: fixture("two-epochs"),
  gap: fixture("gap"),
  lost_events: fixture("lossy-trace"),
  guest_access: fixture("coalesce-beside-huge-neighbours"),
  guest_access_run: fixture("coalesce-of-a-full-table"),
  sched_switch: withoutCpu,
  sched_waking: withoutCpu,
};

/** All figures, and what must be known before one believes them; not how many lines there were. */
async function resultOf(text: string, name: string) {
  const file = join(scratch, `${name}.ndjson`);
  writeFileSync(file, text);
  const { base, candidate, epochs, selfReplay, caveats } = await diffTrace({
    input: file,
    lenient: true,
    base: "pre-patch",
    candidate: "v6.1",
  });
  return { figures: JSON.stringify({ base, candidate, epochs, selfReplay }), caveats };
}

describe.each(eventNames)("%s", (name) => {
  const lines = evidence[name].split("\n");
  const isOf = (line: string) => line.includes(`"event":"${name}"`);

  it("matters: without its lines a figure is another, or a note that names it is gone", async () => {
    expect(lines.some(isOf)).toBe(true);
    const with_ = await resultOf(evidence[name], `${name}-with`);
    const without = await resultOf(lines.filter((line) => !isOf(line)).join("\n"), `${name}-without`);
    const noteOf = ({ caveats }: typeof with_) =>
      caveats.find(({ code, text }) => code === "without-effect" && text.includes(`${name} (`))?.text;
    if (eventEffects[name].lacks === undefined) expect(without.figures).not.toBe(with_.figures);
    else expect(noteOf(with_)).toContain(eventEffects[name].lacks);
    expect(noteOf(without)).toBeUndefined();
  });
});

it("where one CPU ran everything sched events do nothing, and the result says so", async () => {
  const { caveats } = await resultOf(withoutCpu.replace('"fwb"', '"pcpus":1,"fwb"'), "one-cpu");
  const { text } = caveats.find(({ code }) => code === "without-effect")!;
  expect(text).toContain("sched_switch (2 lines: one CPU ran everything");
  expect(text).toContain("sched_waking (1 line: one CPU ran everything");
});
