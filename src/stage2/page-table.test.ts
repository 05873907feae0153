import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelError, StrategyError } from "../errors.js";
import { Granule, NO_SLOT } from "./granule.js";
import { type Overlay, PageTable, Translation } from "./page-table.js";
import { isTable, isValid } from "./pte.js";

const GIB = 2 ** 30;
const MIB2 = 2 ** 21;

function table(pageBytes = 4096, iaBits = 40, recycles = true): PageTable {
  return new PageTable(new Granule(pageBytes, iaBits), false, recycles);
}

/** `level`, then the leaf's output address and permissions or `-`. */
function look(pages: PageTable, ipa: number, overlay?: Overlay): string {
  const found = new Translation();
  pages.translate(ipa, found, overlay);
  const { format } = pages;
  if (!isValid(found.lo)) return `${found.level} -`;
  return `${found.level} 0x${format.physOf(found.lo, found.hi).toString(16)} ${format.protOf(found.lo, found.hi)}`;
}

/** Pages that can be reached; throws where a count is wrong. */
function audit(pages: PageTable): number {
  const { granule } = pages;
  const below = (page: number, level: number): number => {
    let entries = 0;
    let reached = 1;
    for (let i = 0; i < granule.entries; i++) {
      const slot = granule.slotOf(page, i);
      const [lo, hi] = [pages.lo(slot), pages.hi(slot)];
      if (isValid(lo)) entries++;
      if (isTable(lo, level)) reached += below(pages.childOf(lo, hi), level + 1);
    }
    expect(pages.refsOf(page)).toBe(entries + 1);
    return reached;
  };
  let reached = 0;
  for (let i = 0; i < granule.rootPages; i++)
    reached += below(granule.pageOf(pages.rootSlot) + i, granule.startLevel);
  return reached;
}

describe("inference", () => {
  test("a level-3 fault means that tables lead down to level 3", () => {
    const pages = table();
    expect(look(pages, GIB)).toBe("1 -");
    expect(pages.resync(GIB, 3)).toBe(true);
    expect(look(pages, GIB)).toBe("3 -");
    expect(pages.resync(GIB, 3)).toBe(false);
    expect(pages.livePages).toBe(4);
  });

  test("a block on the way becomes an empty table", () => {
    const pages = table();
    pages.plantLeaf(GIB, 1, GIB, 7);
    expect(look(pages, GIB + 17 * MIB2)).toBe("1 0x40000000 7");
    pages.resync(GIB + MIB2, 3);
    expect([look(pages, GIB + MIB2), look(pages, GIB)]).toEqual(["3 -", "2 -"]);
    audit(pages);
  });

  test("what an entry held is removed with all below", () => {
    const pages = table();
    pages.plantLeaf(GIB, 3, 0x9000, 7);
    pages.plantLeaf(GIB + MIB2, 2, 0x200000, 7);
    pages.resync(GIB, 1);
    expect(look(pages, GIB)).toBe("1 -");
    expect(pages.livePages).toBe(2);
  });

  test("a planted leaf is found, and planting it again changes nothing", () => {
    const pages = table();
    expect(pages.plantLeaf(GIB + 0x123, 2, 0x4abcde, 6)).toBe(true);
    expect(look(pages, GIB + 4096)).toBe("2 0x400000 6");
    expect(pages.plantLeaf(GIB, 2, 0x400000, 6)).toBe(false);
    expect(pages.plantLeaf(GIB, 2, 0x400000, 4)).toBe(true);
    audit(pages);
  });

  test.each([
    [GIB, 0],
    [GIB, 4],
    [2 ** 40, 2],
  ])("IPA %i has no entry of level %i", (ipa, level) => {
    expect(() => table().resync(ipa, level)).toThrow(ModelError);
  });

  test("no leaf stands where the format has none", () => {
    expect(() => table(16384).plantLeaf(0, 1, 0, 7)).toThrow(ModelError);
  });

  test.each([
    [4096, 40],
    [4096, 48],
    [4096, 52],
    [16384, 40],
    [65536, 52],
  ])("any order of it leaves a sound table (%i-byte pages, %i bits)", (pageBytes, iaBits) => {
    const { startLevel, minLeafLevel } = new Granule(pageBytes, iaBits);
    const step = fc.record({
      ipa: fc.constantFrom(0, 1, 511, 512, 513, 2 ** 15, 2 ** 17 + 3, 2 ** 19).map((n) => n * pageBytes),
      level: fc.integer({ min: startLevel, max: 3 }),
      plants: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const pages = table(pageBytes, iaBits);
        for (const { ipa, level, plants } of steps) {
          if (plants && level >= minLeafLevel) {
            pages.plantLeaf(ipa, level, ipa, 7);
            expect(look(pages, ipa)).toBe(`${level} 0x${pages.granule.baseAt(ipa, level).toString(16)} 7`);
          } else {
            pages.resync(ipa, level);
            expect(look(pages, ipa)).toBe(`${level} -`);
          }
          expect(audit(pages)).toBe(pages.livePages);
          pages.endOperation();
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("translate", () => {
  test("reaches both concatenated root pages, and nothing beyond", () => {
    const pages = table();
    pages.plantLeaf(2 ** 40 - 4096, 3, 0x5000, 7);
    expect(look(pages, 2 ** 40 - 4096)).toBe("3 0x5000 7");
    expect(look(pages, 2 ** 40)).toBe("1 -");
    const found = new Translation();
    pages.translate(2 ** 40, found);
    expect(found.slot).toBe(NO_SLOT);
  });

  test("sees the entries of an overlay, old tables included", () => {
    const pages = table();
    pages.plantLeaf(GIB, 3, 0x9000, 7);
    const slot = pages.granule.slotOf(3, 0);
    const [lo, hi] = [pages.lo(slot), pages.hi(slot)];
    pages.resync(GIB, 2);
    pages.plantLeaf(GIB, 2, 0x200000, 7);
    const past: Overlay = { find: (asked) => (asked === slot ? 0 : -1), lo: () => lo, hi: () => hi };
    expect(look(pages, GIB)).toBe("2 0x200000 7");
    expect(look(pages, GIB, past)).toBe("3 -");
  });
});

describe("pages", () => {
  test("a freed page keeps its contents until the operation ends, then its id is used again", () => {
    const pages = table();
    const page = pages.allocate();
    const slot = pages.granule.slotOf(page, 7);
    pages.write(slot, 3, 4);
    expect(pages.put(page)).toBe(0);
    expect([pages.lo(slot), pages.hi(slot)]).toEqual([3, 4]);
    expect(pages.allocate()).not.toBe(page);
    pages.endOperation();
    expect(pages.allocate()).toBe(page);
    expect([pages.lo(slot), pages.hi(slot)]).toEqual([0, 0]);
  });

  test("memory is bounded by live pages", () => {
    const pages = table();
    for (let i = 0; i < 1000; i++) {
      pages.put(pages.allocate());
      pages.endOperation();
    }
    expect(pages.pageLimit).toBe(4);
  });

  test("ids are sequential where they are not recycled", () => {
    const pages = table(4096, 40, false);
    const given = [0, 1, 2].map(() => {
      const page = pages.allocate();
      pages.put(page);
      pages.endOperation();
      return page;
    });
    expect(given).toEqual([3, 4, 5]);
  });

  test("one put too many is blamed on the strategy", () => {
    const pages = table();
    const page = pages.allocate();
    pages.put(page);
    expect(() => pages.put(page)).toThrow(StrategyError);
    expect(() => pages.put(12345)).toThrow(StrategyError);
  });
});
