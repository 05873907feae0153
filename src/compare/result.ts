/**
 * The results as JSON: `s2replay-diff/1`, `s2replay-compare/1` and `s2replay-replay/1`. Published as JSON Schema by
 * `s2replay schema`. Fields may be added within a major version; none is renamed or removed.
 */

import { z } from "zod";
import { scalableCosts } from "../replay/cost-scale.js";
import { rules } from "../stage2/finding.js";

const count = z.int().nonnegative();
export const ns = z.int().nonnegative();
const ratio = z.number().min(0).max(1);

const faults = z.object({
  total: count.describe("aborts on memory, laps of a retried access included"),
  byClass: z.object({ translation: count, permission: count, accessFlag: count }),
  byCause: z
    .object({
      firstTouch: count,
      loggingWrite: count,
      hole: count,
      coalesceTrigger: count,
      brokenWindow: count,
      lostRace: count,
      afterUnmap: count,
      relax: count,
      accessFlag: count,
      unexplained: count,
    })
    .describe("exclusive; sums to total"),
  guestTable: count.describe("of the total, faults of the guest's own table walk (S1PTW)"),
  retries: count.describe("aborts beyond the first of one access"),
  accessesFaulted: count.describe("total - retries"),
  avoided: count.describe("recorded faults that this strategy does not take"),
  added: count.describe("faults that were not recorded"),
  addedIsLowerBound: z.boolean().describe("the trace holds no accesses that hit, so more may be added"),
});

const replay = z.object({
  strategy: z.string(),
  faults,
  mmioAborts: count.describe("aborts outside every memslot; never counted as faults"),
  stallNs: z.object({ total: ns, p50: ns, p90: ns, p99: ns, max: ns }).describe("per faulted access"),
  windows: z
    .object({ count, totalNs: ns, p50Ns: ns, maxNs: ns })
    .describe("from an entry's break to its install"),
  makespanNs: ns.describe("first start to last end, gaps left out"),
  costNs: z
    .object({
      exit: ns,
      handler: ns,
      lockWait: ns,
      retry: ns,
      cpuWait: ns,
      walk: ns,
      tlbi: ns,
      clean: ns,
      teardown: ns,
    })
    .describe("where the stall goes"),
  ops: z.object({
    entriesVisited: count,
    pteStores: count,
    pagesPut: count,
    tablesFreed: count,
    tlbiVmid: count,
    tlbiIpa: count,
    tlbiRange: count,
    bytesCleaned: count,
  }),
});

export const mmioAborts = z
  .object({ slots: count, answer: count, userspaceExit: count, noMap: count })
  .describe(
    "aborts that were not memory faults, by what showed it: outside all known memslots; answered with 0; left to the VMM with KVM_EXIT_MMIO; no slots known, and no map came",
  );

export const trace = z.object({
  source: z.string(),
  events: count,
  durationNs: ns,
  vms: count,
  vcpus: count,
  kernel: z.string().nullable(),
  recordedUnder: z.string().nullable().describe("the strategy that the recording kernel ran"),
  skipped: count.describe("lines skipped under --lenient"),
  skippedByReason: z.record(z.string(), count),
  lostEvents: count.describe("events that the ring buffer lost"),
  incompleteEpisodes: count,
  mmioAborts,
  assumed: z.array(z.string()).describe("what the header did not say"),
  inferred: z.record(z.string(), count).describe("table entries that the trace only implied, by kind"),
});

export const profile = z.object({
  name: z.string(),
  source: z.string(),
  figures: count,
  assumed: count.describe("of the figures, those that nobody published or measured"),
  fit: z
    .object({
      operations: count,
      heldOut: z.object({ operations: count, medianError: z.number(), p90Error: z.number() }),
    })
    .optional()
    .describe(
      "the profile was fitted on this trace; errors are |predicted / recorded - 1| of operations held out",
    ),
});

const lockWaitNs = z
  .object({
    recorded: ns.describe("what passed between aborts and operations beyond the threads' own time"),
    replayed: ns.describe("the part of it that holds of the lock by others explain"),
  })
  .describe("no trace shows a request for the lock");

const offCpuNs = z
  .object({
    preempted: ns.describe("fit to run, and without a CPU"),
    slept: ns.describe("waiting for something else"),
  })
  .optional()
  .describe(
    "the part of lockWaitNs.recorded in which threads had no CPU, before they asked for the lock; only where the trace has sched events and a CPU for each vCPU",
  );

export const matching = {
  recordedFaults: count,
  replayedFaults: count,
  matched: count,
  corrected: count.describe("explained only with the help of the fault's own status code"),
  missing: count,
  extra: count,
  lockWaitNs,
  offCpuNs,
  explainedRatio: ratio
    .nullable()
    .describe("lockWaitNs.replayed and offCpuNs over lockWaitNs.recorded; null where nothing was"),
};

