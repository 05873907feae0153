import { ZERO } from "../double.js";
import type { PageTable } from "../stage2/page-table.js";
import { isExecutable } from "../stage2/pte.js";
import type { Visit } from "../stage2/visit.js";

/** The request of a map operation, and its progress. The object is reused: a walker keeps it for one operation only. */
export class MapRequest {
  /** Output address of the next leaf. */
  phys = ZERO;
  prot = 0;

  constructor(private readonly table: PageTable) {}

  begin(phys: number, prot: number): void {
    this.phys = this.table.granule.pageBase(phys);
    this.prot = prot;
  }

  /**
   * Whether a leaf at this entry would map only what was asked for: its range is in the request, and both are aligned.
   */
  allowsLeafAt(visit: Visit): boolean {
    const { granule } = this.table;
    return (
      granule.allowsLeafAt(visit.level) &&
      granule.bytesAt(visit.level) <= visit.end - visit.ipa &&
      granule.isAligned(visit.ipa, visit.level) &&
      granule.isAligned(this.phys, visit.level)
    );
  }

  /** The leaf to store, as two halves. */
  leafLo(visit: Visit): number {
    return this.table.format.leafLo(this.phys, visit.level, this.prot);
  }

  leafHi(): number {
    return this.table.format.leafHi(this.phys, this.prot);
  }

  get isCacheable(): boolean {
    return this.table.format.isCacheable(this.table.format.leafLo(0, 3, this.prot));
  }

  get isExecutable(): boolean {
    return isExecutable(this.leafHi());
  }

  /** The leaf is stored: the next one maps the memory after it. */
  advance(visit: Visit): void {
    this.phys += visit.bytes;
  }
}
