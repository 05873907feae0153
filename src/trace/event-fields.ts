/**
 * What each event has, said once: the reader (ndjson/), the importers, `export` and `fixture` all follow these tables.
 * A new field of an event is a word here; where a host has it to be recorded is in record/probe.ts.
 */

import { type ColumnName, type EventName, Kind } from "./event.js";

/** What a field's value is: which column it fills, and how it is checked. */
export const Role = {
  /** Any valid JSON; the reader does not look at it. */
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
  ipa: 10,
  /** An IPA that is a multiple of the granule. */
  alignedIpa: 11,
  /** An IPA that is a multiple of 4 KiB. */
  pageIpa: 12,
  bytes: 13,
  alignedBytes: 14,
  pageBytes: 15,
  phys: 16,
  esr: 17,
  far: 18,
  /** A 64-bit value that no column holds. */
  opaque: 19,
  ret: 20,
  /** An HVA may be 64 bits; it is rounded as doubles are. */
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
  amount: 31,
  pages: 32,
  thinkNs: 33,
  /** A time in the unit of the line's own. */
  until: 34,
  untilNs: 35,
  /** A task's state as the kernel prints it. */
  taskState: 36,
  /** Another thread's id. */
  thread: 37,
} as const;
export type RoleName = keyof typeof Role;

/**
 * How a value is written. `address`: a hex string or number of up to 52 bits, a multiple of `unit`. `bits`: up to 64
 * bits, of which the column keeps `mask`. `wide`: up to 64 bits in two columns, or in none. `integer`: 0 to `max`.
 * `number`: a string or a number. `word`: true, false, begin, end.
 */
export type Reading =
  | "skip"
  | "time"
  | "event"
  | "integer"
  | "signed"
  | "address"
  | "bits"
  | "wide"
  | "text"
  | "textOrNumber"
  | "pointer"
  | "taskState"
  | "word"
  | "until";

export interface RoleMeaning {
  readonly reads: Reading;
  /** Column that holds the value. */
  readonly column?: ColumnName;
  readonly unit?: number | "granule";
  readonly max?: number;
  readonly mask?: bigint;
  /** Whether the values of a trace repeat: in every trace, or in most. */
  readonly repeats?: "always" | "mostly";
}

const MAX_INT32 = 0x7fff_ffff;
const MAX_COUNT = 2 ** 53;

const always = (reads: Reading, column: ColumnName): RoleMeaning => ({ reads, column, repeats: "always" });
const integer = (column: ColumnName, max: number): RoleMeaning => ({ reads: "integer", column, max });
const address = (column: ColumnName, unit: number | "granule"): RoleMeaning => ({
  reads: "address",
  column,
  unit,
});

/** What each role is, by its name. */
export const roleMeanings: Readonly<Record<RoleName, RoleMeaning>> = {
  skip: { reads: "skip", repeats: "mostly" },
  time: { reads: "time", column: "atNs" },
  timeNs: { reads: "time", column: "atNs" },
  cpu: { ...integer("cpu", 0x7fff), repeats: "always" },
  pid: { ...integer("pid", MAX_INT32), repeats: "always" },
  comm: always("text", "comm"),
  event: { reads: "event", column: "kind" },
  tgid: { ...integer("tgid", MAX_INT32), repeats: "always" },
  vm: always("textOrNumber", "vm"),
  vcpu: { ...integer("vcpu", MAX_INT32), repeats: "always" },
  ipa: address("addr", 1),
  alignedIpa: address("addr", "granule"),
  pageIpa: address("addr", 4096),
  bytes: address("size", 1),
  alignedBytes: { ...address("size", "granule"), repeats: "mostly" },
  pageBytes: { ...address("size", 4096), repeats: "mostly" },
  phys: address("phys", 1),
  esr: { reads: "bits", column: "esr", mask: 0xffff_ffffn, repeats: "mostly" },
  far: { reads: "wide", column: "farLow" },
  opaque: { reads: "wide", repeats: "mostly" },
  ret: always("signed", "ret"),
  hvaStart: { reads: "bits", column: "addr" },
  hvaEnd: { reads: "bits", column: "size" },
  pointer: always("pointer", "pgt"),
  bits: { ...always("bits", "prot"), mask: 0x7fff_ffffn },
  level: always("signed", "level"),
  slot: { ...integer("slot", MAX_INT32), repeats: "always" },
  text: { reads: "text", column: "text" },
  reason: always("textOrNumber", "text"),
  phase: always("word", "phase"),
  write: always("word", "write"),
  amount: integer("amount", MAX_COUNT),
  pages: integer("size", MAX_COUNT),
  thinkNs: integer("thinkNs", MAX_COUNT),
  until: { reads: "until", column: "amount" },
  untilNs: { reads: "until", column: "amount" },
  taskState: always("taskState", "text"),
  thread: { ...integer("slot", MAX_INT32), repeats: "always" },
};

/** The same by the role's number. */
export const meanings: readonly RoleMeaning[] = Object.keys(Role).map(
  (name) => roleMeanings[name as RoleName],
);

