import { ModelError, UnallocatedPageError } from "../errors.js";
import { type Granule, LAST_LEVEL, NO_SLOT } from "./granule.js";
import { isTable, isValid, PteFormat } from "./pte.js";
import { FIRST_UNIFORM_PAGE, UniformPages } from "./uniform-pages.js";

/** Not a table page. Ids count from 1, beginning with the concatenated root pages. */
export const NO_PAGE = 0;

/**
 * Where a walk for one IPA ends. The caller owns and reuses it. `slot` is NO_SLOT and the entry 0 if the IPA lies
 * outside the table (or the table was destroyed).
 */
export class Translation {
  level = 0;
  slot = NO_SLOT;
  lo = 0;
  hi = 0;
}

/** The old values of entries whose stores a walker cannot see yet at this time. */
export interface Overlay {
  /** Index of this entry's old value, or -1. */
  find(slot: number): number;
  lo(index: number): number;
  hi(index: number): number;
}

/**
 * A sparse stage-2 table: pages of PTEs with their reference counts. An entry is named by its slot, `page * entries +
 * index`. Nothing here is charged or reported; ops.ts does that.
 *
 * A page's count is 1 plus its valid entries, as in the kernel; the code that changes entries must keep the count. A
 * freed page goes to limbo, where its contents stay readable, until `endOperation`.
 */
export class PageTable {
  readonly format: PteFormat;
  /** Slot of the first root entry; the concatenated root pages are contiguous. */
  readonly rootSlot: number;

  private los: Uint32Array;
  private his: Uint32Array;
  private refs: Int32Array;
  private nextPage: number;
  private readonly uniform: UniformPages;
  private readonly uniformSlot: number;
  private readonly spare: number[] = [];
  private readonly limbo: number[] = [];
  private pagesLive = 0;
  private dead = false;

  /**
   * @param recycles whether ids of freed pages are reused, which bounds memory by live pages. If not, ids are
   *   sequential over the table's life, as in a kernel log.
   */
  constructor(
    readonly granule: Granule,
    fwb: boolean,
    private readonly recycles = true,
  ) {
    this.format = new PteFormat(granule, fwb);
    this.uniform = new UniformPages(granule);
    this.uniformSlot = granule.slotOf(FIRST_UNIFORM_PAGE, 0);
    const capacity = granule.rootPages + 4;
    this.los = new Uint32Array(capacity * granule.entries);
    this.his = new Uint32Array(capacity * granule.entries);
    this.refs = new Int32Array(capacity);
    this.nextPage = 1;
    for (let i = 0; i < granule.rootPages; i++) this.allocate();
    this.rootSlot = granule.slotOf(1, 0);
  }

  lo(slot: number): number {
    return slot < this.uniformSlot ? this.los[slot]! : this.uniform.lo(slot);
  }

  hi(slot: number): number {
    return slot < this.uniformSlot ? this.his[slot]! : this.uniform.hi(slot);
  }

  write(slot: number, lo: number, hi: number): void {
    if (slot >= this.uniformSlot) {
      this.uniform.write(slot, lo, hi);
      return;
    }
    this.los[slot] = lo;
    this.his[slot] = hi;
  }

  /** Table pages that exist, root pages included. */
  get livePages(): number {
    return this.pagesLive;
  }

  /** All page ids allocated so far are below this, except uniform pages. */
  get pageLimit(): number {
    return this.nextPage;
  }

  refsOf(page: number): number {
    return page < FIRST_UNIFORM_PAGE ? this.refs[page]! : this.uniform.refsOf(page);
  }

  childOf(lo: number, hi: number): number {
    return this.format.childOf(lo, hi);
  }

  /** Allocates an empty page with one reference. */
  allocate(): number {
    let page = this.spare.pop();
    if (page === undefined) {
      page = this.nextPage++;
      if (page >= this.refs.length) this.grow();
    } else {
      const first = this.granule.slotOf(page, 0);
      this.los.fill(0, first, first + this.granule.entries);
      this.his.fill(0, first, first + this.granule.entries);
    }
    this.refs[page] = 1;
    this.pagesLive++;
    return page;
  }

