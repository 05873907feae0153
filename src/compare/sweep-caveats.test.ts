import { expect, it } from "vitest";
import { shareCaveats } from "./sweep-caveats.js";

const texts = (...results: string[][]) =>
  shareCaveats(results.map((of) => of.map((text) => ({ code: "c", text })))).map(({ text, points }) => [
    text,
    points,
  ]);

it.each<[string, string[][], [string, number][]]>([
  ["the same everywhere", [["a"], ["a"]], [["a", 2]]],
  [
    "not everywhere, in the order of coming",
    [[], ["b"], ["a", "b"]],
    [
      ["b", 2],
      ["a", 1],
    ],
  ],
  [
    "numbers from least to most",
    [["9 blocks of x"], ["1,000 blocks of x"], ["20 blocks of x"]],
    [["9 to 1,000 blocks of x", 3]],
  ],
  ["one and many", [["20 pages, 1 block"], ["1 page, 1 block"]], [["1 to 20 pages, 1 block", 2]]],
  [
    "the word behind a number stays as it is",
    [["with 2 physical CPUs"], ["with 4 physical CPUs"]],
    [["with 2 to 4 physical CPUs", 2]],
  ],
  [
    "a version is no number",
    [["v6.1 shares 2 locks"], ["v6.12 shares 2 locks"]],
    [
      ["v6.1 shares 2 locks", 1],
      ["v6.12 shares 2 locks", 1],
    ],
  ],
  [
    "nor is a part of a word",
    [["kernel 5.10.262: x2"], ["kernel 5.10.263: x2"]],
    [
      ["kernel 5.10.262: x2", 1],
      ["kernel 5.10.263: x2", 1],
    ],
  ],
])("%s", (_, results, expected) => {
  expect(texts(...results)).toEqual(expected);
});

it("tells codes apart", () => {
  const shared = shareCaveats([[{ code: "a", text: "t" }], [{ code: "b", text: "t" }]]);
  expect(shared.map(({ code }) => code)).toEqual(["a", "b"]);
});
