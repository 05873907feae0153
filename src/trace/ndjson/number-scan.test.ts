import fc from "fast-check";
import { expect, test } from "vitest";
import { NumberScan } from "./number-scan.js";

function scanOf(text: string): NumberScan {
  const scan = new NumberScan();
  const bytes = Buffer.from(`${text}${"\n".repeat(40)}`);
  scan.bytes = bytes;
  scan.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return scan;
}

const hexText = fc
  .tuple(fc.bigInt(0n, (1n << 70n) - 1n), fc.nat(20), fc.nat(69), fc.boolean())
  .map(([value, zeros, shift, upper]) => {
    const digits = "0".repeat(zeros) + (value >> BigInt(shift)).toString(16);
    return upper ? digits.toUpperCase() : digits;
  });

test("hex up to 52 bits is read, more is declined", () => {
  fc.assert(
    fc.property(hexText, (text) => {
      const scan = scanOf(text);
      const value = BigInt(`0x${text}`);
      const end = scan.hex52(0);
      if (value >= 1n << 52n) {
        expect(end).toBe(-1);
        return;
      }
      expect([end, scan.value[0], scan.low]).toEqual([
        text.length,
        Number(value),
        Number(BigInt.asIntN(32, value)),
      ]);
    }),
    { numRuns: 2000 },
  );
});

test("hex up to 64 bits is read, more is declined", () => {
  fc.assert(
    fc.property(hexText, (text) => {
      const scan = scanOf(text);
      const value = BigInt(`0x${text}`);
      const end = scan.hex64(0);
      if (value >= 1n << 64n) {
        expect(end).toBe(-1);
        return;
      }
      const halves = [Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value))];
      expect([end, scan.high | 0, scan.low | 0]).toEqual([text.length, ...halves]);
    }),
    { numRuns: 2000 },
  );
});

test("seconds keep all nine decimals", () => {
  fc.assert(
    fc.property(fc.nat(1e9), fc.integer({ min: 1, max: 9 }), fc.nat(), (seconds, decimals, fraction) => {
      const digits = String(fraction % 10 ** decimals).padStart(decimals, "0");
      const text = `${seconds}.${digits}`;
      const scan = scanOf(text);
      expect(scan.seconds(0, false)).toBe(text.length);
      expect([...scan.time]).toEqual([seconds, Number(digits.padEnd(9, "0"))]);
    }),
  );
});

test.each(["", "x", "01", "1.", "1.0123456789", "-1", "1234567890123456"])(
  "seconds %j are declined",
  (text) => {
    expect(scanOf(text).seconds(0, false)).toBe(-1);
  },
);

test("nanoseconds are split without a double", () => {
  const scan = scanOf("1700000000123456789");
  expect(scan.nanoseconds(0, false)).toBe(19);
  expect([...scan.time]).toEqual([1_700_000_000, 123_456_789]);
});

test.each(['1"', "1", "1{0", "1e2", "1.x", "x", "123456789012345.5"])(
  "after %j, read or declined, the seconds of the time before are not taken for those of the next",
  (between) => {
    const [first, last] = ["100.5", "100.7"];
    const scan = scanOf(`${first}\n${between}\n${last}`);
    scan.seconds(0, false);
    scan.seconds(first.length + 1, between === "1{0" || between === '1"');
    expect(scan.seconds(first.length + between.length + 2, false)).toBeGreaterThan(0);
    expect([...scan.time]).toEqual([100, 700_000_000]);
  },
);

test("nor after nanoseconds", () => {
  const scan = scanOf("100.5\n7000000000\n100.7");
  scan.seconds(0, false);
  scan.nanoseconds(6, false);
  scan.seconds(17, false);
  expect([...scan.time]).toEqual([100, 700_000_000]);
});
