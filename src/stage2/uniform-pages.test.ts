/** A table that is kept as its first entry is a table like any other. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Granule } from "./granule.js";
import { PageTable, Translation } from "./page-table.js";
import { FIRST_UNIFORM_PAGE } from "./uniform-pages.js";

const MIB2 = 2 ** 21;
const PAGE = 4096;

/** A table of pages at 0 that map memory from `phys` on, and one behind it that repeats it. */
function tables(phys: number, prot: number): { pages: PageTable; slot: number; repeated: number } {
  const pages = new PageTable(new Granule(PAGE, 40), false);
  pages.plantLeaf(0, 3, phys, prot);
  pages.repeatPage(pages.slotAt(0, 3), 511);
  const slot = pages.slotAt(0, 2);
  return { pages, slot, repeated: pages.repeatTable(slot, true) };
}

const shown = (pages: PageTable, ipa: number) => {
  const found = new Translation();
  pages.translate(ipa, found);
  const { format } = pages;
  return [found.level, format.physOf(found.lo, found.hi), format.protOf(found.lo, found.hi)];
};

// Behind the last 4 GiB boundary the low half of the address carries into the high one.
const starts = fc.constantFrom(0, MIB2, 2 ** 32 - MIB2 - 5 * PAGE, 2 ** 32 - 100 * PAGE, 2 ** 40);

describe("a uniform page", () => {
  it("maps each page as a table filled entry by entry does", () => {
    fc.assert(
      fc.property(starts, fc.constantFrom(4, 6, 7), fc.nat(511), (phys, prot, n) => {
        const { pages, repeated } = tables(phys, prot);
        expect(repeated).toBeGreaterThanOrEqual(FIRST_UNIFORM_PAGE);
        expect(pages.refsOf(repeated)).toBe(513);
        expect(shown(pages, n * PAGE)).toEqual([3, phys + n * PAGE, prot]);
        expect(shown(pages, MIB2 + n * PAGE)).toEqual([3, phys + MIB2 + n * PAGE, prot]);
      }),
    );
  });

  it("may be written: the other entries stay as they were", () => {
    fc.assert(
      fc.property(starts, fc.array(fc.nat(511), { minLength: 1, maxLength: 9 }), (phys, written) => {
        const { pages } = tables(phys, 6);
        for (const n of written) pages.write(pages.slotAt(MIB2 + n * PAGE, 3), 0, 0);
        for (let n = 0; n < 512; n++)
          expect(shown(pages, MIB2 + n * PAGE)).toEqual(
            written.includes(n) ? [3, 0, 1] : [3, phys + MIB2 + n * PAGE, 6],
          );
      }),
    );
  });

  it("is freed by its last reference, and its id used again", () => {
    const { pages, slot, repeated } = tables(0, 6);
    const live = pages.livePages;
    pages.write(slot + 1, 0, 0);
    for (let n = 0; n < 513; n++) pages.put(repeated);
    expect(pages.livePages).toBe(live - 1);
    pages.endOperation();
    expect(pages.repeatTable(slot, true)).toBe(repeated);
    expect(shown(pages, MIB2 + 7 * PAGE)).toEqual([3, MIB2 + 7 * PAGE, 6]);
  });
});
