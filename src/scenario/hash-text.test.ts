import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HashText } from "./hash-text.js";

function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & (2n ** 64n - 1n);
  return hash.toString(16).padStart(16, "0");
}

describe("the hash of a text in pieces", () => {
  it("is FNV-1a of 64 bits", () => {
    const hash = new HashText();
    hash.begin();
    expect(hash.digest()).toBe("cbf29ce484222325");
    hash.text("[");
    hash.text("]");
    expect(hash.digest()).toBe("09612b07b5ecb5a5");
  });

  it("does not depend on where the pieces end, nor on how long the text is", () => {
    const hash = new HashText();
    const halves = fc.tuple(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    );
    const piece = fc.oneof(
      fc
        .string({ unit: "grapheme-ascii", maxLength: 64 })
        .map((text) => ({ text, write: () => hash.text(text) })),
      fc.maxSafeNat().map((value) => ({ text: String(value), write: () => hash.decimal(value) })),
      fc.maxSafeNat().map((value) => ({ text: `"0x${value.toString(16)}"`, write: () => hash.hex(value) })),
      halves.map(([lo, hi]) => ({
        text: `"0x${((BigInt(hi) << 32n) | BigInt(lo)).toString(16)}"`,
        write: () => hash.hexHalves(lo, hi),
      })),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 400 }), (pieces) => {
        hash.begin();
        for (const { write } of pieces) write();
        expect(hash.digest()).toBe(hashOf(pieces.map(({ text }) => text).join("")));
      }),
      { numRuns: 50 },
    );
  });
});
