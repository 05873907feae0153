import fc from "fast-check";
import { expect, test } from "vitest";
import { JsonScan } from "./json-scan.js";

function accepts(text: Uint8Array): boolean {
  const scan = new JsonScan();
  scan.bytes = text;
  scan.end = text.length;
  const from = scan.space(0);
  const end = scan.value(from);
  return end >= 0 && scan.space(end) === text.length;
}

/** JSON.parse on strictly decoded text. */
function parses(text: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text));
    return true;
  } catch {
    return false;
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  "01",
  "1.",
  "+1",
  "-",
  "-0",
  "1e5",
  "1E+5",
  "1e",
  ".5",
  "tru",
  "nul",
  "true",
  "[1,]",
  "[,1]",
  "{}",
  "[]",
  "{,}",
  '{"a":1,}',
  '{"a"}',
  "{a:1}",
  "'a'",
  '"\\u12g4"',
  '"\\ud800"',
  '"\\x41"',
  '"\t"',
  '"a',
  "[[[[1]]]",
  "[1]]",
  "",
  " ",
  "1 2",
  "NaN",
  "Infinity",
  "\ufeff1",
  '{"__proto__":{"a":[null]}}',
  "[1\u00a0]",
])("the verdict on %j is JSON.parse's", (text) => {
  expect(accepts(bytes(text))).toBe(parses(bytes(text)));
});

test("any JSON is accepted", () => {
  fc.assert(
    fc.property(fc.json(), (text) => accepts(bytes(text))),
    { numRuns: 500 },
  );
});

test("after any damage the verdict is JSON.parse's", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.json(), damage, (text, edits) => {
      let damaged = [...bytes(text)];
      for (const [at, byte, sort] of edits) {
        const where = at % (damaged.length + 1);
        if (sort === 0) damaged[where] = byte;
        else if (sort === 1) damaged.splice(where, 0, byte);
        else damaged = damaged.slice(0, where);
      }
      const result = Uint8Array.from(damaged);
      return accepts(result) === parses(result);
    }),
    { numRuns: 3000 },
  );
});

test("nesting is not bounded by the stack", () => {
  expect(accepts(bytes("[".repeat(200_000) + "]".repeat(200_000)))).toBe(true);
});
