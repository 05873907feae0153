/** A point of a sweep as JSON: `s2replay-sweep/1`. Fields may be added within a major version. */

import { z } from "zod";

const ns = z.int().nonnegative();
const count = z.int().nonnegative();

const side = z.object({
  strategy: z.string(),
  makespanNs: ns.describe("of the epoch, or of the whole trace"),
  stallNs: ns,
  faults: count.describe("laps of a retried access included"),
  recordedRatio: z
    .number()
    .min(0)
    .max(1)
    .describe("share of the stall time taken as recorded; the rest is modelled"),
});

export const sweepSchema = z
  .object({
    schema: z.literal("s2replay-sweep/1"),
    parameters: z
      .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
      .describe(
        "by name: of a cost, and of guestReadNs, what it is multiplied with; of a figure of the profile, ns; of a workload's option, bytes for a size, ns for seconds",
      ),
    epoch: z.string().nullable().describe("of which the figures are; null = the whole trace"),
    base: side,
    candidate: side,
    change: z
      .object({
        makespanNs: z.int(),
        makespanRatio: z.number().nullable().describe("of the base's; null where that is 0"),
        stallNs: z.int(),
        faults: z.int(),
      })
      .describe("from base to candidate; below 0 = the candidate has less"),
    unsafe: z
      .boolean()
      .optional()
      .describe(
        "whether the candidate exposes memory that was not cleaned, or breaks a rule of the sanitizer",
      ),
    caveats: z.array(z.string()).describe("codes of what diff says of this point, sorted"),
  })
  .meta({
    title: "s2replay-sweep/1",
    description: "One point of a sweep: a line of what sweep prints as NDJSON.",
  });

export type SweepPoint = z.infer<typeof sweepSchema>;
