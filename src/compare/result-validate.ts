/** `s2replay-validate/1`: what a trace holds, and what of it a replay could not use. */

import { z } from "zod";

const count = z.int().nonnegative();
const ns = z.int().nonnegative();

const thread = z.object({
  pid: z.int(),
  comm: z.string().nullable(),
  vm: z.string().nullable().describe("the VM of its nearest map-like event"),
  vcpu: z.boolean().describe("it took a stage-2 abort"),
});

export const validateSchema = z
  .object({
    schema: z.literal("s2replay-validate/1"),
    source: z.string(),
    header: z.record(z.string(), z.unknown()).nullable().describe("the trace's header after checking"),
    lines: count,
    events: count,
    durationNs: ns.describe("from the first event to the last"),
    eventsByName: z.record(z.string(), count),
    unknownEvents: z.record(z.string(), count).describe("events the format does not know; ignored"),
    vms: count.describe("VMs that took a fault"),
    vcpus: count,
    threads: z.array(thread),
    lostEvents: count,
    incompleteEpisodes: count,
    skipped: count.describe("malformed lines: refused, or skipped under --lenient"),
    skippedByReason: z.record(z.string(), count),
    truncatedAtByte: count.nullable().describe("where the data ended early"),
    usable: z.boolean().describe("nothing is malformed and nothing is cut off"),
  })
  .meta({ title: "s2replay-validate/1", description: "What a trace holds, and what is wrong with it." });

export type ValidateResult = z.infer<typeof validateSchema>;
