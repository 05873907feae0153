/**
 * Which aborts are not memory faults. kvm_handle_guest_abort takes all aborts alike; the ones outside the
 * memslots are device accesses, emulated by the VMM or in the kernel, and map nothing.
 */

import { NO_RET } from "../trace/event.js";

/** What showed that an abort was MMIO. The first that holds decides. */
export const MmioRule = {
  /** It was none, as far as the trace tells. */
  none: 0,
  /** All of the VM's memslots are known, and it lies in none. */
  slots: 1,
  /** The handler answered 0: the rest is the VMM's. In a slot too: a write to a read-only one. */
  answer: 2,
  /** The thread went back to its VMM with KVM_EXIT_MMIO, or with KVM_EXIT_ARM_NISV. */
  userspaceExit: 3,
  /** No slots are known, maps are traced, and none came, nor was the access tried again. */
  noMap: 4,
} as const;
export type MmioRule = (typeof MmioRule)[keyof typeof MmioRule];

/** Exit reasons (include/uapi/linux/kvm.h) by which an access is left to the VMM: as the tracepoint prints them, or as numbers. */
export function isMmioExit(reason: string): boolean {
  return /^(KVM_EXIT_)?(MMIO|ARM_NISV)\b/.test(reason) || reason === "6" || reason === "28";
}

/** What the fold knows of an abort that nothing was mapped for. */
export interface BareAbort {
  /** Low 32 bits of ESR_EL2. */
  readonly esr: number;
  /** Answer of the handler, or NO_RET. */
  readonly ret: number;
  /** In a slot; undefined where not all slots are known. */
  readonly isMemory: boolean | undefined;
  readonly leftToVmm: boolean;
  /** Map operations are traced, and nothing of this abort was lost. */
  readonly wouldShowMap: boolean;
}

/** What makes an abort without an operation MMIO. `noMap` is provisional: the access tried again may still be mapped. */
export function mmioRule({ esr, ret, isMemory, leftToVmm, wouldShowMap }: BareAbort): MmioRule {
  if (isMemory === false) return MmioRule.slots;
  if (ret === 0) return MmioRule.answer;
  if (leftToVmm) return MmioRule.userspaceExit;
  // A permission or access-flag abort met a leaf: that is memory.
  const unmapped = isMemory === undefined && isTranslation(esr);
  return unmapped && wouldShowMap && (ret === NO_RET || ret === 1) ? MmioRule.noMap : MmioRule.none;
}

/** DFSC 0b0001xx, or 0b101011 for level -1. */
function isTranslation(esr: number): boolean {
  const status = esr % 64;
  return status === 0x2b || Math.floor(status / 4) === 1;
}
