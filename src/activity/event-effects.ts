/** The effect of each event in a replay. Every kind of line has an effect, or a note that it has none. */

import { type EventName, eventNames, type ReaderReport } from "../trace/event.js";

export interface EventEffect {
  readonly does: string;
  /** The effect that such a line has on a machine but not here; absent if nothing is left out. */
  readonly lacks?: string;
  /** The same if one CPU ran everything. */
  readonly lacksOnOneCpu?: string;
}

const operation = "takes the lock, and does to the table what it did there";
const othersTurns =
  "one CPU ran everything, and time off it is others' turns, which the order of lines tells";
const returned = "ends its operation: how long the lock was held";

export const eventEffects: Readonly<Record<EventName, EventEffect>> = {
  kvm_guest_fault: { does: "is the abort: its address, class and level" },
  kvm_access_fault: {
    does: "tells whose VM its thread is of",
    lacks: "the abort before it and the operation behind it tell the rest",
  },
  kvm_entry: { does: "ends an abort whose return has no line" },
  kvm_exit: {
    does: "tells that its thread is a vCPU",
    lacks: "time in the guest is what lies between aborts",
  },
  kvm_userspace_exit: { does: "tells an access to a device from a fault" },
  kvm_unmap_hva_range: {
    does: "tells that its thread ran an MMU notifier",
    lacks:
      "the unmap that follows has lines of its own; an abort that it sends back to the guest counts as an access of its own",
  },
  kvm_age_hva: { does: "tells that its thread ran an MMU notifier", lacks: "access flags stay set" },
  s2_abort: { does: "begins a fault: its exit ends here" },
  s2_abort_ret: { does: "ends a fault" },
  s2_map: { does: operation },
  s2_map_ret: { does: returned },
  s2_unmap: { does: operation },
  s2_unmap_ret: { does: returned },
  s2_wrprotect: { does: `${operation}; of a whole slot it begins an epoch` },
  s2_wrprotect_ret: { does: returned },
  s2_flush: { does: operation },
  s2_flush_ret: { does: returned },
  s2_relax_perms: { does: operation },
  s2_relax_perms_ret: { does: returned },
  s2_mkyoung: { does: operation },
  s2_split: { does: "takes the lock", lacks: "blocks stay whole" },
  s2_split_ret: { does: returned },
  s2_destroy: { does: "ends the table" },
  s2_destroy_ret: { does: returned },
  s2_break: { does: "begins the window of its walk" },
  s2_install: { does: "ends the window of its walk" },
  s2_teardown: { does: "begins a tear-down that a walk left to others" },
  s2_teardown_ret: { does: "ends it: what a walker takes that does it itself" },
  tlb_vmid: { does: "is a line inside its walk: what recording one costs" },
  tlb_vmid_ret: { does: "ends the flush of its walk: the rest is walk, clean and tear-down" },
  tlb_ipa: { does: "is the break of a split; between two of an unmap lies the clean of a leaf" },
  tlb_range: {
    does: "tells whose TLBs its thread invalidates",
    lacks: "its time is part of its operation's",
  },
  memslot: { does: "tells what is memory, and what of it is logged; begins an epoch" },
  memslot_ret: { does: "ends the change" },
  marker: { does: "begins or ends an epoch" },
  gap: { does: "makes the table unknown; begins an epoch" },
  lost_events: { does: "makes the table unknown, and whatever was under way incomplete" },
  guest_access: { does: "is one access of a described workload" },
  guest_access_run: { does: "is a run of them" },
  sched_switch: { does: "tells when its threads had no CPU", lacksOnOneCpu: othersTurns },
  sched_waking: { does: "tells from when on a thread that slept could run", lacksOnOneCpu: othersTurns },
};

/** The kinds of event in the trace that are partly ignored, with their lines, in the format's order. */
export function partlyIgnored(
  { byKind }: ReaderReport,
  onOneCpu: boolean,
): { readonly name: EventName; readonly lines: number; readonly lacks: string }[] {
  return eventNames.flatMap((name, kind) => {
    const { lacks, lacksOnOneCpu } = eventEffects[name];
    const left = onOneCpu ? (lacksOnOneCpu ?? lacks) : lacks;
    const lines = byKind[kind] ?? 0;
    return left === undefined || lines === 0 ? [] : [{ name, lines, lacks: left }];
  });
}