  /** @returns the new count */
  get(page: number): number {
    const refs = this.refsOf(page) + 1;
    this.setRefs(page, refs);
    return refs;
  }

  /** Drops a reference; the last one frees the page. @returns the new count */
  put(page: number): number {
    const refs = this.refsOf(page) - 1;
    if (!(refs >= 0)) throw new UnallocatedPageError(page);
    this.setRefs(page, refs);
    if (refs === 0) {
      this.pagesLive--;
      this.limbo.push(page);
    }
    return refs;
  }

  private setRefs(page: number, refs: number): void {
    if (page < FIRST_UNIFORM_PAGE) this.refs[page] = refs;
    else this.uniform.setRefs(page, refs);
  }

  /** Lets pages freed so far be reused. Call it when nothing needs the old contents of this operation any more. */
  endOperation(): void {
    if (this.limbo.length === 0) return;
    if (this.recycles)
      for (const page of this.limbo) {
        if (page < FIRST_UNIFORM_PAGE) this.spare.push(page);
        else this.uniform.recycle(page);
      }
    this.limbo.length = 0;
  }

  /** Marks the root pages as freed: every IPA is out of range from now on. */
  retire(): void {
    this.dead = true;
  }

  get retired(): boolean {
    return this.dead;
  }

  /** The entry for `ipa` at exactly this level; NO_SLOT if no table leads there. */
  slotAt(ipa: number, level: number): number {
    const { granule } = this;
    let slot = this.rootSlot + granule.rootIndex(ipa);
    for (let at = granule.startLevel; at < level; at++) {
      if (!isTable(this.lo(slot), at)) return NO_SLOT;
      slot = granule.slotOf(this.childOf(this.lo(slot), this.hi(slot)), granule.indexAt(ipa, at + 1));
    }
    return slot;
  }

  /**
   * Uncharged: the next `count` entries after this page entry map the memory that follows, with the same attributes.
   */
  repeatPage(slot: number, count: number): void {
    const prot = this.format.protOf(this.lo(slot), this.hi(slot));
    const phys = this.format.physOf(this.lo(slot), this.hi(slot));
    const page = this.granule.pageOf(slot);
    for (let n = 1; n <= count; n++) {
      const to = phys + n * this.granule.pageBytes;
      if (!isValid(this.lo(slot + n))) this.get(page);
      this.write(slot + n, this.format.leafLo(to, LAST_LEVEL, prot), this.format.leafHi(to, prot));
    }
  }

  /**
   * Uncharged: gives the empty entry after this full table's entry a table of its own, which maps the memory that
   * follows with the same attributes: all of it if `isFull`, else the first page. @returns the new table's page
   */
  repeatTable(slot: number, isFull: boolean): number {
    const { granule, format } = this;
    const last = granule.slotOf(this.childOf(this.lo(slot), this.hi(slot)), granule.entries - 1);
    const prot = format.protOf(this.lo(last), this.hi(last));
    const phys = format.physOf(this.lo(last), this.hi(last)) + granule.pageBytes;
    const lo = format.leafLo(phys, LAST_LEVEL, prot);
    const hi = format.leafHi(phys, prot);
    let page: number;
    if (isFull) {
      page = this.uniform.allocate(lo, hi);
      this.pagesLive++;
    } else {
      page = this.allocate();
      this.write(granule.slotOf(page, 0), lo, hi);
      this.get(page);
    }
    this.write(slot + 1, format.tableLo(page), format.tableHi(page));
    this.get(granule.pageOf(slot));
    return page;
  }