const selfReplay = z.object({
  strategy: z.string(),
  ...matching,
  byEpoch: z.array(z.object({ label: z.string(), ...matching })),
});

const interval = z.object({ low: z.number(), median: z.number(), high: z.number() });

/** See compare/figures.ts. */
export const figureKinds = ["recorded", "exact", "at least", "modelled"] as const;

const figure = z.object({
  kind: z.enum(figureKinds),
  interval: interval.optional().describe("between what it lies in the draws of --samples"),
});

const figures = z
  .record(z.string(), figure)
  .optional()
  .describe(
    "each number of the result by its path, as base.faults.total: recorded = taken from the trace; exact = follows from the recorded events and the walker's order of work, whatever anything costs; at least = a lower bound; modelled = it hangs on times that the profile or the replay's own order made",
  );

const epochSide = z.object({ makespanNs: ns, faults: count });

export const caveats = z.array(z.object({ code: z.string(), text: z.string() }));

const finding = z.object({
  strategy: z.string(),
  rule: z.enum(rules),
  count: count.describe("how often it was broken"),
  pages: count.describe("of memory exposed, or of tables leaked; else 0"),
  line: count.describe("of the trace, where the operation that first broke it begins"),
  operation: z.string(),
  ipa: z.string().nullable().describe("base of the entry's range, hex; null where nothing has an address"),
  level: z.int().nullable(),
  problem: z.string(),
  log: z.array(z.string()).describe("the walk around it; the event that shows it begins with >"),
});

const findings = z
  .array(finding)
  .nullable()
  .optional()
  .describe("what --sanitize found, each rule once for each strategy; null where no sanitizer watched");

const times = z.object({
  makespanNs: ns.describe("of the whole trace, or of the epoch that was asked for"),
  stallNs: ns,
});

const ablation = z
  .object({
    epoch: z.string().nullable().describe("of which the makespans are; null = the whole trace"),
    asIs: z
      .object({ base: times, candidate: times })
      .describe(
        "with every cost; replayed as the others are, so that base may differ a little from its self-replay, which keeps to the record",
      ),
    costs: z.array(
      z.object({
        label: z.enum(scalableCosts).describe("the cost that is zero here, under both strategies"),
        impossible: z.string().nullable().describe("why the replay cannot be without it; else null"),
        base: times,
        candidate: times,
        remaining: z
          .object({ makespan: z.number().nullable(), stall: z.number().nullable() })
          .describe(
            "of the change from base to candidate, the share that is left: 1 = all, below 0 = it turns; null where nothing changed",
          ),
      }),
    ),
  })
  .nullable()
  .optional()
  .describe("what --ablate found; null where it was not asked for");

const draws = z.object({
  draws: count,
  seed: z.int(),
  within: ratio.describe("share of the draws that lies from low to high"),
  drawn: z.array(z.string()).describe("figures of the profile that have a range, drawn from it"),
  remainders: z.array(z.string()).describe("figures that followed, so that published sums stay as published"),
  kept: z.array(z.string()).describe("assumed figures without a range, not varied"),
});

const samples = draws
  .extend({
    figures: z.array(
      z.object({
        label: z.string(),
        base: interval,
        candidate: interval,
        change: interval,
        relative: interval.describe("change over base, draw by draw"),
        falls: count.describe("draws in which the candidate has less"),
        rises: count,
        hangsOn: z
          .object({ figure: z.string(), rankCorrelation: z.number().min(-1).max(1) })
          .nullable()
          .describe(
            "the figure that the change follows best (Spearman); null where it follows none beyond chance",
          ),
      }),
    ),
  })
  .nullable()
  .optional()
  .describe("what --samples found; null where it was not asked for");

const drawn = draws
  .nullable()
  .optional()
  .describe("what --samples drew: figures has the intervals; null where it was not asked for");

const change = z.object({
  of: z
    .enum(["time", "stall", "faults"])
    .describe("what changes: a makespan, the guest's stall, or the number of faults"),
  epoch: z.string().nullable().describe("whose makespan it is; null = the whole trace"),
  epochIndex: z.int().nonnegative().nullable().describe("its place in epochs"),
  base: count,
  candidate: count,
  change: z.int().describe("candidate - base"),
  ratio: z.number().nullable().describe("change over base; null where base is 0"),
  interval: z
    .object({ low: z.number(), high: z.number() })
    .optional()
    .describe(
      "between what the change lies, by the draws of --samples, else by the ranges of the figures that its modelled parts were priced with",
    ),
});

