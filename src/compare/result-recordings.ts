/** A comparison of recordings, as JSON: `s2replay-recordings/1`. Fields may be added within a major version. */

import { z } from "zod";
import { caveats, figureKinds, profile, trace } from "./result.js";

const ratio = z.number().min(0).max(1);

/** A number of several runs of one side. */
export const runsFigure = z
  .object({
    kind: z.enum(figureKinds).describe("the least certain of the runs': see figures of s2replay-replay/1"),
    median: z.number().nonnegative(),
    least: z.number().nonnegative(),
    most: z.number().nonnegative(),
  })
  .describe("of one side's runs");

const compared = z.object({
  before: runsFigure,
  after: runsFigure,
  change: z.number().describe("of the medians; below 0 = after has less"),
  ratio: z.number().nullable().describe("change over before's median; null where that is 0"),
  ranges: z
    .enum(["apart", "overlapping"])
    .describe("whether a run of one side lies between runs of the other, or is equal to one"),
  p: ratio
    .nullable()
    .describe("two-sided Mann-Whitney test of the runs; null where a side has fewer than four"),
  significant: z.boolean().nullable().describe("p < 0.05; null where p is"),
});

const side = z.object({
  runs: z.array(trace).describe("one for each recording, in the order asked for"),
  profile: profile.describe("of the first run's replay"),
  recordedRatio: ratio.describe(
    "share of the stall time taken as recorded, median of the runs; the rest is modelled",
  ),
});

export const recordedOutcomes = ["gain", "loss", "no significant change", "does not tell"] as const;

const verdict = z.object({
  outcome: z
    .enum(recordedOutcomes)
    .describe(
      "gain and loss are significant; does not tell: a change is shown, and the reasons say why nothing follows from it",
    ),
  change: compared
    .extend({
      epoch: z
        .string()
        .nullable()
        .describe("whose makespan it is; null = the whole trace, where no epoch is shared"),
    })
    .describe("in the epoch whose median changes most, or the one that was asked for"),
  reasons: z.array(z.string()).describe("why it does not tell; empty where it does"),
  unsafe: z
    .boolean()
    .describe("whether the walker of after leaves memory without a clean, and that of before does not"),
});

export const recordingsSchema = z
  .object({
    schema: z.literal("s2replay-recordings/1"),
    verdict,
    before: side,
    after: side,
    epochs: z
      .array(z.object({ label: z.string(), makespanNs: compared, faults: compared }))
      .describe("those that all recordings have"),
    figures: z
      .record(z.string(), compared)
      .describe("each number of a recording by its path in `result` of s2replay-replay/1, as stallNs.p50"),
    caveats,
  })
  .meta({
    title: "s2replay-recordings/1",
    description: "Recordings of two kernels or machines side by side, each as its own walker explains it.",
  });

export type RecordingsResult = z.infer<typeof recordingsSchema>;
/** A number on both sides, and its change. */
export type Compared = z.infer<typeof compared>;
export type RecordingsSide = z.infer<typeof side>;
export type RecordingsVerdict = z.infer<typeof verdict>;
