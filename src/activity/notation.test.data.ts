/** For tests: a notation for short traces, and the fold's results as text. */

import { EventBatch, Kind, Phase } from "../trace/event.js";
import { Interner } from "../trace/string-table.js";
import { type Activity, ActivityKind, OperationKind } from "./activity.js";
import type { Barrier } from "./epoch.js";
import { ActivityFold, type FoldOptions } from "./fold.js";

export const MIB2 = 0x20_0000;
const operationNames = Object.keys(OperationKind);

/** Abort status: class (t translation, p permission), level, w for a write. */
function esrOf(code: string): number {
  const [kind, level, write] = code as unknown as [string, string, string | undefined];
  return 0x9200_0000 + (write === "w" ? 0x40 : 0) + (kind === "p" ? 0xc : 4) + Number(level);
}

/** Sizes: `4k`, `2m`, or a number. */
function bytesOf(text: string): number {
  return text === "4k" ? 0x1000 : text === "2m" ? MIB2 : Number(text);
}

/**
 * Events, separated by `;` or newlines: `TIME THREAD EVENT ARGUMENTS`. A thread is one letter, which gives its pid and
 * CPU. Operations: `map P 0x1000 4k` (P names the table) and `map= RET`; likewise unmap, wp, destroy. `out S` leaves
 * the CPU in that state, `in` gets the CPU, `wakes B` wakes another thread. `vm=web`, `tgid=7`, `vcpu=3`, `comm=X`,
 * `kvm=K` and `mmu=M` may follow any event.
 */
export function batchOf(notation: string, strings: Interner): EventBatch {
  const lines = notation
    .split(/[;\n]/)
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first !== "");
  const batch = new EventBatch(lines.length);
  const entries: Record<string, [number, number]> = {
    map: [Kind.s2_map, Kind.s2_map_ret],
    unmap: [Kind.s2_unmap, Kind.s2_unmap_ret],
    wp: [Kind.s2_wrprotect, Kind.s2_wrprotect_ret],
    destroy: [Kind.s2_destroy, Kind.s2_destroy_ret],
    relax: [Kind.s2_relax_perms, Kind.s2_relax_perms_ret],
  };
  const plain: Record<string, number> = {
    abort: Kind.s2_abort,
    entry: Kind.kvm_entry,
    exit: Kind.kvm_exit,
    break: Kind.s2_break,
    install: Kind.s2_install,
    flushed: Kind.tlb_vmid_ret,
    tlbi: Kind.tlb_ipa,
    teardown: Kind.s2_teardown,
    "teardown=": Kind.s2_teardown_ret,
  };
  for (const [time, thread, event, ...words] of lines as [string, string, string, ...string[]][]) {
    const args = words.filter((word) => !word.includes("="));
    const i = batch.count++;
    const id = thread.charCodeAt(0) - 64;
    batch.atNs[i] = Number(time);
    batch.pid[i] = 100 + id;
    batch.cpu[i] = id;
    batch.line[i] = i + 1;
    batch.comm[i] = strings.intern(thread);
    for (const word of words) {
      const [key, value = ""] = word.split("=");
      if (key === "vm") batch.vm[i] = strings.intern(value);
      else if (key === "comm") batch.comm[i] = strings.intern(value);
      else if (key === "kvm" || key === "mmu") batch.pgt[i] = strings.intern(value);
      else if (key === "tgid") batch.tgid[i] = Number(value);
      else if (key === "vcpu") batch.vcpu[i] = Number(value);
    }
    const operation = entries[event.replace("=", "")];
    if (operation !== undefined && event.endsWith("=")) {
      batch.kind[i] = operation[1];
      batch.ret[i] = Number(args[0] ?? 0);
    } else if (operation !== undefined) {
      batch.kind[i] = operation[0];
      batch.pgt[i] = strings.intern(args[0] as string);
      if (args[1] !== undefined) batch.addr[i] = Number(args[1]);
      if (args[2] !== undefined) batch.size[i] = bytesOf(args[2]);
    } else if (event === "out" || event === "in") {
      batch.kind[i] = Kind.sched_switch;
      if (event === "in") batch.pid[i] = 0;
      batch.text[i] = strings.intern(event === "in" ? "R" : (args[0] as string));
      batch.slot[i] = event === "in" ? 100 + id : 0;
    } else if (event === "wakes") {
      batch.kind[i] = Kind.sched_waking;
      batch.slot[i] = 100 + (args[0] as string).charCodeAt(0) - 64;
    } else if (event === "fault") {
      batch.kind[i] = Kind.kvm_guest_fault;
      batch.addr[i] = Number(args[0]);
      batch.esr[i] = esrOf(args[1] as string);
    } else if (event === "abort=") {
      batch.kind[i] = Kind.s2_abort_ret;
      batch.ret[i] = Number(args[0] ?? 1);
    } else if (event === "user") {
      batch.kind[i] = Kind.kvm_userspace_exit;
      batch.text[i] = strings.intern(args[0] as string);
    } else if (event === "memslot") {
      batch.kind[i] = Kind.memslot;
      batch.slot[i] = Number(args[0]);
      batch.prot[i] = args[1] === "log" ? 1 : 0;
      batch.addr[i] = Number(args[2]);
      batch.size[i] = bytesOf(args[3] as string);
    } else if (event === "memslot=") {
      batch.kind[i] = Kind.memslot_ret;
      batch.ret[i] = Number(args[0] ?? 0);
    } else if (event === "begin" || event === "end" || event === "mark") {
      batch.kind[i] = Kind.marker;
      batch.phase[i] = event === "mark" ? Phase.none : Phase[event];
      batch.text[i] = strings.intern(args[0] as string);
    } else if (event === "gap") {
      batch.kind[i] = Kind.gap;
      batch.amount[i] = Number(args[0]);
    } else if (event === "lost") {
      batch.kind[i] = Kind.lost_events;
      batch.slot[i] = (args[0] as string).charCodeAt(0) - 64;
      batch.amount[i] = 1;
    } else batch.kind[i] = plain[event] as number;
  }
  return batch;
}

