import { ModelError } from "../errors.js";

/** The last level of every table; its entries map pages. */
export const LAST_LEVEL = 3;
/** Not a slot. */
export const NO_SLOT = -1;

const TWO_32 = 2 ** 32;

/** The architecture's page sizes and their shifts. */
const shiftOf: ReadonlyMap<number, number> = new Map([
  [4096, 12],
  [16384, 14],
  [65536, 16],
]);

/**
 * The shape of a stage-2 table. All address arithmetic is here.
 *
 * Addresses are numbers (52 bits). The operator `&` takes its operand modulo 2**32, which is exact for every integer
 * below 2**53, and drops the fraction: `(ipa / size) & mask` is an index at any level, although the quotient may exceed
 * 32 bits. No other bit operator is safe on an address.
 */
export class Granule {
  readonly pageBytes: number;
  readonly entries: number;
  /** Level at which the hardware starts: -1..2. */
  readonly startLevel: number;
  /** Concatenated tables at the start level: 1..16. */
  readonly rootPages: number;
  /** First IPA that the table cannot translate. */
  readonly limit: number;
  /** Lowest level at which an entry may be a leaf: 1 with 4 KiB pages, else 2. */
  readonly minLeafLevel: number;

  private readonly mask: number;
  private readonly entriesShift: number;
  // Indexed by level + 1, since levels start at -1.
  private readonly sizes = new Float64Array(LAST_LEVEL + 2);
  private readonly inverses = new Float64Array(LAST_LEVEL + 2);

  /**
   * Default `startLevel`: KVM's choice, as few levels as 16 concatenated root tables allow, but at least two.
   * @throws ModelError if the architecture has no such table
   */
  constructor(
    pageBytes: number,
    readonly iaBits: number,
    startLevel?: number,
  ) {
    const shift = shiftOf.get(pageBytes);
    if (shift === undefined) throw new ModelError(`no granule of ${pageBytes} bytes`);
    if (!Number.isInteger(iaBits) || iaBits < 32 || iaBits > 52)
      throw new ModelError(`no IPA of ${iaBits} bits`);
    const bits = shift - 3;
    this.pageBytes = pageBytes;
    this.entriesShift = bits;
    this.entries = 2 ** bits;
    this.mask = this.entries - 1;
    this.limit = 2 ** iaBits;
    this.minLeafLevel = pageBytes === 4096 ? 1 : 2;
    for (let level = -1; level <= LAST_LEVEL; level++) {
      this.sizes[level + 1] = 2 ** (shift + bits * (LAST_LEVEL - level));
      this.inverses[level + 1] = 1 / this.bytesAt(level);
    }
    const levels = Math.max(2, Math.floor((iaBits - 8) / bits));
    this.startLevel = startLevel ?? LAST_LEVEL + 1 - levels;
    this.rootPages = Math.max(1, this.limit / (this.bytesAt(this.startLevel) * this.entries));
    if (this.startLevel < -1 || this.startLevel > 2 || this.rootPages > 16)
      throw new ModelError(
        `no table of ${iaBits} bits with ${pageBytes}-byte pages starts at level ${this.startLevel}`,
      );
  }

  /** Bytes that one entry at this level covers. */
  bytesAt(level: number): number {
    return this.sizes[level + 1]!;
  }

  /** Index of the entry for `ipa` in its table at this level. */
  indexAt(ipa: number, level: number): number {
    return (ipa * this.inverses[level + 1]!) & this.mask;
  }

  /** Index of the entry for `ipa` in the concatenated root tables. */
  rootIndex(ipa: number): number {
    return Math.floor(ipa * this.inverses[this.startLevel + 1]!);
  }

  /** Base of the range that the entry for `ipa` covers at this level. */
  baseAt(ipa: number, level: number): number {
    return Math.floor(ipa * this.inverses[level + 1]!) * this.sizes[level + 1]!;
  }

  isAligned(address: number, level: number): boolean {
    const quotient = address * this.inverses[level + 1]!;
    return Math.floor(quotient) === quotient;
  }

  pageBase(address: number): number {
    return this.baseAt(address, LAST_LEVEL);
  }

  /** The page boundary at or above `address`. */
  pageCeil(address: number): number {
    return Math.ceil(address * this.inverses[LAST_LEVEL + 1]!) * this.pageBytes;
  }

  /** Whether an entry at this level may be a block or page. */
  allowsLeafAt(level: number): boolean {
    return level >= this.minLeafLevel;
  }

  /** Slot of an entry; `pageOf` and `indexOf` invert it. */
  slotOf(page: number, index: number): number {
    return page * this.entries + index;
  }

  pageOf(slot: number): number {
    return slot >>> this.entriesShift;
  }

  indexOf(slot: number): number {
    return slot & this.mask;
  }
}

/** The two halves of an address in a PTE; `joinHalves` inverts them. */
export function lowHalf(address: number): number {
  return address >>> 0;
}

export function highHalf(address: number): number {
  return Math.floor(address / TWO_32);
}

export function joinHalves(lo: number, hi: number): number {
  return hi * TWO_32 + (lo >>> 0);
}
