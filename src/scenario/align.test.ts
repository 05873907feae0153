import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { align } from "./align.js";

const word = fc.constantFrom(..."abcdefgh");
const list = fc.array(word, { maxLength: 40 });

describe("align", () => {
  it("gives every item of both once, in order, and pairs only equals", () => {
    fc.assert(
      fc.property(list, list, (a, b) => {
        const pairs = align(a, b);
        expect(pairs.flatMap(([i]) => i ?? [])).toEqual([...a.keys()]);
        expect(pairs.flatMap(([, j]) => j ?? [])).toEqual([...b.keys()]);
        for (const [i, j] of pairs) if (i !== undefined && j !== undefined) expect(a[i]).toBe(b[j]);
      }),
    );
  });

  it("pairs all of a list with itself", () => {
    fc.assert(
      fc.property(list, (a) => {
        expect(align(a, a)).toEqual([...a.keys()].map((i) => [i, i]));
      }),
    );
  });

  it.each<[string, string, string]>([
    ["abc", "", "a- b- c-"],
    ["abcd", "abXcd", "aa bb -X cc dd"],
    ["axbxc", "xaxbx", "-x aa xx bb xx c-"],
    ["aabb", "ab", "aa a- b- bb"],
    // The longer run that keeps its order stays; what moved past it does not.
    ["S1234", "1234S", "S- 11 22 33 44 -S"],
  ])("%s and %s: %s", (a, b, expected) => {
    const text = align([...a], [...b])
      .map(([i, j]) => `${a[i ?? -1] ?? "-"}${b[j ?? -1] ?? "-"}`)
      .join(" ");
    expect(text).toBe(expected);
  });

  it("treats long lists without unique items as different", () => {
    const pairs = align(
      ["s", ...Array<string>(3000).fill("a")],
      Array<string>(3000).fill("a").concat("e", "e"),
    );
    expect(pairs.filter(([i, j]) => i !== undefined && j !== undefined)).toEqual([]);
    expect(pairs).toHaveLength(6003);
  });
});
