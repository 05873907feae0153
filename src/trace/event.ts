/**
 * The wire contract of `s2replay-trace/1`, and the batch of typed arrays that the reader fills.
 * Every other room reads events only from here.
 */

/** Events the format knows, by their wire names. The number is the event's kind inside a batch. */
export const Kind = {
  kvm_guest_fault: 0,
  kvm_access_fault: 1,
  kvm_entry: 2,
  kvm_exit: 3,
  kvm_userspace_exit: 4,
  /** Any kvm_*_hva* MMU-notifier event other than an unmap is folded into kvm_age_hva. */
  kvm_unmap_hva_range: 5,
  kvm_age_hva: 6,
  s2_abort: 7,
  s2_abort_ret: 8,
  s2_map: 9,
  s2_map_ret: 10,
  s2_unmap: 11,
  s2_unmap_ret: 12,
  s2_wrprotect: 13,
  s2_wrprotect_ret: 14,
  s2_flush: 15,
  s2_flush_ret: 16,
  s2_relax_perms: 17,
  s2_relax_perms_ret: 18,
  s2_mkyoung: 19,
  s2_split: 20,
  s2_split_ret: 21,
  s2_destroy: 22,
  s2_destroy_ret: 23,
  s2_break: 24,
  s2_install: 25,
  s2_teardown: 26,
  s2_teardown_ret: 27,
  tlb_vmid: 28,
  tlb_vmid_ret: 29,
  tlb_ipa: 30,
  tlb_range: 31,
  memslot: 32,
  memslot_ret: 33,
  marker: 34,
  gap: 35,
  lost_events: 36,
  guest_access: 37,
  guest_access_run: 38,
  /** `pid` leaves its CPU to another thread. */
  sched_switch: 39,
  /** `pid` wakes another thread. */
  sched_waking: 40,
} as const;

export type EventName = keyof typeof Kind;
export type EventKind = (typeof Kind)[EventName];

/** Wire name of each kind, indexed by kind. */
export const eventNames = Object.keys(Kind) as readonly EventName[];

/** `ret` of an event that carries none. */
export const NO_RET = -0x8000_0000;
/** `level` of an event that carries none. */
export const NO_LEVEL = -128;
/** An interned id, `cpu`, `vcpu`, `tgid`, `prot`, `slot` that is absent. */
export const NONE = -1;

export const Phase = { none: 0, begin: 1, end: 2 } as const;

/**
 * Interned strings: comm, pgt and mmu pointers (opaque hex text), vm names, marker texts.
 * An id is an index into the table and lives as long as the reader.
 */
export interface StringTable {
  readonly size: number;
  text(id: number): string;
}

/**
 * A run of events in time order, as struct of arrays; `count` of them are valid.
 * The reader owns and reuses a batch: it is valid until the next one is asked for.
 * Numbers that an event does not carry are NaN in a Float64Array and the constants above elsewhere.
 */
export class EventBatch {
  count = 0;
  /** Nanoseconds since the trace's first event (integers). */
  readonly atNs: Float64Array;
  readonly kind: Uint8Array;
  /** Linux thread id. */
  readonly pid: Int32Array;
  readonly cpu: Int16Array;
  /** 1-based line in the input. */
  readonly line: Uint32Array;
  /** Interned comm. */
  readonly comm: Int32Array;
  /** Interned pointer: the page table's `pgt`, `mmu` on TLB events, `kvm` on memslot. */
  readonly pgt: Int32Array;
  /** ipa, addr, gpa (memslot), or start (tlb_range, and HVA of kvm_*_hva*). */
  readonly addr: Float64Array;
  /** size, stride (guest_access_run), pages (tlb_range), or end (HVA of kvm_*_hva*). Bytes but for tlb_range. */
  readonly size: Float64Array;
  /** Output address of s2_map, or page_size of a memslot: bytes of the host pages behind it. */
  readonly phys: Float64Array;
  /** Low 32 bits of ESR_EL2 (`hsr`): EC, IL and ISS, without ISS2; 0 where absent. */
  readonly esr: Uint32Array;
  /** Low 32 bits of `hxfar` (the byte offset in the page is its low 12 bits); 0 where absent. */
  readonly farLow: Uint32Array;
  /** High 32 bits of `hxfar`; 0 where absent. */
  readonly farHigh: Uint32Array;
  /** enum kvm_pgtable_prot bits of a map, or memslot flags (low 31 bits of either). */
  readonly prot: Int32Array;
  /** -1..3; a level outside them ("unknown" of newer kernels) is NO_LEVEL. */
  readonly level: Int8Array;
  readonly ret: Int32Array;

  // Few events carry the columns from here on. In a batch of the reader that has none of them, all such
  // batches share one column of absent values (see batch-rows.ts): read them freely, never write them.

