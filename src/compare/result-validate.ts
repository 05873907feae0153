/** `s2replay-validate/1`: what a trace holds, and which parts of it a replay could not use. */

import { z } from "zod";
import { caveats, mmioAborts } from "./result.js";

const count = z.int().nonnegative();
const ns = z.int().nonnegative();

const thread = z.object({
  pid: z.int(),
  comm: z.string().nullable(),
  vm: z.string().nullable().describe("the VM that it worked for last"),
  vcpu: z.boolean().describe("it took a stage-2 abort, or entered the guest"),
});

const tiedBy = z.enum(["none", "vm", "pgt", "kvm", "memslot", "mmu", "tgid", "slots"]);
const did = z
  .array(
    z.enum(["fault", "entry", "access", "memslot", "operation", "notifier", "tlbi", "teardown", "marker"]),
  )
  .describe("what the thread did");
const someone = { pid: z.int(), comm: z.string().nullable(), tgid: z.int().nullable() };

const vcpu = z.object({
  number: count,
  numberFrom: z
    .enum(["event", "comm", "order"])
    .describe("the events' vcpu, the thread's name, or the order of first faults"),
  ...someone,
  tiedBy,
  did,
  memoryFaults: count,
  mmioAborts: count,
  firstSeenNs: ns,
  lastSeenNs: ns,
});

const vm = z.object({
  name: z.string(),
  pgt: z.string().nullable(),
  kvm: z.string().nullable(),
  tgid: z.int().nullable(),
  tableTiedBy: tiedBy.nullable().describe("what tied the table to slots that were told of before it"),
  firstSeenNs: ns.nullable(),
  lastSeenNs: ns.nullable(),
  destroyed: z.boolean(),
  memslots: z
    .array(
      z.object({ slot: count, gpa: z.string(), bytes: count, logging: z.boolean(), deleted: z.boolean() }),
    )
    .describe("each as last set"),
  memslotsComplete: z
    .boolean()
    .nullable()
    .describe("false where memory was mapped outside them, null where the trace shows none"),
  tables: z.enum(["empty", "populated", "unknown"]).describe("when it was first seen to fault"),
  firstAbort: z.object({ atNs: ns, ipa: z.string(), class: z.string(), level: z.int() }).nullable(),
  memoryFaults: count.describe("aborts on memory, each lap one"),
  faultsWithoutOperation: count,
  mmioAborts,
  vcpus: z.array(vcpu),
  otherThreads: z.array(
    z.object({
      ...someone,
      tiedBy: z.enum([...tiedBy.options, "past"]).describe("past: it works for another VM now"),
      did,
    }),
  ),
});

const who = z
  .object({
    vms: z.array(vm),
    untied: z.array(
      z.object({
        ...someone,
        tiedBy,
        did,
        vcpu: z.boolean(),
        memoryFaults: count,
        mmioAborts: count,
        why: z.string(),
      }),
    ),
  })
  .describe("which VMs and threads were found, and how");

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
    who,
    lostEvents: count,
    incompleteEpisodes: count,
    skipped: count.describe("malformed lines: refused, or skipped under --lenient"),
    skippedByReason: z.record(z.string(), count),
    truncatedAtByte: count.nullable().describe("where the data ended early"),
    caveats: caveats.describe("where the options contradict the header"),
    usable: z.boolean().describe("nothing is malformed and nothing is cut off"),
  })
  .meta({ title: "s2replay-validate/1", description: "What a trace holds, and what is wrong with it." });

export type ValidateResult = z.infer<typeof validateSchema>;