  /** Does the hardware's walk for `ipa`, which ends at an invalid entry or a leaf. */
  translate(ipa: number, out: Translation, overlay?: Overlay): void {
    const granule = this.granule;
    let level = granule.startLevel;
    if (this.dead || !(ipa < granule.limit)) {
      out.level = level;
      out.slot = NO_SLOT;
      out.lo = 0;
      out.hi = 0;
      return;
    }
    let slot = this.rootSlot + granule.rootIndex(ipa);
    for (;;) {
      let lo = this.lo(slot);
      let hi = this.hi(slot);
      if (overlay !== undefined) {
        const index = overlay.find(slot);
        if (index >= 0) {
          lo = overlay.lo(index);
          hi = overlay.hi(index);
        }
      }
      if (!isTable(lo, level)) {
        out.level = level;
        out.slot = slot;
        out.lo = lo;
        out.hi = hi;
        return;
      }
      level++;
      slot = granule.slotOf(this.format.childOf(lo, hi), granule.indexAt(ipa, level));
    }
  }

  /**
   * Inference, uncharged: makes the walk for `ipa` end at an invalid entry of exactly `level`. Missing tables are
   * allocated, a leaf on the way becomes an empty table, and what the entry held is removed with all tables below.
   * @returns whether anything changed
   */
  resync(ipa: number, level: number): boolean {
    const [slot, changed] = this.descend(ipa, level);
    if (!isValid(this.lo(slot))) return changed;
    this.clear(slot, level);
    return true;
  }

  /**
   * Inference, uncharged: makes the walk for `ipa` end at this leaf. `phys` may be any address in the leaf.
   * @returns whether anything changed
   */
  plantLeaf(ipa: number, level: number, phys: number, prot: number): boolean {
    if (!this.granule.allowsLeafAt(level)) throw new ModelError(`no leaf can stand at level ${level}`);
    const base = this.granule.baseAt(phys, level);
    const lo = this.format.leafLo(base, level, prot);
    const hi = this.format.leafHi(base, prot);
    const [slot, changed] = this.descend(ipa, level);
    if (this.lo(slot) === lo && this.hi(slot) === hi) return changed;
    if (isValid(this.lo(slot))) this.clear(slot, level);
    this.write(slot, lo, hi);
    this.get(this.granule.pageOf(slot));
    return true;
  }

  /** Allocates missing tables down to `level`. @returns the entry there, and whether anything changed */
  private descend(ipa: number, level: number): [slot: number, changed: boolean] {
    const granule = this.granule;
    if (this.dead || !(ipa < granule.limit) || level < granule.startLevel || level > LAST_LEVEL)
      throw new ModelError(`the table has no entry of level ${level} for IPA 0x${ipa.toString(16)}`);
    let changed = false;
    let slot = this.rootSlot + granule.rootIndex(ipa);
    for (let at = granule.startLevel; at < level; at++) {
      if (!isTable(this.lo(slot), at)) {
        if (isValid(this.lo(slot))) this.clear(slot, at);
        const page = this.allocate();
        this.write(slot, this.format.tableLo(page), this.format.tableHi(page));
        this.get(granule.pageOf(slot));
        changed = true;
      }
      const child = this.childOf(this.lo(slot), this.hi(slot));
      slot = granule.slotOf(child, granule.indexAt(ipa, at + 1));
    }
    return [slot, changed];
  }

  /** Empties a valid entry and frees the tables below it. */
  private clear(slot: number, level: number): void {
    if (isTable(this.lo(slot), level)) {
      const child = this.childOf(this.lo(slot), this.hi(slot));
      const first = this.granule.slotOf(child, 0);
      for (let i = 0; i < this.granule.entries; i++)
        if (isValid(this.lo(first + i))) this.clear(first + i, level + 1);
      this.put(child);
    }
    this.write(slot, 0, 0);
    this.put(this.granule.pageOf(slot));
  }

  private grow(): void {
    const pages = this.refs.length * 2;
    const los = new Uint32Array(pages * this.granule.entries);
    const his = new Uint32Array(pages * this.granule.entries);
    const refs = new Int32Array(pages);
    los.set(this.los);
    his.set(this.his);
    refs.set(this.refs);
    this.los = los;
    this.his = his;
    this.refs = refs;
  }
}