export interface Folded {
  /** Activities and barriers in order of delivery, one line each. */
  readonly items: string[];
  readonly activities: Activity[];
  readonly barriers: Barrier[];
  readonly fold: ActivityFold;
}

export function fold(notation: string, options: Partial<FoldOptions> = {}): Folded {
  const strings = new Interner();
  const activities: Activity[] = [];
  const barriers: Barrier[] = [];
  const items: string[] = [];
  const sink = {
    operation: () => {},
    activity: (activity: Activity) => {
      activities.push(activity);
      items.push(textOf(activity, folding));
    },
    barrier: (barrier: Barrier) => {
      barriers.push(barrier);
      items.push(`-- ${barrier.cause} at ${barrier.atNs}`);
    },
  };
  const folding: ActivityFold = new ActivityFold(
    { sharedCpu: false, epochGapNs: Number.POSITIVE_INFINITY, pageBytes: 0x1000, ...options },
    strings,
    sink,
  );
  folding.fold(batchOf(notation, strings));
  folding.finish();
  return { items, activities, barriers, fold: folding };
}

/** `fault A@P 0x1000 10..50 map=0`: kind, thread, VM, address, times, operations with their returns. */
function textOf(activity: Activity, folding: ActivityFold): string {
  const { kind, operationCount, thread, vm, laps, incomplete } = activity;
  const names = {
    [ActivityKind.fault]: "fault",
    [ActivityKind.mmio]: "mmio",
    [ActivityKind.accessRun]: "run",
  };
  const operations = Array.from({ length: operationCount }, (_, n) => {
    const { kind: of, ret } = activity.operation(n);
    return ` ${operationNames[of]}=${ret === -0x8000_0000 ? "?" : ret}`;
  });
  const letter = String.fromCharCode((folding.threads[thread]?.pid ?? 0) - 100 + 64);
  const where = kind === ActivityKind.hostOperation ? "host" : names[kind];
  const address = kind === ActivityKind.hostOperation ? "" : ` 0x${activity.ipa.toString(16)}`;
  return (
    `${where} ${letter}@${vm < 0 ? "?" : folding.vmNames[vm]}${address} ${activity.startNs}..${activity.endNs}` +
    `${operations.join("")}${laps > 1 ? ` laps ${laps}` : ""}${incomplete ? " incomplete" : ""}`
  );
}
