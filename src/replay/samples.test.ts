import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamMedian } from "./samples.js";

const of = (samples: readonly number[]) => {
  const stream = new StreamMedian();
  for (const sample of samples) stream.add(sample);
  return stream;
};
const samples = (minLength: number, maxLength: number) =>
  fc.array(fc.nat(1_000_000), { minLength, maxLength, size: "max" });
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);

describe("the median of a stream", () => {
  it("is the median, as long as all samples are kept", () => {
    fc.assert(
      fc.property(samples(1, 256), (list) => {
        expect(of(list).median).toBe(sorted(list)[list.length >> 1]);
      }),
    );
  });

  it("is the median of every n-th sample beyond that: n a power of two, at least 128 of them", () => {
    fc.assert(
      fc.property(samples(257, 3000), (list) => {
        const got = of(list).median;
        const candidates = [1, 2, 4, 8, 16, 32]
          .map((stride) => sorted(list.filter((_, n) => n % stride === 0)))
          .filter(({ length }) => length >= 128 && length <= 256)
          .map((kept) => kept[kept.length >> 1]);
        expect(candidates).toContain(got);
      }),
      { numRuns: 60 },
    );
  });

  it("follows the whole stream, not its beginning or its end", () => {
    const rising = Array.from({ length: 100_000 }, (_, n) => n);
    expect(of(rising).median).toBeGreaterThan(49_000);
    expect(of(rising).median).toBeLessThan(51_000);
  });

  it("knows the least of all samples, kept or not", () => {
    fc.assert(
      fc.property(samples(1, 2000), (list) => {
        expect(of(list).least).toBe(Math.min(...list));
      }),
    );
  });

  it("is undefined without samples", () => {
    expect(new StreamMedian().median).toBeUndefined();
    expect(new StreamMedian().least).toBeUndefined();
  });
});
