import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mannWhitney } from "./mann-whitney.js";

/** Two samples of these sizes without ties of which the first one's U is `u`. */
function samplesOf(size: number, other: number, u: number): [number[], number[]] {
  const second = Array.from({ length: other }, (_, n) => n + 1);
  let left = u;
  // Each value of the first stands above as many of the second as are still wanted; the fractions keep them apart.
  const first = Array.from({ length: size }, (_, n) => {
    const above = Math.min(other, left);
    left -= above;
    return above + 0.5 - n / 1000;
  });
  return [first, second];
}

describe("critical values of U", () => {
  // Two-sided, 0.05: the largest U that is significant (Siegel, Nonparametric Statistics, 1956, table K).
  it.each([
    [4, 4, 0],
    [4, 5, 1],
    [5, 5, 2],
    [5, 8, 6],
    [6, 6, 5],
    [7, 7, 8],
    [8, 8, 13],
    [9, 9, 17],
    [10, 10, 23],
    [10, 15, 39],
    [15, 15, 64],
    [20, 20, 127],
  ])("%i and %i runs: %i", (size, other, critical) => {
    const at = (u: number) => mannWhitney(...samplesOf(size, other, u));
    expect(at(critical).u).toBe(critical);
    expect(at(critical).p).toBeLessThanOrEqual(0.05);
    expect(at(critical + 1).p).toBeGreaterThan(0.05);
  });

  it("three runs a side are never significant: 2 of 20 ways", () => {
    expect(mannWhitney([1, 2, 3], [4, 5, 6])).toEqual({ u: 0, p: 0.1 });
    expect(mannWhitney([4, 5, 6], [1, 2, 3])).toEqual({ u: 9, p: 0.1 });
  });
});

/** By trying each way to share the values out. */
function byTrying(first: readonly number[], second: readonly number[]): number {
  const values = [...first, ...second];
  const uOf = (mine: readonly number[], others: readonly number[]) =>
    mine.reduce(
      (sum, value) =>
        sum + others.reduce((part, other) => part + (value > other ? 1 : value === other ? 0.5 : 0), 0),
      0,
    );
  const mean = (first.length * second.length) / 2;
  const off = Math.abs(uOf(first, second) - mean);
  let all = 0;
  let asUneven = 0;
  for (let mask = 0; mask < 2 ** values.length; mask++) {
    const mine = values.filter((_, n) => (mask >> n) & 1);
    if (mine.length !== first.length) continue;
    all++;
    const others = values.filter((_, n) => !((mask >> n) & 1));
    if (Math.abs(uOf(mine, others) - mean) >= off) asUneven++;
  }
  return asUneven / all;
}

it("law: p is the share of all ways to divide the values that are at least as uneven, with or without ties", () => {
  const sample = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(sample, sample, (first, second) => {
      expect(mannWhitney(first, second).p).toBeCloseTo(byTrying(first, second), 12);
    }),
  );
});

it("law: it does not matter which sample is the first", () => {
  const sample = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(sample, sample, (first, second) => {
      const [there, back] = [mannWhitney(first, second), mannWhitney(second, first)];
      expect(there.p).toBeCloseTo(back.p, 12);
      expect(there.u + back.u).toBe(first.length * second.length);
    }),
  );
});

it("beyond the counting it is the normal distribution: z = (338 - 230 - 0.5) / sqrt(26 * 26 * 53 / 12)", () => {
  expect(mannWhitney(...samplesOf(26, 26, 230)).p).toBeCloseTo(0.0491, 3);
  expect(mannWhitney(...samplesOf(25, 25, 211)).p).toBeCloseTo(0.0491, 3);
  const equal = Array.from({ length: 30 }, () => 7);
  expect(mannWhitney(equal, equal)).toEqual({ u: 450, p: 1 });
});
