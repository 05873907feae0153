/** The benchmark's input: a seeded trace that looks like a recorded one. */

import { closeSync, openSync, writeSync } from "node:fs";
import { seededRandom } from "../../seeded-random.js";

/** The densest recordings in traces/ hold 520 events a millisecond: 1.9 us apart. */
const MEAN_GAP_NS = 2000;
/** Lines that follow one of their own thread: 0.77 and 0.84 in the recordings, whose host has one real CPU. */
const SAME_THREAD_RATIO = 0.6;
const SAME_PC_RATIO = 0.9;
const WRITE_CHARACTERS = 1 << 20;

/**
 * Writes `lines` lines (header included): four VMs of eight vCPUs fault on each other's heels, so lines of
 * different threads interleave; now and then a thread of the VMM unmaps or write-protects.
 */
export function writeBenchTrace(path: string, lines: number): void {
  const random = seededRandom(1);
  const file = openSync(path, "w");
  let text =
    '{"type":"header","schema":"s2replay-trace/1","kernel":"6.1.0-bench","granule":4096,"ia_bits":48}\n';
  let written = 1;
  let nowNs = 0;
  const threads = Array.from({ length: 32 }, (_, thread) => ({
    who: `"cpu":${thread},"pid":${4000 + thread},"comm":"CPU ${thread % 8}/KVM","tgid":${4000 + (thread & ~7)},"vm":"guest-${thread >> 3}","vcpu":${thread % 8}`,
    pgt: `0xffff0000${(0x35ac3280 + (thread >> 3) * 0x1000).toString(16)}`,
    mmu: `0xffff8000${(0x108be0f8 + (thread >> 3) * 0x1000).toString(16)}`,
    loop: 0,
    pending: [] as string[],
  }));
  let thread = threads[0]!;
  while (written < lines) {
    if (random() > SAME_THREAD_RATIO) thread = threads[Math.floor(random() * threads.length)]!;
    if (thread.pending.length === 0) thread.pending = episode(random, thread);
    nowNs += 1 + Math.floor(random() * 2 * MEAN_GAP_NS);
    const ns = 86_400_000_000_000 + nowNs;
    const seconds = Math.floor(ns / 1e9);
    const decimals = String(ns % 1e9).padStart(9, "0");
    text += `{"ts":${seconds}.${decimals},${thread.who},"event":${thread.pending.shift()}}\n`;
    written++;
    if (text.length > WRITE_CHARACTERS) {
      writeSync(file, text);
      text = "";
    }
  }
  writeSync(file, text);
  closeSync(file);
}

/** Where a kprobe stands, which kprobe lines say and the format does not: one more key for the reader to check. */
const probes = {
  abort: '"ip":"kvm_handle_guest_abort+0x0/0xb54"',
  abortRet: '"ip":"handle_exit+0x64/0x194 <- kvm_handle_guest_abort"',
  map: '"ip":"kvm_pgtable_stage2_map+0x0/0x110"',
  mapRet: '"ip":"kvm_handle_guest_abort+0x68c/0xb54 <- kvm_pgtable_stage2_map"',
  relax: '"ip":"kvm_pgtable_stage2_relax_perms+0x0/0xf0"',
  relaxRet: '"ip":"kvm_handle_guest_abort+0x4d8/0xb54 <- kvm_pgtable_stage2_relax_perms"',
  unmap: '"ip":"kvm_pgtable_stage2_unmap+0x0/0x98"',
  unmapRet: '"ip":"__unmap_stage2_range+0x7c/0x118 <- kvm_pgtable_stage2_unmap"',
  wrprotect: '"ip":"kvm_pgtable_stage2_wrprotect+0x0/0x78"',
  wrprotectRet: '"ip":"stage2_wp_range+0xf8/0x190 <- kvm_pgtable_stage2_wrprotect"',
  tlbIpa: '"ip":"__kvm_tlb_flush_vmid_ipa+0x0/0x9c"',
  tlbVmid: '"ip":"__kvm_tlb_flush_vmid+0x0/0x6c"',
};

/** The lines of one fault or host operation, from the event's name on. */
function episode(random: () => number, thread: { pgt: string; mmu: string; loop: number }): string[] {
  const hex = (value: number): string => `"0x${value.toString(16)}"`;
  const block = random() < 0.3;
  const size = block ? 0x20_0000 : 0x1000;
  const addr = 0xff_ff00_0000_00 + Math.floor(random() * 0x8000) * size;
  // A recorded thread faults at the pc and with the syndrome of its last fault, 99 times in 100; and nearly every
  // far is new.
  if (random() > SAME_PC_RATIO) thread.loop = Math.floor(random() * 10);
  const pc = `"0x${(0x40_0a24 + 0x80 * thread.loop).toString(16).padStart(14, "0")}"`;
  const far = `"0xffff0000${Math.floor(0x1000_0000 + random() * 0x7000_0000).toString(16)}"`;
  const range = `"pgt":"${thread.pgt}","addr":${hex(addr)},"size":${hex(size)}`;
  const tlbVmid = `"tlb_vmid","mmu":"${thread.mmu}",${probes.tlbVmid}`;
  const dice = random();
  if (dice < 0.02) {
    return [`"s2_unmap",${range},${probes.unmap}`, tlbVmid, `"s2_unmap_ret","ret":0,${probes.unmapRet}`];
  }
  if (dice < 0.04) {
    return [
      `"s2_wrprotect",${range},${probes.wrprotect}`,
      tlbVmid,
      `"s2_wrprotect_ret","ret":0,${probes.wrprotectRet}`,
    ];
  }
  const phys = 0x1_0000_0000 + Math.floor(random() * 0x8000) * size;
  const entry = `"kvm_entry","vcpu_pc":${pc}`;
  const exit = `"kvm_exit","vcpu_pc":${pc},"ret":0,"esr_ec":"0x24"`;
  const abort = `"s2_abort",${probes.abort}`;
  const abortRet = `"s2_abort_ret","ret":1,${probes.abortRet}`;
  const esr = hex((block ? 0x93c1_8006 : 0x93c5_8007) + 0x1_0000 * (thread.loop % 8));
  const fault = `"kvm_guest_fault","ipa":${hex(addr)},"hsr":${esr},"hxfar":${far},"vcpu_pc":${pc}`;
  const map = `"s2_map",${range},"phys":${hex(phys)},"prot":"0x6",${probes.map}`;
  const relax = `"s2_relax_perms","pgt":"${thread.pgt}","addr":${hex(addr)},"prot":"0x6",${probes.relax}`;
  const tlbIpa = `"tlb_ipa","mmu":"${thread.mmu}","ipa":${hex(addr)},"level":${block ? 2 : 3},${probes.tlbIpa}`;
  if (dice < 0.2) {
    return [
      exit,
      abort,
      fault,
      relax,
      tlbIpa,
      `"s2_relax_perms_ret","ret":0,${probes.relaxRet}`,
      abortRet,
      entry,
    ];
  }
  const ret = dice < 0.3 ? -11 : 0;
  const mapRet = `"s2_map_ret","ret":${ret},${probes.mapRet}`;
  return [exit, abort, fault, map, ...(block ? [tlbIpa] : []), mapRet, abortRet, entry];
}
