/** Which keys the format knows, what each means on which event, and which an event cannot do without. */

import { type EventKind, eventNames, Kind } from "../event.js";

/** Known keys by wire name; aliases point at the key that they stand for. */
const canonical = [
  "ts",
  "ts_ns",
  "cpu",
  "pid",
  "comm",
  "event",
  "tgid",
  "vm",
  "vcpu",
  "ipa",
  "hsr",
  "hxfar",
  "vcpu_pc",
  "ret",
  "esr_ec",
  "reason",
  "start",
  "end",
  "pgt",
  "addr",
  "size",
  "phys",
  "prot",
  "level",
  "ptep",
  "mmu",
  "kvm",
  "pages",
  "slot",
  "flags",
  "gpa",
  "hva",
  "text",
  "phase",
  "until",
  "until_ns",
  "count",
  "write",
  "stride",
  "think_ns",
  "page_size",
  "prev_state",
  "next_pid",
  "target_pid",
  "type",
] as const;
export type KeyName = (typeof canonical)[number];

const aliases: Readonly<Record<string, KeyName>> = {
  timestamp: "ts",
  name: "event",
  esr: "hsr",
  far: "hxfar",
  pc: "vcpu_pc",
};

/** A key's number: canonical ones first, then aliases. `gpa` is a key of its own and may stand for `ipa`. */
export const keyNames: readonly string[] = [...canonical, ...Object.keys(aliases)];
const keyNumbers = new Map(keyNames.map((name, key) => [name, key]));
export const NO_KEY = -1;

export function keyOf(name: string): number {
  return keyNumbers.get(name) ?? NO_KEY;
}

export const Key = Object.fromEntries(canonical.map((name, key) => [name, key])) as Record<KeyName, number>;

/** What an event does with a field: which column it fills, and how it is checked. */
export const Role = {
  /** Any valid JSON, not looked at. */
  skip: 0,
  time: 1,
  timeNs: 2,
  cpu: 3,
  pid: 4,
  comm: 5,
  event: 6,
  tgid: 7,
  vm: 8,
  vcpu: 9,
  /** IPA into addr. */
  ipa: 10,
  /** IPA into addr, a multiple of the granule. */
  alignedIpa: 11,
  /** IPA into addr, a multiple of 4 KiB. */
  pageIpa: 12,
  /** Bytes into size. */
  bytes: 13,
  alignedBytes: 14,
  pageBytes: 15,
  phys: 16,
  esr: 17,
  far: 18,
  /** A 64-bit value that no column holds. */
  opaque: 19,
  ret: 20,
  /** HVA into addr and size: may be 64 bits, then rounded as doubles are. */
  hvaStart: 21,
  hvaEnd: 22,
  pointer: 23,
  bits: 24,
  level: 25,
  slot: 26,
  text: 27,
  reason: 28,
  phase: 29,
  write: 30,
  /** A count into amount. */
  amount: 31,
  /** A count into size (pages of tlb_range). */
  pages: 32,
  thinkNs: 33,
  /** A time into amount, in the unit of the line's own. */
  until: 34,
  untilNs: 35,
  /** A task's state as the kernel prints it, into text. */
  taskState: 36,
} as const;
type RoleNumber = (typeof Role)[keyof typeof Role];

type Fields = Partial<Record<KeyName, RoleNumber>>;

const everyEvent: Fields = {
  ts: Role.time,
  ts_ns: Role.timeNs,
  cpu: Role.cpu,
  pid: Role.pid,
  comm: Role.comm,
  event: Role.event,
  tgid: Role.tgid,
  vm: Role.vm,
  vcpu: Role.vcpu,
};

const stage2Range: Fields = { pgt: Role.pointer, addr: Role.alignedIpa, size: Role.alignedBytes };
const stage2Entry: Fields = { pgt: Role.pointer, addr: Role.ipa, prot: Role.bits };
const stage2Return: Fields = { pgt: Role.pointer, ret: Role.ret };
const hvaRange: Fields = { start: Role.hvaStart, end: Role.hvaEnd };
const walkerStep: Fields = { pgt: Role.pointer, addr: Role.ipa, level: Role.level, ptep: Role.opaque };

