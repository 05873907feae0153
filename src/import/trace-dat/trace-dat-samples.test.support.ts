/** A small recording of a host, written for any machine, with something of everything that a ring buffer can hold. */

import {
  EventKind,
  type Machine,
  Page,
  type WrittenFile,
  writeTraceDat,
} from "./trace-dat-writer.test.support.js";

export const SAMPLE_START_NS = 9_007_199_254_740_993n; // 2^53 + 1: 104 days of uptime, odd.

export interface SampleKinds {
  readonly fault: EventKind;
  readonly map: EventKind;
  readonly mapRet: EventKind;
  readonly exit: EventKind;
  readonly print: EventKind;
  readonly other: EventKind;
}

export function sampleKinds(machine: Machine): SampleKinds {
  const kind = (system: string, name: string, id: number, ...fields: string[]): EventKind =>
    new EventKind(machine, system, name, id, fields);
  return {
    fault: kind(
      "kvm",
      "kvm_guest_fault",
      60,
      "unsigned long vcpu_pc",
      "unsigned long hsr",
      "unsigned long hxfar",
      "unsigned long long ipa",
    ),
    map: kind(
      "kprobes",
      "s2_map",
      1347,
      "unsigned long __probe_ip",
      "u64 pgt",
      "u64 addr",
      "u64 size",
      "u64 phys",
      "u32 prot",
    ),
    mapRet: kind(
      "kprobes",
      "s2_map_ret",
      1348,
      "unsigned long __probe_func",
      "unsigned long __probe_ret_ip",
      "s64 ret",
    ),
    exit: kind("kvm", "kvm_userspace_exit", 48, "u32 reason", "int errno"),
    print: kind("ftrace", "print", 5, "unsigned long ip", "char buf[]"),
    other: kind("sched", "sched_odd", 300, "char comm[16]", "__data_loc char[] path", "s16 prio", "u8 flags"),
  };
}

export const pageSize = 4096;

/** Of two cpus: a long and a short length, a time extend, an absolute time, padding, losses. */
export function samplePages(machine: Machine): { first: Buffer[]; second: Buffer[] } {
  const { fault, map, mapRet, exit, print, other } = sampleKinds(machine);
  const t = SAMPLE_START_NS;
  const first = new Page(machine, pageSize, t)
    .event(t, fault.record(187, 0x4009a4, 0x92000047, 0xac4fb0, 0x8000_0001_8000n))
    .event(t + 10n, map.record(187, 0x10, 0xffff_0001_40b8_6d80n, 0x18_0000, 0x1000, 0x1_a60e_c000n, 4), true)
    .event(t + 3_000_000_000n, mapRet.record(187, 0x10, 0x20, -12))
    .padding(16, 5n)
    .event(t + 3_000_000_006n, exit.record(187, 6, 0));
  const next = new Page(machine, pageSize, t + 4_000_000_000n)
    .lost(7)
    .event(t + 4_000_000_001n, exit.record(188, 0, -4))
    .stamp(t + 5_000_000_000n)
    .event(t + 5_000_000_002n, other.record(0, "swapper", "/dev/kvm", -3, 255));
  const second = new Page(machine, pageSize, t + 5n)
    .event(t + 5n, print.record(99, 0, "half way\n"))
    .event(t + 3_000_000_000n, mapRet.record(188, 0x10, 0x20, 0));
  const last = new Page(machine, pageSize, t + 6_000_000_000n)
    .lost(undefined)
    .event(t + 6_000_000_000n, exit.record(188, 200, 0));
  return { first: [first.bytes, next.bytes], second: [second.bytes, last.bytes] };
}

export function sampleFile(
  machine: Machine,
  form: Pick<WrittenFile, "version" | "compression">,
  more: Partial<WrittenFile> = {},
): Buffer {
  const { first, second } = samplePages(machine);
  return writeTraceDat({
    machine,
    ...form,
    kinds: Object.values(sampleKinds(machine)),
    comms: [
      [187, "vcpu 0"],
      [188, "vcpu-1"],
    ],
    buffers: [
      {
        name: "",
        cpus: [
          { cpu: 0, pages: first },
          { cpu: 2, pages: second },
        ],
      },
    ],
    ...more,
  });
}
