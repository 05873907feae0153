import type { Granule } from "./granule.js";

/** A range of the guest's memory, by IPA and output address; NaN if the output address is unknown. */
interface Mapped {
  readonly ipa: number;
  readonly phys: number;
  bytes: number;
}

interface Cleaned {
  readonly phys: number;
  bytes: number;
}

/**
 * The memory that may be made visible to the guest: memory that the running operation cleaned, and memory that was
 * mapped at the same IPA when the operation began (and so had been cleaned). Memory that nothing maps may be dirty
 * again: the kernel cannot know.
 */
export class MemoryShadow {
  private readonly cleanedRanges: Cleaned[] = [];
  private readonly mapped: Mapped[] = [];

  constructor(private readonly granule: Granule) {}

  begin(): void {
    this.cleanedRanges.length = 0;
    this.mapped.length = 0;
  }

  cleaned(phys: number, bytes: number): void {
    const last = this.cleanedRanges.at(-1);
    if (last !== undefined && last.phys + last.bytes === phys) last.bytes += bytes;
    else this.cleanedRanges.push({ phys, bytes });
  }

  /** A leaf that was valid before the operation has been removed or changed. */
  wasMapped(ipa: number, phys: number, bytes: number): void {
    const last = this.mapped.at(-1);
    const follows =
      last !== undefined &&
      last.ipa + last.bytes === ipa &&
      (last.phys + last.bytes === phys || (Number.isNaN(last.phys) && Number.isNaN(phys)));
    if (follows) last.bytes += bytes;
    else this.mapped.push({ ipa, phys, bytes });
  }

  /** Counts the pages of a new leaf that were neither cleaned nor mapped before. */
  exposedPages(ipa: number, phys: number, bytes: number): number {
    let holes: [from: number, to: number][] = [[0, bytes]];
    // Newest first: it is nearly always the clean of this leaf.
    for (let i = this.cleanedRanges.length - 1; i >= 0 && holes.length > 0; i--) {
      const each = this.cleanedRanges[i] as Cleaned;
      holes = without(holes, each.phys - phys, each.phys - phys + each.bytes);
    }
    for (let i = this.mapped.length - 1; i >= 0 && holes.length > 0; i--) {
      const each = this.mapped[i] as Mapped;
      const isSame = Number.isNaN(each.phys) || each.phys - each.ipa === phys - ipa;
      if (isSame) holes = without(holes, each.ipa - ipa, each.ipa - ipa + each.bytes);
    }
    let pages = 0;
    for (const [from, to] of holes) pages += Math.ceil((to - from) / this.granule.pageBytes);
    return pages;
  }
}

/** Cuts [from, to) out of a list of ranges. */
function without(ranges: [number, number][], from: number, to: number): [number, number][] {
  if (to <= 0 || !ranges.some(([start, end]) => start < to && from < end)) return ranges;
  const rest: [number, number][] = [];
  for (const [start, end] of ranges) {
    if (start < Math.min(end, from)) rest.push([start, Math.min(end, from)]);
    if (end > Math.max(start, to)) rest.push([Math.max(start, to), end]);
  }
  return rest;
}
