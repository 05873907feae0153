import { describe, expect, test } from "vitest";
import { seededRandom } from "../seeded-random.js";
import { strategies, strategyByName } from "../strategy/index.js";
import type { Strategy } from "../strategy/strategy.js";
import { mutants } from "./mutants.test.data.js";
import { randomScript } from "./random-script.js";
import { parseScripts } from "./script.js";
import { tryScript } from "./trial.js";
import { verdictText } from "./verdict-text.js";
import { likeOf, type Verdict, verify } from "./verify.js";

function judge(strategy: Strategy, like = likeOf(strategy), seed = 1): Verdict {
  const steps = verify(strategy, { like, seed, generated: 60, shipped: [] });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

const mutant = (mistake: string) => mutants.find((each) => each.mistake === mistake)!.strategy;
const broken = (verdict: Verdict) => verdict.broken.map(({ law }) => law);

describe("verify", () => {
  test.each(strategies.filter(({ name }) => name !== "post-patch"))("finds $name sound", (strategy) => {
    expect(broken(judge(strategy))).toEqual([]);
  });

  test("fails post-patch, though it declares its lost clean", () => {
    const verdict = judge(strategyByName("post-patch")!);
    expect(broken(verdict)).toEqual(["unclean-leaf"]);
    expect(verdict.deviations.map(({ deviation, seen }) => [deviation.law, seen !== undefined])).toEqual([
      ["same-table", false],
      ["unclean-leaf", true],
    ]);
  });

  test("forgives what is declared and harms no machine", () => {
    const verdict = judge(strategyByName("pre-patch")!, strategyByName("v6.1"));
    expect(broken(verdict)).toEqual([]);
    expect(verdict.deviations[0]!.seen).toMatchObject({ law: "same-table" });
    const undeclared = { ...strategyByName("pre-patch")!, deviations: [] };
    expect(broken(judge(undeclared, strategyByName("v6.1")))).toEqual(["same-table"]);
  });

  test.each([
    ["no TLBI", ["flush-missing", "freed-before-flush"]],
    ["TLBI after make", ["break-before-make"]],
    ["the free of follow dropped", ["leaked-pages"]],
    ["success without a mapping", ["bad-answer", "same-table", "same-answer"]],
  ])("%s: %j", (mistake, laws) => {
    expect(broken(judge(mutant(mistake)))).toEqual(laws);
  });

  test("shows the cause first: an extra put before the free of what is still used", () => {
    expect(broken(judge(mutant("an extra put_page on the anchor")))[0]).toBe("wrong-reference-count");
  });

  test("the smallest example still breaks the rule, and nothing can be left out of it", () => {
    const strategy = mutant("no TLBI");
    const [{ script, law }] = judge(strategy).broken as [Verdict["broken"][number]];
    const breaks = (operations: typeof script.operations) =>
      tryScript(strategy, { ...script, operations }).found.some(({ rule }) => rule === law);
    expect(breaks(script.operations)).toBe(true);
    for (let i = 0; i < script.operations.length; i++)
      expect(breaks(script.operations.filter((_, at) => at !== i))).toBe(false);
  });

  test("the same seed gives the same verdict, another one another", () => {
    const text = (seed: number) => verdictText(judge(mutant("no TLBI"), undefined, seed), "mine.js");
    expect(text(1)).toBe(text(1));
    expect(text(1)).not.toBe(text(2));
  });

  test("a reviewer sees what is wrong, how often, how to repeat it, and the walk", () => {
    const verdict = judge(mutant("no TLBI"));
    const text = verdictText(verdict, "./mine.js");
    expect(text).toContain("VERDICT     2 rules broken: flush-missing, freed-before-flush\n");
    expect(text).toMatch(/^1\. flush-missing \([\d,]+ times, in \d+ scenarios\): /m);
    expect(text).toMatch(/^ {5}> PTE L\d 0x[0-9a-f]+ in p\d+: invalid -> /m);
    expect(text).toContain("s2replay walk - --strategy ./mine.js");
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    // Its lines are a script.
    const lines = text.split("\n");
    const from = lines.findIndex((line) => line.startsWith("     S "));
    const example = lines.slice(from, lines.indexOf("", from)).join("\n");
    expect(parseScripts(example, "mail")[0]!.operations.length).toBe(
      verdict.broken[0]!.script.operations.length,
    );
  });
});

test("likeOf: the kernel's walker of the same generation, never the strategy itself", () => {
  const names = strategies.map((strategy) => [strategy.name, likeOf(strategy).name]);
  expect(Object.fromEntries(names)).toEqual({
    "pre-patch": "v5.12-rc1",
    "post-patch": "pre-patch",
    "post-patch+clean": "pre-patch",
    "v5.10": "pre-patch",
    "v5.10-rfc": "pre-patch",
    "v5.12-rc1": "pre-patch",
    "reorder-only": "pre-patch",
    "v6.1": "v6.12",
    "v6.12": "v6.1",
    "v7.2": "v6.1",
  });
});

test("random scenarios coalesce, split, unmap and run out of memory", () => {
  const random = seededRandom(1);
  const scripts = Array.from({ length: 200 }, (_, i) => randomScript(`g${i}`, random));
  const operations = scripts.flatMap((script) => script.operations);
  expect(new Set(operations.map(({ name }) => name))).toEqual(
    new Set(["map", "unmap", "wp", "flush", "relax", "young", "old", "isyoung", "destroy"]),
  );
  const answers = scripts.flatMap((script) => tryScript(strategyByName("v6.1")!, script, false).returns);
  for (const answer of [0, -11, -12])
    expect(answers.filter((each) => each === answer).length).toBeGreaterThan(5);
  const exposing = scripts.filter(
    (script) => tryScript(strategyByName("post-patch")!, script).found.length > 0,
  );
  expect(exposing.length).toBeGreaterThan(20);
});
