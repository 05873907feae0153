/** A prediction and what was measured, as JSON: `s2replay-prediction/1`. Fields may be added within a major version. */

import { z } from "zod";
import { caveats, outcomes, profile, trace } from "./result.js";
import { recordedOutcomes, runsFigure } from "./result-recordings.js";

const ratio = z.number().nullable();

const row = z
  .object({
    before: runsFigure.describe("recorded in the runs of before"),
    predicted: runsFigure.describe("of the same runs, replayed under the candidate"),
    after: runsFigure.describe("recorded in the runs of after"),
    error: ratio.describe(
      "of the median predicted, to the nearest point of after's range and relative to it: 0 = inside; null where that point is 0",
    ),
    change: z.object({
      predicted: z
        .object({ median: z.number(), least: z.number(), most: z.number() })
        .nullable()
        .describe("of each run of before, relative to what that run has; null where one has 0"),
      measured: ratio.describe("of the medians of before and after; null where before's is 0"),
    }),
  })
  .describe("a number before the change, predicted from there, and after it");

const side = z.object({
  strategy: z.string().describe("walker that ran"),
  runs: z.array(trace).describe("one for each recording, in the order asked for"),
});

export const predictionSchema = z
  .object({
    schema: z.literal("s2replay-prediction/1"),
    verdict: z.object({
      epoch: z
        .string()
        .nullable()
        .describe("whose makespan it is about: the one that the recordings' own verdict is about"),
      makespanNs: row,
      predicted: z
        .array(z.object({ outcome: z.enum(outcomes), runs: z.number().int().positive() }))
        .describe("what diff says of the runs of before, the most frequent first"),
      measured: z.enum(recordedOutcomes).describe("what diff says of before and after side by side"),
      p: z
        .number()
        .nullable()
        .describe(
          "two-sided Mann-Whitney test of before against after; null where a side has fewer than four runs",
        ),
      reasons: z.array(z.string()).describe("why the measurement does not tell; empty where it does"),
      unsafe: z
        .boolean()
        .describe("whether the candidate is one that no machine should run, in a run of before"),
    }),
    before: side,
    after: side,
    candidate: z.string(),
    profile: profile.describe("of the first run's replay"),
    epochs: z
      .array(z.object({ label: z.string(), makespanNs: row, faults: row }))
      .describe("those that all recordings have"),
    figures: z
      .record(z.string(), row)
      .describe("each number of a replay by its path in `result` of s2replay-replay/1, as stallNs.p50"),
    caveats,
  })
  .meta({
    title: "s2replay-prediction/1",
    description: "What recordings of one kernel predict of another, beside recordings of that one.",
  });

export type PredictionResult = z.infer<typeof predictionSchema>;
/** A number before, predicted and after. */
export type PredictionRow = z.infer<typeof row>;
