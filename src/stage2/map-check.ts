import { hex } from "./address-text.js";
import type { Operating, Place } from "./findings.js";
import { type PageTable, Translation } from "./page-table.js";
import { isValid } from "./pte.js";

/** Finds the first place where a map that returned success did not do what was asked; undefined if there is none. */
export function whatMapLacks(
  table: PageTable,
  { ipa: from, bytes, phys, prot }: Operating,
): { readonly place: Place; readonly problem: string } | undefined {
  const { granule, format } = table;
  const seen = new Translation();
  const start = granule.pageBase(from);
  const end = granule.pageCeil(start + bytes);
  const offset = granule.pageBase(phys) - start;
  for (let ipa = start; ipa < end; ) {
    table.translate(ipa, seen);
    const { lo, hi, level } = seen;
    const base = granule.baseAt(ipa, level);
    const leadsTo = format.physOf(lo, hi) + ipa - base;
    const is = !isValid(lo)
      ? "not mapped"
      : leadsTo !== ipa + offset
        ? `mapped to ${hex(leadsTo)}, not ${hex(ipa + offset)}`
        : (prot & ~format.protOf(lo, hi)) !== 0
          ? "mapped without all the permissions that were asked for"
          : undefined;
    if (is !== undefined)
      return { place: { ipa: base, level }, problem: `the map answered success, but ${hex(ipa)} is ${is}` };
    ipa = base + granule.bytesAt(level);
  }
  return undefined;
}