/** A field's role; with `!` where an event without the field is an error. */
type FieldText = RoleName | `${RoleName}!`;
type Fields = Readonly<Record<string, FieldText>>;

/** What every event may have; an event that the format does not know has nothing else. */
export const everyEvent = {
  ts: "time",
  ts_ns: "timeNs",
  cpu: "cpu",
  pid: "pid",
  comm: "comm",
  event: "event",
  tgid: "tgid",
  vm: "vm",
  vcpu: "vcpu",
} satisfies Fields;

const range = { pgt: "pointer!", addr: "alignedIpa!", size: "alignedBytes!" } satisfies Fields;
const entry = { pgt: "pointer!", addr: "ipa!", prot: "bits" } satisfies Fields;
const returned = { pgt: "pointer", ret: "ret" } satisfies Fields;
const hvaRange = { start: "hvaStart", end: "hvaEnd" } satisfies Fields;
const walkerStep = { pgt: "pointer", addr: "ipa", level: "level", ptep: "opaque" } satisfies Fields;

/** Fields of the events that a host records, in the order in which importers write them. */
const recorded = {
  kvm_guest_fault: { ipa: "ipa!", hsr: "esr!", hxfar: "far", vcpu_pc: "opaque" },
  kvm_access_fault: { ipa: "ipa" },
  kvm_entry: { vcpu_pc: "opaque" },
  kvm_exit: { vcpu_pc: "opaque", ret: "ret", esr_ec: "opaque" },
  kvm_userspace_exit: { reason: "reason" },
  kvm_unmap_hva_range: hvaRange,
  kvm_age_hva: hvaRange,
  s2_abort: {},
  s2_abort_ret: { ret: "ret" },
  s2_map: { ...range, phys: "phys", prot: "bits" },
  s2_map_ret: returned,
  s2_unmap: range,
  s2_unmap_ret: returned,
  s2_wrprotect: range,
  s2_wrprotect_ret: returned,
  s2_flush: range,
  s2_flush_ret: returned,
  s2_relax_perms: entry,
  s2_relax_perms_ret: returned,
  s2_mkyoung: entry,
  s2_split: { pgt: "pointer", addr: "alignedIpa", size: "alignedBytes" },
  s2_split_ret: returned,
  s2_destroy: { pgt: "pointer" },
  s2_destroy_ret: returned,
  s2_break: walkerStep,
  s2_install: walkerStep,
  s2_teardown: { pgt: "pointer" },
  s2_teardown_ret: returned,
  tlb_vmid: { mmu: "pointer" },
  tlb_vmid_ret: { mmu: "pointer", ret: "ret" },
  tlb_ipa: { mmu: "pointer", ipa: "ipa", level: "level" },
  tlb_range: { mmu: "pointer", start: "ipa", pages: "pages" },
  memslot: {
    slot: "slot",
    flags: "bits",
    gpa: "pageIpa",
    size: "pageBytes",
    hva: "opaque",
    kvm: "pointer",
    page_size: "phys",
  },
  memslot_ret: { ret: "ret" },
  sched_switch: { prev_state: "taskState!", next_pid: "thread!" },
  sched_waking: { target_pid: "thread!" },
} satisfies Partial<Record<EventName, Fields>>;

/** Fields of the events that a recording's reader, or the maker of a described workload, writes. */
const written = {
  marker: { text: "text", phase: "phase" },
  gap: { until: "until", until_ns: "untilNs" },
  lost_events: { count: "amount" },
  guest_access: { ipa: "ipa!", write: "write" },
  guest_access_run: { ipa: "ipa!", stride: "bytes!", count: "amount!", write: "write", think_ns: "thinkNs" },
} satisfies Partial<Record<EventName, Fields>>;

type KeysOf<T> = T extends unknown ? keyof T : never;
/** A field's name in NDJSON. */
export type KeyName =
  | keyof typeof everyEvent
  | KeysOf<(typeof recorded)[keyof typeof recorded] | (typeof written)[keyof typeof written]>;

export interface Field {
  readonly key: KeyName;
  readonly role: RoleName;
  readonly required: boolean;
}

const tables: Readonly<Record<EventName, Fields>> = { ...recorded, ...written };

const fields = new Map(
  Object.entries(tables).map(([event, own]) => [event as EventName, Object.entries(own).map(fieldOf)]),
);

/** An event's own fields, without those that every event has. */
export function fieldsOf(event: EventName): readonly Field[] {
  return fields.get(event)!;
}

function fieldOf([key, text]: readonly [string, FieldText]): Field {
  return { key: key as KeyName, role: text.replace("!", "") as RoleName, required: text.endsWith("!") };
}

/** Names of the events that a host records. */
export const recordedEvents = Object.keys(recorded) as readonly EventName[];

const names = new Map<string, EventName>(Object.keys(Kind).map((name) => [name, name as EventName]));

/** The event that a recorded name stands for: itself, or kvm_age_hva for the other notifiers of that sort. */
export function eventNamed(name: string): EventName | undefined {
  return names.get(name) ?? (/^kvm_\w*_hva/.test(name) ? "kvm_age_hva" : undefined);
}
