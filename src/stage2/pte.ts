import { type Granule, highHalf, joinHalves, LAST_LEVEL, lowHalf } from "./granule.js";

/** Permissions and memory type of a mapping: the bits of the kernel's enum kvm_pgtable_prot. */
export const Prot = { X: 1, W: 2, R: 4, DEVICE: 8 } as const;

/**
 * A PTE is two unsigned 32-bit halves, `lo` and `hi`, encoded like the Arm ARM's stage-2 descriptors. Below are the
 * bits of `lo`, then those of `hi`.
 */
const VALID = 1 << 0;
/** Set in tables (levels up to 2) and pages (level 3); clear in a block. */
const TYPE = 1 << 1;
const MEMATTR = 0xf << 2;
const MEMATTR_DEVICE = 0x1 << 2;
const MEMATTR_NORMAL = 0xf << 2;
/** With FWB the field has another meaning: Normal write-back, whatever the stage-1 attributes. */
const MEMATTR_NORMAL_FWB = 0x6 << 2;
export const S2AP_R = 1 << 6;
export const S2AP_W = 1 << 7;
const SH_INNER = 3 << 8;
export const AF = 1 << 10;
export const XN_HI = 1 << 22;

/** Table page N is at this address + N pages. Nothing else reads these addresses. */
const TABLES_PA_HI = 0x7e00;
const ADDRESS_HI = 0xffff;

export function isValid(lo: number): boolean {
  return (lo & VALID) !== 0;
}

export function isTable(lo: number, level: number): boolean {
  return (lo & (VALID | TYPE)) === (VALID | TYPE) && level < LAST_LEVEL;
}

export function isLeaf(lo: number, level: number): boolean {
  return isValid(lo) && !isTable(lo, level);
}

function isReadable(lo: number): boolean {
  return (lo & S2AP_R) !== 0;
}

function isWritable(lo: number): boolean {
  return (lo & S2AP_W) !== 0;
}

export function isExecutable(hi: number): boolean {
  return (hi & XN_HI) === 0;
}

export function isAccessed(lo: number): boolean {
  return (lo & AF) !== 0;
}

/** Whether a valid leaf permits an access, access flag aside. An instruction fetch needs read permission too. */
export function permits(lo: number, hi: number, write: boolean, exec: boolean): boolean {
  if (!isReadable(lo)) return false;
  if (write && !isWritable(lo)) return false;
  return !exec || isExecutable(hi);
}

/** Whether two leaves differ only in permissions. */
export function differsInPermissionsOnly(lo: number, hi: number, otherLo: number, otherHi: number): boolean {
  return ((lo ^ otherLo) & ~(S2AP_R | S2AP_W)) === 0 && ((hi ^ otherHi) & ~XN_HI) === 0;
}

/** Bits 55 to 58 are for software; 51 (dirty bit modifier) and 53, 54 (execute-never) are permissions. */
const IN_PLACE_HI = (0xf << 23) | (3 << 21) | (1 << 19);

/**
 * Whether one store may change a valid entry to this other valid one: permissions, access flag and software bits may
 * change; everything else needs break-before-make.
 */
export function mayChangeInPlace(
  level: number,
  lo: number,
  hi: number,
  newLo: number,
  newHi: number,
): boolean {
  if (isTable(lo, level) || isTable(newLo, level)) return lo === newLo && hi === newHi;
  return ((lo ^ newLo) & ~(S2AP_R | S2AP_W | AF)) === 0 && ((hi ^ newHi) & ~IN_PLACE_HI) === 0;
}

/** Whether the new leaf permits an access that the old one does not. */
export function grantsMore(lo: number, hi: number, newLo: number, newHi: number): boolean {
  return (newLo & ~lo & (S2AP_R | S2AP_W)) !== 0 || (isExecutable(newHi) && !isExecutable(hi));
}

/** Whether a mapping asks for executable device memory. */
export function isContradictory(prot: number): boolean {
  return (prot & Prot.DEVICE) !== 0 && (prot & Prot.X) !== 0;
}

/** The descriptor format of one machine: where attributes and addresses are. */
export class PteFormat {
  private readonly normal: number;
  private readonly addressLo: number;
  private readonly pagesPer4Gib: number;
  private readonly pageShift: number;
  /** Bits 51:48 of an address are in bits 15:12 (64 KiB pages). */
  private readonly folds48: boolean;
  /** With 52-bit addresses and smaller pages, bits 51:50 take the place of the shareability field. */
  private readonly folds50: boolean;

  constructor(
    granule: Granule,
    readonly fwb: boolean,
  ) {
    this.normal = fwb ? MEMATTR_NORMAL_FWB : MEMATTR_NORMAL;
    this.addressLo = ~(granule.pageBytes - 1);
    this.pageShift = Math.log2(granule.pageBytes);
    this.pagesPer4Gib = 2 ** (32 - this.pageShift);
    this.folds48 = granule.pageBytes === 65536;
    this.folds50 = !this.folds48 && granule.iaBits > 48;
  }

  leafLo(phys: number, level: number, prot: number): number {
    let lo = VALID | AF | (prot & Prot.DEVICE ? MEMATTR_DEVICE : this.normal);
    if (level === LAST_LEVEL) lo |= TYPE;
    if (prot & Prot.R) lo |= S2AP_R;
    if (prot & Prot.W) lo |= S2AP_W;
    const top = highHalf(phys) >>> 16;
    if (this.folds48) lo |= top << 12;
    lo |= this.folds50 ? (top >>> 2) << 8 : SH_INNER;
    return (lo | (lowHalf(phys) & this.addressLo)) >>> 0;
  }

  leafHi(phys: number, prot: number): number {
    const address = highHalf(phys) & (this.folds50 ? 0x3ffff : ADDRESS_HI);
    return prot & Prot.X ? address : address | XN_HI;
  }

  /** Output address of a leaf. */
  physOf(lo: number, hi: number): number {
    let top = 0;
    if (this.folds48) top = (lo >>> 12) & 0xf;
    if (this.folds50) top = ((hi >>> 16) & 3) | (((lo >>> 8) & 3) << 2);
    return joinHalves(lo & this.addressLo, (hi & ADDRESS_HI) | (top << 16));
  }

  protOf(lo: number, hi: number): number {
    return (
      (isReadable(lo) ? Prot.R : 0) |
      (isWritable(lo) ? Prot.W : 0) |
      (isExecutable(hi) ? Prot.X : 0) |
      ((lo & MEMATTR) === MEMATTR_DEVICE ? Prot.DEVICE : 0)
    );
  }

  isCacheable(lo: number): boolean {
    return (lo & MEMATTR) === this.normal;
  }

  tableLo(page: number): number {
    return ((page << this.pageShift) | TYPE | VALID) >>> 0;
  }

  tableHi(page: number): number {
    return TABLES_PA_HI + Math.floor(page / this.pagesPer4Gib);
  }

  /** The table page that an entry points to, also after the entry lost its valid bit. */
  childOf(lo: number, hi: number): number {
    return ((hi & ADDRESS_HI) - TABLES_PA_HI) * this.pagesPer4Gib + (lo >>> this.pageShift);
  }
}
