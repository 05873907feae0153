import { hex, protLetters } from "../stage2/address-text.js";
import { forEachLeaf } from "../stage2/leaves.js";
import type { PageTable } from "../stage2/page-table.js";
import { isAccessed } from "../stage2/pte.js";
import { HashText } from "./hash-text.js";

/** Neighbouring leaves of one table that map contiguous memory with the same attributes, as in a golden dump. */
export type Extent = readonly [ipa: string, level: number, phys: string, letters: string, leaves: number];

/** Called for each extent. `attributes` are bits of enum kvm_pgtable_prot, and ACCESSED. */
type ExtentVisitor = (ipa: number, level: number, phys: number, attributes: number, leaves: number) => void;

const ACCESSED = 16;

function lettersOf(attributes: number): string {
  return protLetters(attributes, (attributes & ACCESSED) !== 0);
}

/** Visits extents in ascending order. An extent ends where its table does; concatenated root pages are one table. */
function forEachExtent(table: PageTable, visit: ExtentVisitor): void {
  const { format, granule } = table;
  let first = 0;
  let firstPhys = 0;
  let leaves = 0;
  let extentLevel = 0;
  let extentAttributes = 0;
  forEachLeaf(table, (ipa, level, lo, hi) => {
    const phys = format.physOf(lo, hi);
    const attributes = format.protOf(lo, hi) | (isAccessed(lo) ? ACCESSED : 0);
    const done = leaves * granule.bytesAt(extentLevel);
    if (
      leaves > 0 &&
      level === extentLevel &&
      attributes === extentAttributes &&
      first + done === ipa &&
      firstPhys + done === phys &&
      (level === granule.startLevel || granule.indexAt(ipa, level) !== 0)
    ) {
      leaves++;
      return;
    }
    if (leaves > 0) visit(first, extentLevel, firstPhys, extentAttributes, leaves);
    first = ipa;
    firstPhys = phys;
    leaves = 1;
    extentLevel = level;
    extentAttributes = attributes;
  });
  if (leaves > 0) visit(first, extentLevel, firstPhys, extentAttributes, leaves);
}

export function extentsOf(table: PageTable): Extent[] {
  const extents: Extent[] = [];
  forEachExtent(table, (ipa, level, phys, attributes, leaves) => {
    extents.push([hex(ipa), level, hex(phys), lettersOf(attributes), leaves]);
  });
  return extents;
}

/** Hashes the text of the extents, separated by commas. */
export class ExtentHash {
  private readonly hash = new HashText();

  of(table: PageTable): string {
    const { hash } = this;
    hash.begin();
    let separator = "[";
    forEachExtent(table, (ipa, level, phys, attributes, leaves) => {
      hash.text(separator);
      separator = ",[";
      hash.hex(ipa);
      hash.text(`,${level},`);
      hash.hex(phys);
      hash.text(`,"${lettersOf(attributes)}",`);
      hash.decimal(leaves);
      hash.text("]");
    });
    return hash.digest();
  }
}
