import { expect, it } from "vitest";
import { resultOfDocument } from "../compare/documents.js";
import type { DiffResult, Verdict } from "../compare/result.js";
import { sampleDiff, sampleReplayRun } from "../compare/result.test.data.js";
import { renderMarkdown, renderText } from "./published.js";
import { summaryOf, verdictLines } from "./verdict.js";

const lines = (diff: DiffResult) =>
  verdictLines(resultOfDocument(diff)).map(({ label, text }) => `${label}: ${text}`);

/** A diff with another verdict. */
const judged = (change: Partial<Verdict>) => {
  const diff = sampleDiff();
  return { ...diff, verdict: { ...diff.verdict!, ...change } };
};

it("says what changes, which cost it comes from, and what becomes unsafe", () => {
  expect(lines(sampleDiff())).toMatchInlineSnapshot(`
    [
      "verdict: gain: ADJUST takes ~3.35 ms under post-patch, 57.5 % less than the 7.88 ms under pre-patch (-4.53 ms; -4.60 ms to -4.40 ms by what is assumed); guest stall -58.1 %; 128 faults, then ~125",
      "cause: cache clean: 93 % of this gain disappears when cache cleaning is free",
      "unsafe: nothing that the replay sees; --sanitize watches every walk",
    ]
  `);
  const { sides } = resultOfDocument(sampleReplayRun());
  expect(summaryOf(sides[0]!)).toMatchInlineSnapshot(
    `"Under pre-patch 128 faults stall the guest for 21.4 ms; 32 windows, the longest 201.0 us."`,
  );
});

it("what does not tell says why, and claims nothing", () => {
  const [first] = lines(judged({ outcome: "does not tell", reasons: ["a", "b"] }));
  expect(first).toMatch(/^verdict: does not tell: .*; but a; b$/);
});

it("law: figures carry their marks: a bound says so, and what is modelled is marked", () => {
  const bound = judged({});
  bound.figures!["candidate.faults.total"] = { kind: "at least" };
  expect(lines(bound)[0]).toContain("then at least 125");
  const recorded = judged({});
  recorded.timing.candidateRecordedRatio = 1;
  for (const figure of Object.values(recorded.figures!)) figure.kind = "recorded";
  expect(lines(recorded)[0]).not.toMatch(/~|at least/);
});

it("law: what is unsafe never reads as a plain gain: no green, no bare minus", () => {
  const hazards = [
    { rule: "unclean-leaf", count: 1, pages: 510, atMost: false, text: "memory became visible" },
  ] as const;
  const unsafe = judged({ unsafe: true, hazards: [...hazards] });
  expect(lines(unsafe)[0]).toMatch(/^verdict: gain, but unsafe: /);
  const green = "\u001b[32m";
  expect(renderText(sampleDiff(), { color: true })).toContain(green);
  expect(renderText(unsafe, { color: true })).not.toContain(green);
  for (const text of [renderText(unsafe, { color: false }), renderMarkdown(unsafe)]) {
    const table = text.split("\n").filter((line) => /^( {2}\w|\||guest stall|faults)/.test(line));
    for (const [minus] of table.join("\n").matchAll(/-[\d.<>,]+ ?(?:%|ns|us|ms|s|MiB)?.?/g))
      expect(minus).toMatch(/!$/);
  }
});
