import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hex } from "../stage2/address-text.js";
import { strategies, strategyByName } from "../strategy/index.js";
import type { Law, Strategy } from "../strategy/strategy.js";
import { v6_1 } from "../strategy/v6.1.js";
import { breaches } from "./laws.js";
import { parseScripts, type Script } from "./script.js";

const GIB = 2 ** 30;
const MIB2 = 2 ** 21;
const PAGE = 4096;

function deviatesFrom(strategy: Strategy, law: Law): boolean {
  return strategy.deviations.some((deviation) => deviation.law === law);
}

// A small world, so that operations meet: three regions, few blocks and pages in each.
const region = fc.integer({ min: 1, max: 3 }).map((i) => i * GIB);
const block = fc.constantFrom(0, 1, 2, 511).map((i) => i * MIB2);
const page = fc.constantFrom(0, 1, 2, 255, 511).map((i) => i * PAGE);
const size = fc.constantFrom(PAGE, 2 * PAGE, 8 * PAGE, MIB2 - PAGE, MIB2, 2 * MIB2, 3 * MIB2 + PAGE, GIB);
const prot = fc.constantFrom("rwx", "rw", "rx", "r", "rwd");
const anyIpa = fc.tuple(region, block, page).map(([a, b, c]) => a + b + c);
interface Range {
  ipa: number;
  bytes: number;
}
const alignedRange: fc.Arbitrary<Range> = fc.oneof(
  fc.tuple(region, block, page, fc.constant(PAGE)).map(([a, b, c, bytes]) => ({ ipa: a + b + c, bytes })),
  fc.tuple(region, block, fc.constantFrom(MIB2, 2 * MIB2)).map(([a, b, bytes]) => ({ ipa: a + b, bytes })),
  region.map((ipa) => ({ ipa, bytes: GIB })),
);
const anyRange: fc.Arbitrary<Range> = fc.oneof(
  alignedRange,
  fc.tuple(anyIpa, size).map(([ipa, bytes]) => ({ ipa, bytes })),
);

/**
 * @param startsInBlocks unmap and write-protect may start inside a block
 * @param mapsAgain a map may ask for just what is there
 */
function scripts(startsInBlocks: boolean, mapsAgain: boolean): fc.Arbitrary<string[]> {
  const aMap = fc.record({
    op: fc.constant("map" as const),
    range: anyRange,
    prot,
    cachePages: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 8 }),
    shift: fc.constantFrom(0, 0, 0, PAGE, MIB2),
  });
  const range: fc.Arbitrary<Range> = startsInBlocks
    ? anyRange
    : fc.tuple(region, size).map(([ipa, bytes]) => ({ ipa, bytes }));
  const others = fc.oneof(
    fc.record({ op: fc.constantFrom("unmap" as const, "wp" as const), range }),
    fc.record({
      op: fc.constant("relax" as const),
      ipa: anyIpa,
      prot: fc.constantFrom("r", "w", "x", "rwx"),
    }),
    fc.record({ op: fc.constantFrom("young" as const, "old" as const), ipa: anyIpa }),
  );
  return fc
    .array(fc.oneof({ weight: 3, arbitrary: aMap }, { weight: 1, arbitrary: others }), { maxLength: 14 })
    .map((steps) =>
      steps.map((step, i) => {
        if (step.op === "map") {
          const fresh = mapsAgain ? 1 : i + 1;
          // A shifted page cannot be part of a block: that many pages would only take time.
          const shift = step.range.bytes > 4 * MIB2 ? 0 : step.shift;
          return map(step.range, fresh * 2 ** 38 + step.range.ipa + shift, step.prot, step.cachePages);
        }
        if ("range" in step) return `${step.op} ${hex(step.range.ipa)} ${hex(step.range.bytes)}`;
        return `${step.op} ${hex(step.ipa)}${"prot" in step ? ` ${step.prot}` : ""}`;
      }),
    );
}

function map(
  { ipa, bytes }: Range,
  phys = 2 ** 36 + ipa,
  rights = "rwx",
  cachePages: number | null = null,
): string {
  return `map ${hex(ipa)} ${hex(bytes)} ${hex(phys)} ${rights} ${cachePages ?? ""}`;
}

