import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { parseCount, parseIpaRange, parseSeconds } from "./values.js";

describe("values", () => {
  it.each([
    ["0.5", 500_000_000],
    ["1", 1_000_000_000],
    ["0.000000001", 1],
    ["1e-3", 1_000_000],
    [".25", 250_000_000],
  ])("%s s", (text, ns) => {
    expect(parseSeconds("--x", text)).toBe(ns);
  });

  it.each(["", " ", "-1", "1s", "0x10", "Infinity", "NaN", "1e30"])("refuses %j seconds", (text) => {
    expect(() => parseSeconds("--x", text)).toThrow(UsageError);
  });

  it("counts", () => {
    expect(parseCount("--x", "0", 0)).toBe(0);
    for (const text of ["", "1.0", "1e3", "-1", "9007199254740993"]) {
      expect(() => parseCount("--x", text, 0)).toThrow("--x: expected a whole number from 0 up");
    }
  });

  it("ranges, up to the last of 52 bits", () => {
    expect(parseIpaRange("--x", "0xC0000000-0xc0001000")).toEqual({ start: 0xc0000000, end: 0xc0001000 });
    expect(parseIpaRange("--x", "0-0x10000000000000")).toEqual({ start: 0, end: 2 ** 52 });
    for (const text of ["", "0", "5-5", "6-5", "0-0x10000000000001", "-1-5", "0x-0x5"]) {
      expect(() => parseIpaRange("--x", text)).toThrow(UsageError);
    }
  });
});
