import { expect, it } from "vitest";
import { didYouMean } from "./suggest.js";

const names = ["diff", "replay", "validate", "import"];

it.each([
  ["dif", ' (did you mean "diff"?)'],
  ["DIFF", ' (did you mean "diff"?)'],
  ["reply", ' (did you mean "replay"?)'],
  ["validte", ' (did you mean "validate"?)'],
  ["x", ""],
  ["", ""],
  ["frobnicate", ""],
  ["d".repeat(100_000), ""],
])("%s%s", (word, suggestion) => {
  expect(didYouMean(word, names)).toBe(suggestion);
});
