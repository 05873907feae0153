/** `s2replay-self-replay/1`: a trace replayed under the walker that recorded it, fault by fault. */

import { z } from "zod";
import { type MismatchReason, mismatchReasons } from "../replay/mismatch.js";
import { caveats, matching, ns, profile, trace } from "./result.js";

const count = z.int().nonnegative();
const reason = z.enum(Object.keys(mismatchReasons) as [MismatchReason, ...MismatchReason[]]);
const fault = z.object({
  class: z.enum(["translation", "accessFlag", "permission", "other", "hit"]),
  level: z.int(),
});
const epoch = {
  ...matching,
  makespanNs: z
    .object({ recorded: ns, replayed: ns })
    .describe("first start to last end, or from mark to mark where the epoch has an end mark"),
};

const mismatch = z.object({
  reason,
  epoch: z.string(),
  line: count.describe("of the trace, where the fault begins"),
  atNs: ns.describe("of the fault in the trace"),
  pid: z.int(),
  vcpu: count.nullable(),
  ipa: z.string().describe("hex"),
  recorded: fault,
  replayed: fault.describe("what the table gave at the time first taken for the access"),
  earlierNs: z.int().describe("how much earlier the table gave the recorded fault; 0 where it did not"),
  corrected: count,
  missing: count,
  extra: count,
});

export const selfReplaySchema = z
  .object({
    schema: z.literal("s2replay-self-replay/1"),
    trace,
    profile,
    strategy: z.string(),
    caveats: caveats.describe("about the recording walker, and the recording machine"),
    ...epoch,
    byEpoch: z.array(z.object({ label: z.string(), ...epoch })),
    byReason: z.partialRecord(reason, count).describe("mismatches"),
    mismatches: z.array(mismatch).describe("in the order of the replay; all of them"),
  })
  .meta({
    title: "s2replay-self-replay/1",
    description: "A trace replayed under the walker that recorded it, fault by fault.",
  });

export type SelfReplayResult = z.infer<typeof selfReplaySchema>;
export type ResultMismatch = SelfReplayResult["mismatches"][number];
