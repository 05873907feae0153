import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Granule, highHalf, joinHalves, LAST_LEVEL, lowHalf } from "./granule.js";

const K4 = 4096;
const K16 = 16384;
const K64 = 65536;

test.each([
  // As KVM chooses: as few levels as 16 concatenated root tables allow, but two.
  [K4, 36, 1, 1],
  [K4, 39, 1, 1],
  [K4, 40, 1, 2],
  [K4, 43, 1, 16],
  [K4, 44, 0, 1],
  [K4, 48, 0, 1],
  [K4, 52, 0, 16],
  [K16, 36, 2, 1],
  [K16, 40, 2, 16],
  [K16, 41, 1, 1],
  [K16, 48, 1, 2],
  [K16, 52, 0, 1],
  [K64, 36, 2, 1],
  [K64, 40, 2, 1],
  [K64, 48, 1, 1],
  [K64, 52, 1, 1],
])("%i-byte pages, %i-bit IPA: starts at level %i with %i root pages", (pageBytes, iaBits, level, pages) => {
  const granule = new Granule(pageBytes, iaBits);
  expect([granule.startLevel, granule.rootPages]).toEqual([level, pages]);
});

test("a start level may be chosen", () => {
  expect(new Granule(K4, 52, -1).rootPages).toBe(1);
  expect(new Granule(K4, 40, 0).rootPages).toBe(1);
});

test.each([
  [8192, 40, undefined],
  [K4, 53, undefined],
  [K4, 40.5, undefined],
  [K4, 48, 1],
  [K4, 40, 3],
])("%i-byte pages, %i-bit IPA, start level %s do not exist", (pageBytes, iaBits, startLevel) => {
  expect(() => new Granule(pageBytes, iaBits, startLevel)).toThrow(/^no /);
});

test("sizes and leaf levels", () => {
  const sizes = (pageBytes: number) => [0, 1, 2, 3].map((level) => new Granule(pageBytes, 48).bytesAt(level));
  expect(sizes(K4)).toEqual([2 ** 39, 2 ** 30, 2 ** 21, 2 ** 12]);
  expect(sizes(K16)).toEqual([2 ** 47, 2 ** 36, 2 ** 25, 2 ** 14]);
  expect(sizes(K64)).toEqual([2 ** 55, 2 ** 42, 2 ** 29, 2 ** 16]);
  expect([0, 1, 2, 3].filter((level) => new Granule(K4, 48).allowsLeafAt(level))).toEqual([1, 2, 3]);
  expect([0, 1, 2, 3].filter((level) => new Granule(K16, 48).allowsLeafAt(level))).toEqual([2, 3]);
});

describe.each([K4, K16, K64])("with %i-byte pages", (pageBytes) => {
  const granule = new Granule(pageBytes, 52);
  const shift = Math.log2(pageBytes);
  const bits = shift - 3;
  const address = fc.maxSafeNat().map((n) => n % 2 ** 52);

  test("arithmetic agrees with 64-bit shifts on any 52-bit address", () => {
    fc.assert(
      fc.property(address, fc.integer({ min: granule.startLevel, max: LAST_LEVEL }), (ipa, level) => {
        const levelShift = BigInt(shift + bits * (LAST_LEVEL - level));
        const wide = BigInt(ipa);
        expect(granule.indexAt(ipa, level)).toBe(Number((wide >> levelShift) & ((1n << BigInt(bits)) - 1n)));
        expect(granule.baseAt(ipa, level)).toBe(Number((wide >> levelShift) << levelShift));
        expect(granule.isAligned(ipa, level)).toBe(wide % (1n << levelShift) === 0n);
        expect(granule.rootIndex(ipa)).toBe(
          Number(wide >> BigInt(shift + bits * (LAST_LEVEL - granule.startLevel))),
        );
      }),
    );
  });

  test("page bounds and halves", () => {
    fc.assert(
      fc.property(address, (ipa) => {
        expect(granule.pageBase(ipa) + (granule.pageBase(ipa) === ipa ? 0 : pageBytes)).toBe(
          granule.pageCeil(ipa),
        );
        expect(joinHalves(lowHalf(ipa), highHalf(ipa))).toBe(ipa);
      }),
    );
  });
});
