/**
 * Decides which aborts are not memory faults. kvm_handle_guest_abort handles all aborts; those outside the memslots are
 * device accesses, emulated by the VMM or in the kernel, and map nothing.
 */

import { NO_RET } from "../trace/event.js";

/** What showed that an abort was MMIO. The first rule that holds decides. */
export const MmioRule = {
  /** Not MMIO, as far as the trace shows. */
  none: 0,
  /** All of the VM's memslots are known, and the address is in none. */
  slots: 1,
  /** The handler returned 0: the VMM does the rest. This may be in a slot: a write to a read-only one. */
  answer: 2,
  /** The thread returned to its VMM with KVM_EXIT_MMIO or KVM_EXIT_ARM_NISV. */
  userspaceExit: 3,
  /** No slots are known, maps are traced, none came, and the access was not retried. */
  noMap: 4,
} as const;
export type MmioRule = (typeof MmioRule)[keyof typeof MmioRule];

/** Exit reasons (include/uapi/linux/kvm.h) that leave an access to the VMM, by the tracepoint's names or as numbers. */
export function isMmioExit(reason: string): boolean {
  return /^(KVM_EXIT_)?(MMIO|ARM_NISV)\b/.test(reason) || reason === "6" || reason === "28";
}

/** What the fold knows of an abort without an operation. */
export interface BareAbort {
  /** Low 32 bits of ESR_EL2. */
  readonly esr: number;
  /** Return value of the handler, or NO_RET. */
  readonly ret: number;
  /** Whether it is in a slot; undefined if not all slots are known. */
  readonly isMemory: boolean | undefined;
  readonly leftToVmm: boolean;
  /** Map operations are traced, and nothing of this abort was lost. */
  readonly wouldShowMap: boolean;
}

/** The rule by which an abort without an operation is MMIO. `noMap` is provisional: a retry may still be mapped. */
export function mmioRule({ esr, ret, isMemory, leftToVmm, wouldShowMap }: BareAbort): MmioRule {
  if (isMemory === false) return MmioRule.slots;
  if (ret === 0) return MmioRule.answer;
  if (leftToVmm) return MmioRule.userspaceExit;
  // A permission or access-flag abort hit a leaf, so it is on memory.
  const unmapped = isMemory === undefined && isTranslation(esr);
  return unmapped && wouldShowMap && (ret === NO_RET || ret === 1) ? MmioRule.noMap : MmioRule.none;
}

/** DFSC 0b0001xx, or 0b101011 for level -1. */
function isTranslation(esr: number): boolean {
  const status = esr % 64;
  return status === 0x2b || Math.floor(status / 4) === 1;
}
