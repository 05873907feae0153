/** What is recorded on a host, in one table: the canonical events, and where each kernel has them. */

import type { EventName } from "../trace/event.js";

/** Each level records what the one before it does, and more. */
export const levels = ["faults", "map", "walk"] as const;
export type Level = (typeof levels)[number];

/** How a value is read and written: hex or decimal, of so many bits; a number that the format has as text. */
export type Form = "x64" | "x32" | "u64" | "u32" | "s32" | "s8" | "text";

/** A field of an event: the function's argument `argument` (from 0), or what stands `offset` bytes behind it. */
export interface ArgumentField {
  readonly name: string;
  readonly form: Form;
  readonly argument: number;
  readonly offset?: number;
}

/** An event that the kernel itself has. Fields are those of its own that the format names; `member`: as the kernel does. */
interface Tracepoint {
  readonly kind: "tracepoint";
  readonly system: "kvm" | "sched";
  readonly event: EventName;
  readonly level: Level | "exits";
  readonly fields: readonly { readonly name: string; readonly form: Form; readonly member?: string }[];
  /** bpftrace's predicate; the script makes tracefs' itself. */
  readonly filter?: { readonly tracefs?: undefined; readonly bpftrace: string };
}

/** A kprobe on the entry of a function, or its return. */
interface FunctionProbe {
  readonly kind: "entry" | "return";
  readonly event: EventName;
  readonly level: Level;
  /** The first that the kernel has is taken. */
  readonly symbols: readonly string[];
  readonly fields: readonly ArgumentField[];
  /** The first release with these arguments; absent: all from v5.10 on. */
  readonly since?: string;
  /** Only events that pass are recorded: in the kernel's filter language, and as a predicate of bpftrace. */
  readonly filter?: { readonly tracefs: string; readonly bpftrace: string };
  /** Where this event fired, a probe that never did is silent. */
  readonly impliedBy?: EventName;
  /** What else may explain it. */
  readonly doubt?: string;
  /** How many may be under way at one time; absent: the kernel's default, twice the CPUs. */
  readonly underWay?: number;
}

export type Probe = Tracepoint | FunctionProbe;

const hex = (name: string, argument: number, offset?: number): ArgumentField => ({
  name,
  form: "x64",
  argument,
  ...(offset === undefined ? {} : { offset }),
});

function ofKvm(event: EventName, level: Tracepoint["level"], fields: Tracepoint["fields"]): Tracepoint {
  return { kind: "tracepoint", system: "kvm", event, level, fields };
}

/** A thread that a probe has fired on, as bpftrace keeps them. */
export const guestThread = (pid: string): string => `@guests[(uint64)${pid}]`;

const range = [hex("pgt", 0), hex("addr", 1), hex("size", 2)];

function pair(
  entry: "s2_map" | "s2_unmap" | "s2_wrprotect" | "s2_flush" | "s2_relax_perms" | "s2_split",
  symbol: string,
  fields: readonly ArgumentField[],
): FunctionProbe[] {
  const probe = { level: "map", symbols: [symbol] } as const;
  return [
    { ...probe, kind: "entry", event: entry, fields },
    { ...probe, kind: "return", event: `${entry}_ret`, fields: [], impliedBy: entry },
  ];
}

// KVM_SET_USER_MEMORY_REGION's structure; the one of v6.8 (.._region2) begins with the same five fields.
const memoryRegion: readonly ArgumentField[] = [
  { name: "slot", form: "u32", argument: 1, offset: 0 },
  { name: "flags", form: "x32", argument: 1, offset: 4 },
  hex("gpa", 1, 8),
  hex("size", 1, 16),
  hex("hva", 1, 24),
  hex("kvm", 0),
];

const memoryRegionSymbols = [
  // gcc splits the function on some kernels (v6.12 of Debian): the callers then reach the second half directly.
  "__kvm_set_memory_region.part.0",
  "__kvm_set_memory_region",
  // v6.14 dropped the underscores.
  "kvm_set_memory_region.part.0",
  "kvm_set_memory_region",
];

// struct kvm_pgtable_visit_ctx: ptep, old, arg, mm_ops, start, addr, end, level. `start` came with v6.4 (or a fix that
// went to some v6.3.y), so before that the offsets are not known.
const visit: readonly ArgumentField[] = [
  hex("addr", 0, 40),
  { name: "level", form: "s8", argument: 0, offset: 56 },
  hex("ptep", 0, 0),
  hex("old", 0, 8),
];
// The format's edges are those of a coalesce: the entry was valid and held a table.
const heldTable = {
  tracefs: "(old & 1) && (old & 2) && level < 3",
  bpftrace: "(*(uint64 *)(arg0 + 8) & 3) == 3 && *(int8 *)(arg0 + 56) < 3",
};

/**
 * The argument registers that are read have been the same from v5.10 to v7.0: later arguments were only appended
 * (flags of kvm_pgtable_stage2_map in v6.3, of relax_perms and mkyoung in v6.14).
 */
