/** Decodes the ESR of a stage-2 abort. Nothing is allocated: every argument and result is a number or a boolean. */

/** Class of an abort, from its fault status code. */
export const FaultClass = {
  translation: 0,
  accessFlag: 1,
  permission: 2,
  external: 3,
  tlbConflict: 4,
  other: 5,
} as const;
export type FaultClass = (typeof FaultClass)[keyof typeof FaultClass];

/** Level of an abort whose status code does not give one. */
export const UNKNOWN_LEVEL = -2;

const EC_INSTRUCTION_ABORT = 0x20;
const EC_DATA_ABORT = 0x24;
const WNR = 1 << 6;
const S1PTW = 1 << 7;
const CM = 1 << 8;
/** Level -1 exists only with 52-bit input addresses, and its status codes are separate. */
const TRANSLATION_LEVEL_MINUS_1 = 0x2b;

// ESR has fields above bit 31 (ISS2), so a number here may exceed 32 bits. Bit operators take it modulo 2**32, which
// leaves the low word, where all fields below are.

function exceptionClass(esr: number): number {
  return (esr >>> 26) & 0x3f;
}

/** An instruction or data abort from a lower exception level. */
export function isGuestAbort(esr: number): boolean {
  const ec = exceptionClass(esr);
  return ec === EC_DATA_ABORT || ec === EC_INSTRUCTION_ABORT;
}

export function faultClass(esr: number): FaultClass {
  const status = esr & 0x3f;
  if (status === TRANSLATION_LEVEL_MINUS_1) return FaultClass.translation;
  switch (status >>> 2) {
    case 1:
      return FaultClass.translation;
    case 2:
      return FaultClass.accessFlag;
    case 3:
      return FaultClass.permission;
    case 4: // synchronous external abort; from 0x14 on, during a table walk
    case 5:
    case 6: // the same for parity or ECC errors
    case 7:
      return FaultClass.external;
    case 12:
      return status === 0x30 ? FaultClass.tlbConflict : FaultClass.other;
    default:
      return FaultClass.other;
  }
}

/** The ESR of a data abort with a level-3 translation fault, for an access that only the replay knows of. */
export function dataAbort(write: boolean): number {
  return EC_DATA_ABORT * 2 ** 26 + (write ? WNR : 0) + 7;
}

/** Level at which the walk ended, -1..3, or UNKNOWN_LEVEL. */
export function faultLevel(esr: number): number {
  const status = esr & 0x3f;
  if (status === TRANSLATION_LEVEL_MINUS_1) return -1;
  const group = status >>> 2;
  if ((group >= 1 && group <= 3) || group === 5 || group === 7) return status & 3;
  return UNKNOWN_LEVEL;
}

/** A cache maintenance operation sets WnR but needs no write permission. */
export function isWrite(esr: number): boolean {
  return exceptionClass(esr) === EC_DATA_ABORT && (esr & (WNR | CM)) === WNR;
}

export function isExec(esr: number): boolean {
  return exceptionClass(esr) === EC_INSTRUCTION_ABORT;
}

/** The access was the guest's own table walk. */
export function isGuestTableWalk(esr: number): boolean {
  return (esr & S1PTW) !== 0;
}

export function isCacheMaintenance(esr: number): boolean {
  return exceptionClass(esr) === EC_DATA_ABORT && (esr & CM) !== 0;
}
