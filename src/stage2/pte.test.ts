import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Granule } from "./granule.js";
import {
  differsInPermissionsOnly,
  isAccessed,
  isLeaf,
  isTable,
  isValid,
  Prot,
  PteFormat,
  permits,
} from "./pte.js";

const { R, W, X, DEVICE } = Prot;

function hex(lo: number, hi: number): string {
  return `0x${((BigInt(hi) << 32n) | BigInt(lo)).toString(16)}`;
}

// Values out of the golden files.
test.each([
  ["rwx block", 0x1040200000, 2, R | W | X, false, "0x10402007fd"],
  ["rwx page", 0x1040200000, 3, R | W | X, false, "0x10402007ff"],
  ["r block", 0x1040000000, 2, R, false, "0x4000104000077d"],
  ["rw block", 0x1040000000, 2, R | W, false, "0x400010400007fd"],
  ["rw device block", 0x1040000000, 2, R | W | DEVICE, false, "0x400010400007c5"],
  ["rwx block, FWB", 0x1040000000, 2, R | W | X, true, "0x10400007d9"],
  ["rwx 1 GiB block", 0x801000000000, 1, R | W | X, false, "0x8010000007fd"],
])("%s", (_, phys, level, prot, fwb, expected) => {
  const format = new PteFormat(new Granule(4096, 48), fwb);
  const lo = format.leafLo(phys, level, prot);
  const hi = format.leafHi(phys, prot);
  expect(hex(lo, hi)).toBe(expected);
  expect(format.physOf(lo, hi)).toBe(phys);
  expect(format.protOf(lo, hi)).toBe(prot);
  expect(format.isCacheable(lo)).toBe((prot & DEVICE) === 0);
  expect([isValid(lo), isLeaf(lo, level), isTable(lo, level), isAccessed(lo)]).toEqual([
    true,
    true,
    false,
    true,
  ]);
});

test("tables", () => {
  const format = new PteFormat(new Granule(4096, 40), false);
  const [lo, hi] = [format.tableLo(4), format.tableHi(4)];
  expect(hex(lo, hi)).toBe("0x7e0000004003");
  expect(isTable(lo, 2)).toBe(true);
  expect(isTable(lo, 3)).toBe(false);
  expect(format.childOf((lo & ~1) >>> 0, hi)).toBe(4);
});

describe.each([
  [4096, 48],
  [4096, 52],
  [16384, 48],
  [16384, 52],
  [65536, 48],
  [65536, 52],
])("%i-byte pages, %i-bit addresses", (pageBytes, bits) => {
  const format = new PteFormat(new Granule(pageBytes, bits), false);

  test("an output address is encoded and decoded, with its permissions", () => {
    const phys = fc.maxSafeNat().map((n) => Math.floor((n % 2 ** bits) / pageBytes) * pageBytes);
    fc.assert(
      fc.property(phys, fc.constantFrom(0, R, R | W, R | W | X, R | X), (address, prot) => {
        const [lo, hi] = [format.leafLo(address, 3, prot), format.leafHi(address, prot)];
        expect(format.physOf(lo, hi)).toBe(address);
        expect(format.protOf(lo, hi)).toBe(prot);
      }),
    );
  });

  test("so does a table page", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 24 }), (page) => {
        expect(format.childOf(format.tableLo(page), format.tableHi(page))).toBe(page);
      }),
    );
  });
});

test("permissions", () => {
  const format = new PteFormat(new Granule(4096, 40), false);
  const allowed = (prot: number) => {
    const [lo, hi] = [format.leafLo(0, 3, prot), format.leafHi(0, prot)];
    return [permits(lo, hi, false, false), permits(lo, hi, true, false), permits(lo, hi, false, true)];
  };
  expect(allowed(0)).toEqual([false, false, false]);
  expect(allowed(R)).toEqual([true, false, false]);
  expect(allowed(R | W)).toEqual([true, true, false]);
  expect(allowed(R | X)).toEqual([true, false, true]);
});

test("what differs in permissions only", () => {
  const format = new PteFormat(new Granule(4096, 40), false);
  const differs = (phys: number, prot: number) =>
    differsInPermissionsOnly(
      format.leafLo(0, 3, R | W),
      format.leafHi(0, R | W),
      format.leafLo(phys, 3, prot),
      format.leafHi(phys, prot),
    );
  expect(differs(0, R | W)).toBe(true);
  expect(differs(0, R | X)).toBe(true);
  expect(differs(4096, R | W)).toBe(false);
  expect(differs(0, R | W | DEVICE)).toBe(false);
});