  /** Interned explicit `vm`. */
  vm: Int32Array;
  vcpu: Int32Array;
  /** Thread group: the process. */
  tgid: Int32Array;
  /** memslot number, the cpu that lost events (`lost_events`), or the other thread of a sched event: who comes, who is woken. */
  slot: Int32Array;
  /** Interned marker text, kvm_userspace_exit reason, or state in which a thread leaves its CPU (sched_switch). */
  text: Int32Array;
  phase: Uint8Array;
  /** 1 for a writing guest access. */
  write: Uint8Array;
  /** `count` of lost_events or guest_access_run; for a gap the time it ends, ns since the trace's first event. */
  amount: Float64Array;
  /** `think_ns` of guest_access_run. */
  thinkNs: Float64Array;

  /**
   * All columns hold absent values at first. `absent`: an untouched batch of the same capacity,
   * whose rare columns stand in for this one's.
   */
  constructor(
    readonly capacity: number,
    absent?: EventBatch,
  ) {
    this.atNs = new Float64Array(capacity);
    this.kind = new Uint8Array(capacity);
    this.pid = new Int32Array(capacity);
    this.cpu = new Int16Array(capacity).fill(NONE);
    this.line = new Uint32Array(capacity);
    this.comm = new Int32Array(capacity).fill(NONE);
    this.pgt = new Int32Array(capacity).fill(NONE);
    this.addr = new Float64Array(capacity).fill(Number.NaN);
    this.size = new Float64Array(capacity).fill(Number.NaN);
    this.phys = new Float64Array(capacity).fill(Number.NaN);
    this.esr = new Uint32Array(capacity);
    this.farLow = new Uint32Array(capacity);
    this.farHigh = new Uint32Array(capacity);
    this.prot = new Int32Array(capacity).fill(NONE);
    this.level = new Int8Array(capacity).fill(NO_LEVEL);
    this.ret = new Int32Array(capacity).fill(NO_RET);
    this.vm = absent?.vm ?? new Int32Array(capacity).fill(NONE);
    this.vcpu = absent?.vcpu ?? new Int32Array(capacity).fill(NONE);
    this.tgid = absent?.tgid ?? new Int32Array(capacity).fill(NONE);
    this.slot = absent?.slot ?? new Int32Array(capacity).fill(NONE);
    this.text = absent?.text ?? new Int32Array(capacity).fill(NONE);
    this.phase = absent?.phase ?? new Uint8Array(capacity);
    this.write = absent?.write ?? new Uint8Array(capacity);
    this.amount = absent?.amount ?? new Float64Array(capacity).fill(Number.NaN);
    this.thinkNs = absent?.thinkNs ?? new Float64Array(capacity).fill(Number.NaN);
  }
}

/** A column of a batch. */
export type ColumnName = {
  [K in keyof EventBatch]: EventBatch[K] extends ArrayBufferView ? K : never;
}[keyof EventBatch];

/** The header's fields after checking; what the file does not say is absent. */
export interface TraceHeader {
  readonly schema: "s2replay-trace/1";
  /** What the recording calls itself; the file's name where absent. */
  readonly name?: string;
  readonly kernel?: string;
  readonly arch?: string;
  /** Bytes: 4096, 16384 or 65536. */
  readonly granule?: number;
  readonly ia_bits?: number;
  readonly fwb?: boolean;
  /** The CPUs have TLBI by range (FEAT_TLBIRANGE); absent = they have not. */
  readonly tlbi_range?: boolean;
  readonly clock?: string;
  readonly source?: string;
  readonly cpus?: number;
  readonly lost_events?: number;
  /** The strategy that the recording kernel ran. */
  readonly walker?: string;
  /** Physical CPUs that the vCPUs share; absent = enough. */
  readonly pcpus?: number;
  /** Whether a waiter for the MMU lock uses its CPU. */
  readonly lock_wait?: "spin" | "sleep";
}

/** A field of the header of which the caller says one thing, and the trace another. */
export interface Contradiction {
  readonly field: keyof TraceHeader;
  readonly told: string | number | boolean;
  readonly said: string | number | boolean;
}

/** What the reader met, complete once the last batch was delivered. */
export interface ReaderReport {
  /** Events delivered. */
  events: number;
  /** Lines read, header included. */
  lines: number;
  /** Events delivered, indexed by kind. */
  readonly byKind: number[];
  /** Unknown events, not delivered, by name. */
  readonly unknown: Map<string, number>;
  /** Lines skipped under --lenient, by reason. */
  readonly skipped: Map<string, number>;
  /** Events the ring buffer lost: lost_events lines and the header's figure. */
  lostEvents: number;
  /** Where the data ended early (--lenient only): the byte offset. */
  truncatedAtByte: number | undefined;
  /** Time of the first event, ns on the recording's clock. */
  baseNs: bigint | undefined;
}

export interface TraceSource {
  /** Display name: the header's name, else the file's base name, else "stdin". */
  readonly name: string;
  /** What the caller told wins over what the trace says. */
  readonly header: TraceHeader | undefined;
  readonly contradictions: readonly Contradiction[];
  readonly strings: StringTable;
  readonly report: ReaderReport;
  /** Events in time order. Throws TraceFormatError. */
  batches(): AsyncIterable<EventBatch>;
}
