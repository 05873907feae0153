import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { render as renderMarkdown } from "../report/markdown.js";
import { predictionSheet } from "../report/prediction.js";
import { render as renderText } from "../report/terminal.js";
import { diffTrace, replayTrace } from "./diff.js";
import { figurePaths, numberAt } from "./figures.js";
import { validatePrediction } from "./prediction.js";
import { jsonSchemaOf } from "./result.js";
import { type PredictionResult, predictionSchema } from "./result-prediction.js";

const traceOf = (name: string) =>
  fileURLToPath(new URL(`../../traces/5.10.262-${name}-h2m-1v.ndjson.gz`, import.meta.url));
const [prepatch, postpatch] = [traceOf("prepatch"), traceOf("postpatch")];
const counted = { lenient: false, slot: 1, epoch: "ADJUST" } as const;

const predict = (before: string[], after: string[], candidate: string) =>
  validatePrediction({
    ...counted,
    threads: 1,
    before: { inputs: before },
    after: { inputs: after },
    candidate,
  });

describe("one run a side", () => {
  let result: PredictionResult;

  beforeAll(async () => {
    result = await predict([prepatch], [postpatch], "post-patch");
  });

  it("law: predicted is what diff predicts, before and after what each recording shows", async () => {
    const diff = await diffTrace({ ...counted, input: prepatch, candidate: "post-patch" });
    const own = await replayTrace({ ...counted, input: postpatch, strategy: "post-patch" });
    for (const path of figurePaths(diff.base)) {
      const { before, predicted, after } = result.figures[path]!;
      expect([path, before.median, predicted.median, after.median]).toEqual([
        path,
        ...[diff.base, diff.candidate, own.result].map((side) => numberAt(side, path)),
      ]);
    }
    const [epoch] = result.epochs;
    expect(epoch!.makespanNs.predicted.median).toBe(diff.epochs[0]!.candidate.makespanNs);
    expect(result.verdict).toMatchObject({
      epoch: "ADJUST",
      predicted: [{ outcome: diff.verdict!.outcome, runs: 1 }],
      measured: "does not tell",
      p: null,
      unsafe: true,
    });
  });

  it("gives the error to what was recorded, and both changes", () => {
    const { before, predicted, after, error, change } = result.verdict.makespanNs;
    expect(error).toBe(predicted.median / after.median - 1);
    expect(change.predicted!.median).toBe(predicted.median / before.median - 1);
    expect(change.measured).toBe(after.median / before.median - 1);
    expect(result.figures["ops.bytesCleaned"]).toMatchObject({ error: 0, change: { measured: -1 } });
    expect(result.figures["faults.byCause.hole"]!.change).toEqual({ predicted: null, measured: null });
  });

  it("keeps its schema", () => {
    expect(predictionSchema.parse(result)).toEqual(result);
    expect(jsonSchemaOf(predictionSchema)).toMatchObject({ title: "s2replay-prediction/1" });
  });

  it("says the same as text and as markdown", () => {
    const text = renderText(predictionSheet(result), { color: false });
    expect(text).toMatch(/^verdict +ADJUST under post-patch: ~2\.\d+ ms predicted, -\d/);
    expect(text).toMatch(/predicted +gain, but unsafe\n/);
    expect(text).toMatch(/before +predicted +after +error +change, predicted +change, recorded\n/);
    expect(text).toMatch(/ cleaned +64\.0 MiB +0 +0 +-100\.0 % +-100\.0 %\n/);
    expect(renderMarkdown(predictionSheet(result), { columns: ["error"] })).toContain(
      "\n|  | error |\n| :-- | --: |\n",
    );
  });
});

it("law: a recording predicts itself without an error, in every figure", async () => {
  const result = await predict([prepatch], [prepatch], "pre-patch");
  const rows = [
    ...Object.values(result.figures),
    ...result.epochs.flatMap(({ makespanNs, faults }) => [makespanNs, faults]),
  ];
  for (const { before, predicted, after, error, change } of rows) {
    expect([predicted.median, after.median, error]).toEqual([before.median, before.median, 0]);
    if (before.median > 0)
      expect(change).toEqual({ predicted: { median: 0, least: 0, most: 0 }, measured: 0 });
  }
  expect(result.verdict).toMatchObject({
    predicted: [{ outcome: "no difference", runs: 1 }],
    measured: "no significant change",
  });
  expect(renderText(predictionSheet(result), { color: false })).toContain("recorded, 0 %: error 0 %");
});

it("holds several runs by their medians, and the error is to the nearest run", async () => {
  const result = await predict([prepatch, postpatch], [postpatch], "post-patch");
  const { before, predicted, after, error } = result.verdict.makespanNs;
  // Under post-patch the second run is what was recorded after.
  expect(predicted.least === after.median || predicted.most === after.median).toBe(true);
  expect(before.least).toBe(after.median);
  expect(error).toBe(predicted.median / after.median - 1);
  expect(result.verdict.predicted.map(({ runs }) => runs)).toEqual([1, 1]);
});

it("tells where the recordings held against it ran another walker", async () => {
  const result = await validatePrediction({
    ...counted,
    threads: 1,
    before: { inputs: [prepatch] },
    after: { inputs: [postpatch], recording: { walker: "post-patch" } },
    candidate: "post-patch+clean",
  });
  expect(result.caveats).toContainEqual({
    code: "unlike-walkers",
    text: "what is predicted is post-patch+clean; the recordings held against it ran post-patch",
  });
});

it("refuses a strategy that is none before it reads anything", async () => {
  await expect(predict(["nowhere"], ["nowhere"], "nosuch")).rejects.toThrow(UsageError);
  await expect(predict(["nowhere"], ["nowhere"], "nosuch")).rejects.toThrow('no strategy named "nosuch"');
});
