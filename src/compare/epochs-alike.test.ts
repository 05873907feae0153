import { expect, it } from "vitest";
import { epochsAlike } from "./epochs-alike.js";

it("pairs epochs by their labels, and names those that not all recordings have", () => {
  expect(
    epochsAlike([
      ["BEFORE", "CREATE", "ADJUST"],
      ["CREATE", "ADJUST", "END"],
      ["CREATE", "ADJUST"],
    ]),
  ).toEqual({
    shared: [
      { label: "CREATE", at: [1, 0, 0] },
      { label: "ADJUST", at: [2, 1, 1] },
    ],
    apart: [
      { label: "BEFORE", of: [0] },
      { label: "END", of: [1] },
    ],
  });
});

it("pairs epochs of one label by their order", () => {
  expect(
    epochsAlike([
      ["A", "B", "A"],
      ["A", "A", "B"],
    ])!.shared,
  ).toEqual([
    { label: "A", at: [0, 0] },
    { label: "B", at: [1, 2] },
    { label: "A", at: [2, 1] },
  ]);
});

it("pairs all by their order where no label is shared, and none where their numbers differ too", () => {
  expect(epochsAlike([["old"], ["new"]])).toEqual({
    shared: [{ label: "old / new", at: [0, 0] }],
    apart: [],
  });
  expect(epochsAlike([["old"], ["new", "newer"]])).toBeUndefined();
  expect(epochsAlike([["old"], []])).toBeUndefined();
  expect(epochsAlike([[], []])).toEqual({ shared: [], apart: [] });
});