export const probes: readonly Probe[] = [
  ofKvm(
    "kvm_guest_fault",
    "faults",
    ["ipa", "hsr", "hxfar", "vcpu_pc"].map((name) => ({ name, form: "x64" })),
  ),
  ofKvm("kvm_access_fault", "faults", [{ name: "ipa", form: "x64" }]),
  ofKvm("kvm_userspace_exit", "faults", [{ name: "reason", form: "text" }]),
  ...(["kvm_unmap_hva_range", "kvm_age_hva"] as const).map((event) =>
    ofKvm(
      event,
      "faults",
      ["start", "end"].map((name) => ({ name, form: "x64" })),
    ),
  ),
  ofKvm("kvm_entry", "exits", [{ name: "vcpu_pc", form: "x64" }]),
  ofKvm("kvm_exit", "exits", [
    { name: "vcpu_pc", form: "x64" },
    { name: "ret", form: "s32" },
    { name: "esr_ec", form: "x32" },
  ]),

  {
    kind: "tracepoint",
    system: "sched",
    event: "sched_switch",
    level: "map",
    // The state is a bit mask.
    fields: [
      { name: "prev_state", form: "u64" },
      { name: "next_pid", form: "u32" },
    ],
    filter: { bpftrace: `${guestThread("args->prev_pid")} + ${guestThread("args->next_pid")}` },
  },
  {
    kind: "tracepoint",
    system: "sched",
    event: "sched_waking",
    level: "map",
    fields: [{ name: "target_pid", form: "u32", member: "pid" }],
    filter: { bpftrace: guestThread("args->pid") },
  },

  {
    kind: "entry",
    event: "s2_abort",
    level: "map",
    symbols: ["kvm_handle_guest_abort"],
    fields: [],
    impliedBy: "s2_relax_perms",
  },
  {
    kind: "return",
    event: "s2_abort_ret",
    level: "map",
    symbols: ["kvm_handle_guest_abort"],
    fields: [],
    impliedBy: "s2_abort",
    // It sleeps while the host brings memory in: as many are under way as there are vCPU threads.
    underWay: 1024,
  },
  ...pair("s2_map", "kvm_pgtable_stage2_map", [
    ...range,
    hex("phys", 3),
    { name: "prot", form: "x32", argument: 4 },
  ]),
  ...pair("s2_unmap", "kvm_pgtable_stage2_unmap", range),
  ...pair("s2_wrprotect", "kvm_pgtable_stage2_wrprotect", range),
  ...pair("s2_flush", "kvm_pgtable_stage2_flush", range),
  ...pair("s2_relax_perms", "kvm_pgtable_stage2_relax_perms", [
    hex("pgt", 0),
    hex("addr", 1),
    { name: "prot", form: "x32", argument: 2 },
  ]),
  {
    kind: "entry",
    event: "s2_mkyoung",
    level: "map",
    symbols: ["kvm_pgtable_stage2_mkyoung"],
    fields: [hex("pgt", 0), hex("addr", 1)],
  },
  // Eager splitting: v6.5.
  ...pair("s2_split", "kvm_pgtable_stage2_split", range),
  {
    kind: "entry",
    event: "s2_destroy",
    level: "map",
    // Where the function is cut in two (v6.19), KVM calls the halves.
    symbols: ["kvm_pgtable_stage2_destroy_pgd", "kvm_pgtable_stage2_destroy"],
    fields: [hex("pgt", 0)],
  },
  {
    kind: "entry",
    event: "memslot",
    level: "map",
    symbols: memoryRegionSymbols,
    fields: memoryRegion,
    impliedBy: "s2_wrprotect",
    doubt: "unless dirty logging was on before the recording began",
  },
  {
    kind: "return",
    event: "memslot_ret",
    level: "map",
    symbols: memoryRegionSymbols,
    fields: [],
    impliedBy: "memslot",
  },

  // Of a VHE host: elsewhere these run at EL2, where no kprobe reaches them.
  {
    kind: "entry",
    event: "tlb_vmid",
    level: "walk",
    symbols: ["__kvm_tlb_flush_vmid"],
    fields: [hex("mmu", 0)],
  },
  {
    kind: "return",
    event: "tlb_vmid_ret",
    level: "walk",
    symbols: ["__kvm_tlb_flush_vmid"],
    fields: [],
    impliedBy: "tlb_vmid",
  },
  {
    kind: "entry",
    event: "tlb_ipa",
    level: "walk",
    symbols: ["__kvm_tlb_flush_vmid_ipa"],
    fields: [hex("mmu", 0), hex("ipa", 1), { name: "level", form: "s32", argument: 2 }],
  },
  // v6.6.
  {
    kind: "entry",
    event: "tlb_range",
    level: "walk",
    symbols: ["__kvm_tlb_flush_vmid_range"],
    fields: [hex("mmu", 0), hex("start", 1), { name: "pages", form: "u64", argument: 2 }],
  },
  // v6.2, renamed in v6.4. Before that the walk of the map tears down, and no function is there to be probed.
  ...(["entry", "return"] as const).map(
    (kind): FunctionProbe => ({
      kind,
      event: kind === "entry" ? "s2_teardown" : "s2_teardown_ret",
      level: "walk",
      symbols: ["kvm_pgtable_stage2_free_unlinked", "kvm_pgtable_stage2_free_removed"],
      fields: [],
      ...(kind === "return" ? { impliedBy: "s2_teardown" } : {}),
    }),
  ),
  // Where the compiler kept them as functions; v5.10 to v6.1 break and install inside stage2_map_walker.
  {
    kind: "entry",
    event: "s2_break",
    level: "walk",
    symbols: ["stage2_try_break_pte"],
    fields: visit,
    since: "6.4",
    filter: heldTable,
  },
  {
    kind: "entry",
    event: "s2_install",
    level: "walk",
    symbols: ["stage2_make_pte"],
    fields: visit,
    since: "6.4",
    filter: heldTable,
  },
];