export const outcomes = ["no difference", "gain", "loss", "does not tell"] as const;

const verdict = z
  .object({
    outcome: z
      .enum(outcomes)
      .describe(
        "no difference: no time, stall or number of faults changes; does not tell: a change is shown, and the reasons say why nothing follows from it",
      ),
    change: change
      .nullable()
      .describe(
        "in the epoch that changes most, or the one that was asked for; null where there is no difference",
      ),
    reasons: z.array(z.string()).describe("why it does not tell; empty where it does"),
    cause: z
      .object({
        cost: z
          .enum(scalableCosts)
          .describe("of the walker's own work (walk, tlbi, clean, teardown), what changes most"),
        remaining: z
          .number()
          .nullable()
          .describe(
            "of the change, the share that is left when it is free on both sides; null where that was not replayed",
          ),
      })
      .nullable()
      .describe("null where no cost of the walker's own work changes: then it is the order of its steps"),
    unsafe: z.boolean().describe("whether there are hazards"),
    hazards: z
      .array(
        z.object({
          rule: z.enum(rules),
          count,
          pages: count,
          atMost: z
            .boolean()
            .describe("pages is an upper bound: the trace does not show all that was mapped"),
          text: z.string(),
        }),
      )
      .describe("what no machine should run: see findings for how --sanitize found it"),
    baseUnsafe: z.boolean().describe("whether the base has hazards, too"),
  })
  .describe("what the candidate comes to against the base");

export const diffSchema = z
  .object({
    schema: z.literal("s2replay-diff/1"),
    verdict: verdict.optional(),
    trace,
    profile,
    timing: z.object({
      baseRecordedRatio: ratio.describe("share of the stall time taken as recorded; the rest is modelled"),
      candidateRecordedRatio: ratio,
    }),
    selfReplay: selfReplay.nullable().describe("null where the recording walker is unknown"),
    base: replay,
    candidate: replay,
    epochs: z.array(z.object({ label: z.string(), startNs: ns, base: epochSide, candidate: epochSide })),
    figures,
    ablation,
    samples,
    caveats,
    findings,
  })
  .meta({ title: "s2replay-diff/1", description: "One trace replayed under two strategies." });

export const replaySchema = z
  .object({
    schema: z.literal("s2replay-replay/1"),
    trace,
    profile,
    timing: z.object({ recordedRatio: ratio }),
    selfReplay: selfReplay.nullable().describe("null where the recording walker is unknown"),
    result: replay,
    epochs: z.array(z.object({ label: z.string(), startNs: ns, makespanNs: ns, faults: count })),
    figures,
    samples: drawn,
    caveats,
    findings,
  })
  .meta({ title: "s2replay-replay/1", description: "One trace replayed under one strategy." });

export const compareSchema = z
  .object({
    schema: z.literal("s2replay-compare/1"),
    trace,
    profile,
    selfReplay: selfReplay.nullable().describe("null where the recording walker is unknown"),
    sides: z
      .array(
        z.object({
          recordedRatio: ratio.describe("share of the stall time taken as recorded; the rest is modelled"),
          verdict: verdict.nullable().optional().describe("against the first; null of the first"),
          result: replay,
        }),
      )
      .describe("in the order asked for"),
    epochs: z.array(z.object({ label: z.string(), startNs: ns, sides: z.array(epochSide) })),
    figures,
    samples: drawn,
    caveats,
    findings,
  })
  .meta({ title: "s2replay-compare/1", description: "One trace replayed under several strategies." });

export type DiffResult = z.infer<typeof diffSchema>;
export type CompareResult = z.infer<typeof compareSchema>;
/** What the `replay` command prints. */
export type ReplayRunResult = z.infer<typeof replaySchema>;
/** One strategy's side of a result. */
export type ReplayResult = z.infer<typeof replay>;
export type Verdict = z.infer<typeof verdict>;
export type TraceSummary = z.infer<typeof trace>;
export type ProfileSummary = z.infer<typeof profile>;
export type SelfReplay = z.infer<typeof selfReplay>;
export type ResultFinding = z.infer<typeof finding>;
export type Caveat = z.infer<typeof caveats>[number];
/** What was drawn for `--samples`. */
export type Draws = z.infer<typeof draws>;
export type FigureKind = (typeof figureKinds)[number];
export type Figure = z.infer<typeof figure>;
export type FaultCause = keyof ReplayResult["faults"]["byCause"];
export type StallCost = keyof ReplayResult["costNs"];

/**
 * The published JSON Schema (draft 2020-12) of a result. It describes the known fields and allows others,
 * so that a document of a later minor version still validates.
 */
export function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: "input" });
}
