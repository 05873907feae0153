import type { Granule } from "./granule.js";

/** Ids of uniform pages begin here: no table has so many other pages (2^21 last-level tables map 4 TiB). */
export const FIRST_UNIFORM_PAGE = 2 ** 21;

/** The entries of a uniform page after one of them was changed. */
interface OwnEntries {
  readonly los: Uint32Array;
  readonly his: Uint32Array;
}

/**
 * Table pages whose entries map contiguous memory with the same attributes. A replay makes hundreds of thousands of
 * them where it assumes pages to be mapped, and most are torn down unchanged. Each is kept as its first entry until it
 * is written to.
 */
export class UniformPages {
  private readonly los: number[] = [];
  private readonly his: number[] = [];
  private readonly counts: number[] = [];
  private readonly own = new Map<number, OwnEntries>();
  private readonly spare: number[] = [];

  constructor(private readonly granule: Granule) {}

  /** Allocates a full page, with one reference and one for each entry. */
  allocate(lo: number, hi: number): number {
    const index = this.spare.pop() ?? this.los.length;
    this.los[index] = lo;
    this.his[index] = hi;
    this.counts[index] = 1 + this.granule.entries;
    return FIRST_UNIFORM_PAGE + index;
  }

  recycle(page: number): void {
    const index = page - FIRST_UNIFORM_PAGE;
    this.own.delete(index);
    this.spare.push(index);
  }

  refsOf(page: number): number {
    return this.counts[page - FIRST_UNIFORM_PAGE] as number;
  }

  setRefs(page: number, refs: number): void {
    this.counts[page - FIRST_UNIFORM_PAGE] = refs;
  }

  lo(slot: number): number {
    const index = this.granule.pageOf(slot) - FIRST_UNIFORM_PAGE;
    const entry = this.granule.indexOf(slot);
    if (this.own.size > 0) {
      const own = this.own.get(index);
      if (own !== undefined) return own.los[entry] as number;
    }
    const lo = (this.los[index] as number) + entry * this.granule.pageBytes;
    return lo < 2 ** 32 ? lo : lo - 2 ** 32;
  }

  hi(slot: number): number {
    const index = this.granule.pageOf(slot) - FIRST_UNIFORM_PAGE;
    const entry = this.granule.indexOf(slot);
    if (this.own.size > 0) {
      const own = this.own.get(index);
      if (own !== undefined) return own.his[entry] as number;
    }
    const hi = this.his[index] as number;
    return (this.los[index] as number) + entry * this.granule.pageBytes < 2 ** 32 ? hi : hi + 1;
  }

  write(slot: number, lo: number, hi: number): void {
    const page = this.granule.pageOf(slot);
    const index = page - FIRST_UNIFORM_PAGE;
    let own = this.own.get(index);
    if (own === undefined) {
      const { entries } = this.granule;
      const first = this.granule.slotOf(page, 0);
      own = {
        los: Uint32Array.from({ length: entries }, (_, n) => this.lo(first + n)),
        his: Uint32Array.from({ length: entries }, (_, n) => this.hi(first + n)),
      };
      this.own.set(index, own);
    }
    own.los[this.granule.indexOf(slot)] = lo;
    own.his[this.granule.indexOf(slot)] = hi;
  }
}
