/**
 * Small behaviours whose right answer is known by reasoning: a folder of fixtures/ that has an expected.json is
 * one, and its why.md says the reasoning. What it expects is checked path by path: a value must be equal (null =
 * null or absent), a { min, max } must hold the figure, a { contains } must be part of the text or of the JSON.
 * What `open` lists is right and not yet so: each path with its reason, to be struck out when it comes to hold.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diffTrace } from "./diff.js";
import type { DiffOptions } from "./options.js";
import { type DiffResult, diffSchema } from "./result.js";

const root = join(import.meta.dirname, "../../fixtures");

type Expectation =
  | null
  | number
  | string
  | boolean
  | { readonly min: number; readonly max: number }
  | { readonly contains: string };

interface Expected {
  readonly options: Omit<DiffOptions, "input" | "lenient">;
  readonly expect: Readonly<Record<string, Expectation>>;
  readonly open?: Readonly<Record<string, string>>;
}

const folders = readdirSync(root)
  .filter((name) => existsSync(join(root, name, "expected.json")))
  .sort();

/** The value at a dotted path; undefined where the path leads nowhere. */
function valueAt(result: unknown, path: string): unknown {
  let value = result;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Why the value is not what was expected; undefined where it is. */
function complaint(path: string, value: unknown, expected: Expectation): string | undefined {
  const got = `${path}: got ${JSON.stringify(value)}`;
  if (expected === null) return value === null || value === undefined ? undefined : `${got}, expected none`;
  if (typeof expected !== "object")
    return value === expected ? undefined : `${got}, expected ${JSON.stringify(expected)}`;
  if ("contains" in expected)
    return (JSON.stringify(value) ?? "").includes(expected.contains)
      ? undefined
      : `${got}, expected ${expected.contains} in it`;
  const { min, max } = expected;
  return typeof value === "number" && value >= min && value <= max
    ? undefined
    : `${got}, expected ${min} to ${max}`;
}

function complaints(result: DiffResult, { expect: expected, open = {} }: Expected): string[] {
  const unknown = Object.keys(open).filter((path) => expected[path] === undefined);
  return [
    ...unknown.map((path) => `${path}: open, but not expected`),
    ...Object.entries(expected).flatMap(([path, value]) => {
      const wrong = complaint(path, valueAt(result, path), value);
      if (open[path] === undefined) return wrong ?? [];
      return wrong === undefined ? `${path}: holds now; strike it from open (${open[path]})` : [];
    }),
  ];
}

const sum = (figures: Readonly<Record<string, number>>) => Object.values(figures).reduce((a, b) => a + b, 0);

describe("fixtures", () => {
  it("are there", () => expect(folders.length).toBeGreaterThanOrEqual(12));

  it.each(folders)("%s", async (name) => {
    const folder = join(root, name);
    const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Expected;
    const why = readFileSync(join(folder, "why.md"), "utf8").trim();
    expect(why, "why.md is one line").toMatch(/^.+$/);
    const options = { lenient: false, ...expected.options, input: join(folder, "trace.ndjson") };
    const result = await diffTrace(options);
    expect(complaints(result, expected), why).toEqual([]);
    for (const { faults, costNs, stallNs } of [result.base, result.candidate]) {
      expect(sum(faults.byCause), "the causes sum to the faults").toBe(faults.total);
      expect(sum(faults.byClass), "the classes sum to the faults").toBe(faults.total);
      const apart = Math.abs(sum(costNs) - stallNs.total);
      expect(apart, "the costs sum to the stall, up to rounding").toBeLessThanOrEqual(8 + faults.total);
    }
    expect(diffSchema.parse(result)).toEqual(result);
    expect(JSON.stringify(await diffTrace(options)), "the same bytes again").toBe(JSON.stringify(result));
  });
});

describe("a fixture's expectation", () => {
  const result = { a: { b: [1, "two"] }, none: null };
  it.each<[string, Expectation, boolean]>([
    ["a.b.0", 1, true],
    ["a.b.0", 2, false],
    ["a.b.0", "1", false],
    ["a.b.0", { min: 0, max: 1 }, true],
    ["a.b.0", { min: 2, max: 3 }, false],
    ["a.b.1", { min: 0, max: 9 }, false],
    ["a.b", { contains: "two" }, true],
    ["a.b", { contains: "three" }, false],
    ["a.c.d", 0, false],
    ["a.c.d", { contains: "d" }, false],
    ["a.c.d", null, true],
    ["none", null, true],
    ["a.b.0", null, false],
  ])("%s against %j", (path, expected, holds) => {
    expect(complaint(path, valueAt(result, path), expected) === undefined).toBe(holds);
  });
});
