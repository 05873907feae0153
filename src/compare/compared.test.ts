import { expect, it } from "vitest";
import { compared } from "./compared.js";
import type { FigureKind } from "./result.js";

const runs = (values: readonly number[], kind: FigureKind = "recorded") =>
  values.map((value) => ({ value, kind }));

it("gives medians and ranges, and tests four or more runs a side", () => {
  expect(compared(runs([4, 1, 3, 2]), runs([8, 9, 7, 6]))).toEqual({
    before: { kind: "recorded", median: 2.5, least: 1, most: 4 },
    after: { kind: "recorded", median: 7.5, least: 6, most: 9 },
    change: 5,
    ratio: 2,
    ranges: "apart",
    p: 2 / 70,
    significant: true,
  });
  expect(compared(runs([1, 2, 3, 5]), runs([4, 6, 7, 8]))).toMatchObject({ p: 4 / 70, significant: false });
});

it("with fewer runs on either side there is no test", () => {
  const few = compared(runs([1, 2, 3]), runs([4, 5, 6, 7, 8]));
  expect(few).toMatchObject({ ranges: "apart", p: null, significant: null });
  expect(compared(runs([1, 4]), runs([4, 5]))).toMatchObject({ ranges: "overlapping", p: null });
});

it("a figure has the kind of its least certain run; the ratio to 0 is null", () => {
  const mixed = [...runs([0]), ...runs([0], "exact"), ...runs([0], "at least")];
  expect(compared(mixed, [...mixed, ...runs([3], "modelled")])).toMatchObject({
    before: { kind: "at least" },
    after: { kind: "modelled" },
    ratio: null,
  });
});
