import { describe, expect, it } from "vitest";
import { joinInseparable } from "./collinear.js";

/** Products of the columns of rows, each column scaled to length 1; and the lengths. */
function products(rows: readonly (readonly number[])[]): { gram: Float64Array; lengths: number[] } {
  const n = rows[0]!.length;
  const product = (j: number, k: number) => rows.reduce((sum, row) => sum + row[j]! * row[k]!, 0);
  const lengths = rows[0]!.map((_, j) => Math.sqrt(product(j, j)));
  const gram = Float64Array.from({ length: n * n }, (_, at) => {
    const [j, k] = [Math.floor(at / n), at % n];
    return product(j, k) / (lengths[j]! * lengths[k]!);
  });
  return { gram, lengths };
}

function groupsOf(rows: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const { gram, lengths } = products(rows);
  return joinInseparable(gram, lengths);
}

describe("columns that cannot be told apart", () => {
  it.each<[string, number[][], number[][]]>([
    [
      "none",
      [
        [1, 0],
        [0, 1],
        [1, 1],
      ],
      [[0], [1]],
    ],
    [
      "one in proportion to another",
      [
        [512, 1],
        [1024, 2],
      ],
      [[0, 1]],
    ],
    [
      "nearly so: half a per mille of difference",
      [
        [1000, 1000],
        [1000, 999],
      ],
      [[0, 1]],
    ],
    [
      "a tenth of difference can be told",
      [
        [10, 10],
        [10, 9],
        [8, 10],
      ],
      [[0], [1]],
    ],
    // Visits and frees of whole subtrees go together, puts do not.
    [
      "two of three",
      [
        [512, 257, 1],
        [1024, 511, 2],
        [1536, 900, 3],
      ],
      [[0, 2], [1]],
    ],
    [
      "all of three",
      [
        [512, 257, 1],
        [1024, 514, 2],
      ],
      [[0, 1, 2]],
    ],
  ])("%s", (_name, rows, expected) => expect(groupsOf(rows)).toEqual(expected));

  it("a column that combines two others is joined to the one that it is more similar to", () => {
    expect(
      groupsOf([
        [1, 0, 10],
        [0, 1, 1],
        [1, 1, 11],
        [2, 1, 21],
      ]),
    ).toEqual([[0, 2], [1]]);
  });
});