function scriptOf(lines: readonly string[], fwb = false): Script {
  return parseScripts([`S laws fwb=${Number(fwb)} range=0`, ...lines].join("\n"), "laws")[0]!;
}

describe.each(strategies)("$name", (strategy) => {
  const broken = (lines: string[], fwb: boolean) =>
    breaches(strategy, v6_1, scriptOf([...lines, "destroy"], fwb)).filter(
      // Two deviations are kept out by the choice of scripts, not forgiven.
      (breach) => breach.law !== "unclean-leaf" || !deviatesFrom(strategy, breach.law),
    );

  test("keeps the laws on any script that does not provoke its deviations", () => {
    const script = scripts(!deviatesFrom(strategy, "same-table"), !deviatesFrom(strategy, "same-answer"));
    fc.assert(
      fc.property(script, fc.boolean(), (operations, fwb) => {
        expect(broken(operations, fwb)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test("keeps its own table sound on any script at all", () => {
    fc.assert(
      fc.property(scripts(true, true), (operations) => {
        const unsound = broken(operations, false).filter(
          ({ law }) => law !== "same-table" && law !== "same-answer",
        );
        expect(unsound).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test.each(["same-table", "same-answer", "unclean-leaf"] as const)(
    "breaks %s where it says so, and only then",
    (law) => {
      const found = breaches(strategy, v6_1, scriptOf(provocations[law]));
      expect(found.some((breach) => breach.law === law)).toBe(deviatesFrom(strategy, law));
    },
  );
});

/** The shortest script that shows each deviation. */
const provocations = {
  // A block, pages behind it, and an unmap that starts inside the block.
  "same-table": [
    map({ ipa: GIB, bytes: MIB2 }),
    map({ ipa: GIB + MIB2, bytes: 3 * PAGE }),
    `unmap ${hex(GIB + MIB2 - PAGE)} ${hex(MIB2 + PAGE)}`,
  ],
  // The same page again: 0, or -EAGAIN.
  "same-answer": [map({ ipa: GIB, bytes: PAGE }), map({ ipa: GIB, bytes: PAGE })],
  // 511 pages of the block were never cleaned.
  "unclean-leaf": [map({ ipa: GIB, bytes: PAGE }), map({ ipa: GIB, bytes: MIB2 })],
} satisfies Partial<Record<Law, string[]>>;

test("relaxing what is not mapped may answer 0 or -EAGAIN", () => {
  for (const strategy of strategies)
    expect(breaches(strategy, v6_1, scriptOf([`relax ${hex(GIB)} w`]))).toEqual([]);
});

describe("the laws notice", () => {
  const prePatch = strategyByName("pre-patch")!;
  const coalesce = [map({ ipa: GIB, bytes: 3 * PAGE }), map({ ipa: GIB, bytes: MIB2 }), "destroy"];
  const lawsBroken = (
    leftOut: "tlbiVmid" | "invalidate" | "freeTable" | "getPage" | "cleanDcache" | "store",
  ) =>
    breaches(
      {
        ...prePatch,
        // The same ops, but for one that does nothing.
        createMapWalker: (ops, request) =>
          prePatch.createMapWalker(Object.create(ops, { [leftOut]: { value() {} } }), request),
      },
      v6_1,
      scriptOf(coalesce),
    ).map(({ law }) => law);

  test.each([
    ["tlbiVmid", ["flush-missing", "freed-before-flush"]],
    ["invalidate", ["break-before-make", "freed-while-reachable"]],
    ["freeTable", ["leaked-pages"]],
    ["getPage", ["wrong-reference-count", "freed-twice", "walk-into-freed"]],
    ["cleanDcache", ["unclean-leaf"]],
    ["store", ["leaked-pages", "wrong-reference-count", "bad-answer", "same-table"]],
  ] as const)("a walk without %s", (leftOut, laws) => {
    expect(lawsBroken(leftOut)).toEqual(laws);
  });
});