const ofEvent: Readonly<Record<keyof typeof Kind, Fields>> = {
  kvm_guest_fault: { ipa: Role.ipa, hsr: Role.esr, hxfar: Role.far, vcpu_pc: Role.opaque },
  kvm_access_fault: { ipa: Role.ipa },
  kvm_entry: { vcpu_pc: Role.opaque },
  kvm_exit: { vcpu_pc: Role.opaque, ret: Role.ret, esr_ec: Role.opaque },
  kvm_userspace_exit: { reason: Role.reason },
  kvm_unmap_hva_range: hvaRange,
  kvm_age_hva: hvaRange,
  s2_abort: {},
  s2_abort_ret: { ret: Role.ret },
  s2_map: { ...stage2Range, phys: Role.phys, prot: Role.bits },
  s2_map_ret: stage2Return,
  s2_unmap: stage2Range,
  s2_unmap_ret: stage2Return,
  s2_wrprotect: stage2Range,
  s2_wrprotect_ret: stage2Return,
  s2_flush: stage2Range,
  s2_flush_ret: stage2Return,
  s2_relax_perms: stage2Entry,
  s2_relax_perms_ret: stage2Return,
  s2_mkyoung: stage2Entry,
  s2_split: stage2Range,
  s2_split_ret: stage2Return,
  s2_destroy: { pgt: Role.pointer },
  s2_destroy_ret: stage2Return,
  s2_break: walkerStep,
  s2_install: walkerStep,
  s2_teardown: { pgt: Role.pointer },
  s2_teardown_ret: stage2Return,
  tlb_vmid: { mmu: Role.pointer },
  tlb_vmid_ret: { mmu: Role.pointer, ret: Role.ret },
  tlb_ipa: { mmu: Role.pointer, ipa: Role.ipa, level: Role.level },
  tlb_range: { mmu: Role.pointer, start: Role.ipa, pages: Role.pages },
  memslot: {
    slot: Role.slot,
    flags: Role.bits,
    gpa: Role.pageIpa,
    size: Role.pageBytes,
    hva: Role.opaque,
    kvm: Role.pointer,
    page_size: Role.phys,
  },
  memslot_ret: { ret: Role.ret },
  marker: { text: Role.text, phase: Role.phase },
  gap: { until: Role.until, until_ns: Role.untilNs },
  lost_events: { count: Role.amount },
  guest_access: { ipa: Role.ipa, write: Role.write },
  guest_access_run: {
    ipa: Role.ipa,
    stride: Role.bytes,
    count: Role.amount,
    write: Role.write,
    think_ns: Role.thinkNs,
  },
  sched_switch: { prev_state: Role.taskState, next_pid: Role.slot },
  sched_waking: { target_pid: Role.slot },
};

const requiredOf: Partial<Record<keyof typeof Kind, readonly KeyName[]>> = {
  kvm_guest_fault: ["ipa", "hsr"],
  s2_map: ["pgt", "addr", "size"],
  s2_unmap: ["pgt", "addr", "size"],
  s2_wrprotect: ["pgt", "addr", "size"],
  s2_flush: ["pgt", "addr", "size"],
  s2_relax_perms: ["pgt", "addr"],
  s2_mkyoung: ["pgt", "addr"],
  guest_access: ["ipa"],
  guest_access_run: ["ipa", "stride", "count"],
};

/** An event that the format does not know has only the fields that every event has. */
export const UNKNOWN_KIND = eventNames.length;

/** What each event does with each canonical key: `roles[kind][key]`. */
export const roles: readonly Uint8Array[] = [...eventNames.map((name) => ofEvent[name]), {}].map((own) => {
  const row = new Uint8Array(keyNames.length);
  for (const [name, role] of Object.entries({ ...everyEvent, ...own })) row[keyOf(name)] = role;
  return row;
});

/** Keys that each event cannot do without, beside a time, `event` and `pid`. */
export const required: readonly (readonly number[])[] = [...eventNames, ""].map((name) =>
  (requiredOf[name as keyof typeof Kind] ?? []).map(keyOf),
);

/** Whether a key means the same on every event, so that it can be read before the event is known. */
export function isCommonKey(key: number): boolean {
  return key !== NO_KEY && everyEvent[keyNames[key] as KeyName] !== undefined;
}

/** The canonical key that `key` stands for on an event of that kind: itself unless it is an alias. */
export function meaningOf(key: number, kind: number): number {
  if (key === Key.gpa) return roles[kind]![key] === Role.skip ? Key.ipa : key;
  const stem = aliases[keyNames[key]!];
  return stem === undefined ? key : Key[stem];
}

const kindsByName = new Map<string, EventKind>(eventNames.map((name) => [name, Kind[name]]));

/** The kind of an event's name, UNKNOWN_KIND if there is none. */
export function kindOf(name: string): number {
  const kind = kindsByName.get(name);
  if (kind !== undefined) return kind;
  return /^kvm_\w*_hva/.test(name) ? Kind.kvm_age_hva : UNKNOWN_KIND;
}
