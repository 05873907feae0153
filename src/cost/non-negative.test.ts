import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { solveNonNegative } from "./non-negative.js";

/** Normal equations of rows (a1, .., an | b), columns not scaled. */
function normal(rows: readonly (readonly number[])[]): { gram: Float64Array; rhs: Float64Array; n: number } {
  const n = rows[0]!.length - 1;
  const gram = new Float64Array(n * n);
  const rhs = new Float64Array(n);
  for (const row of rows)
    for (let j = 0; j < n; j++) {
      rhs[j]! += row[j]! * row[n]!;
      for (let k = 0; k < n; k++) gram[j * n + k]! += row[j]! * row[k]!;
    }
  return { gram, rhs, n };
}

describe("non-negative least squares", () => {
  it.each<[string, number[][], number[]]>([
    [
      "an exact answer",
      [
        [1, 0, 2],
        [0, 1, 3],
        [1, 1, 5],
      ],
      [2, 3],
    ],
    [
      "what would be negative is 0, the rest is fitted anew",
      [
        [1, 1, 2],
        [1, 2, 1],
        [1, 3, 0],
      ],
      [1, 0],
    ],
    [
      "all would be negative",
      [
        [1, 0, -1],
        [0, 1, -2],
      ],
      [0, 0],
    ],
    // Lawson and Hanson's point: the unconstrained signs do not tell which unknowns are 0.
    [
      "correlated columns",
      [
        [1, 0.9, 1],
        [0, 0.1, -1],
        [0, 0, 0],
      ],
      [1, 0],
    ],
    [
      "nothing to explain",
      [
        [1, 2, 0],
        [3, 4, 0],
      ],
      [0, 0],
    ],
  ])("%s", (_name, rows, expected) => {
    const { gram, rhs } = normal(rows);
    const x = solveNonNegative(gram, rhs);
    for (const [j, value] of expected.entries()) expect(x[j]).toBeCloseTo(value, 9);
  });

  it("meets the conditions of Karush, Kuhn and Tucker, whatever the rows", () => {
    const entry = fc.integer({ min: -20, max: 20 });
    const system = fc
      .integer({ min: 1, max: 6 })
      .chain((n) =>
        fc.array(fc.array(entry, { minLength: n + 1, maxLength: n + 1 }), { minLength: n, maxLength: 20 }),
      );
    fc.assert(
      fc.property(system, (rows) => {
        const { gram, rhs, n } = normal(rows);
        const x = solveNonNegative(gram, rhs);
        const scale = Math.max(1, ...gram, ...rhs.map(Math.abs));
        for (let j = 0; j < n; j++) {
          let slope = rhs[j]!;
          for (let k = 0; k < n; k++) slope -= gram[j * n + k]! * x[k]!;
          expect(x[j]).toBeGreaterThanOrEqual(0);
          // No unknown could be raised with profit, and none that is not 0 could be changed with profit.
          expect(slope).toBeLessThanOrEqual(1e-6 * scale);
          if (x[j]! > 0) expect(Math.abs(slope)).toBeLessThanOrEqual(1e-6 * scale);
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it("gives back non-negative unknowns that made the right side", () => {
    const count = fc.integer({ min: 0, max: 50 });
    const unknowns = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(
        unknowns,
        fc.array(fc.tuple(count, count, count), { minLength: 3, maxLength: 12 }),
        (truth, rows) => {
          const [a, b, c] = rows as unknown as [number[], number[], number[]];
          const determinant =
            a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) -
            a[1]! * (b[0]! * c[2]! - b[2]! * c[0]!) +
            a[2]! * (b[0]! * c[1]! - b[1]! * c[0]!);
          fc.pre(Math.abs(determinant) > 1000);
          const given = rows.map((row) => [...row, row.reduce((sum, n, j) => sum + n * truth[j]!, 0)]);
          const { gram, rhs } = normal(given);
          const x = solveNonNegative(gram, rhs);
          for (let j = 0; j < 3; j++) expect(x[j]).toBeCloseTo(truth[j]!, 3);
        },
      ),
      { seed: 2, numRuns: 500 },
    );
  });
});
