import type { CommandModule } from "yargs";
import { diffSchema } from "../compare/result.js";
import { UsageError } from "../errors.js";
import { type ScalableCost, scalableCosts } from "../replay/cost-scale.js";
import { diffColumns } from "../report/columns.js";
import { didYouMean } from "../suggest.js";
import { addImportOptions } from "./import-options.js";
import { addRecordings, type RecordingsArguments, recordingsIn, showRecordings } from "./recordings.js";
import { replayAndDeliver } from "./replaying.js";
import { addResultOptions, type TraceArguments } from "./trace-options.js";
import { addWatchFiles } from "./watch-files.js";
import { watchKinds } from "./watch-kinds.js";

interface DiffArguments extends Omit<TraceArguments, "trace">, RecordingsArguments {
  base: string | undefined;
  candidate: string | undefined;
  ablate: string | undefined;
  explain: boolean;
}

/** `clean,tlbi`, or `all`. Throws UsageError. */
function parseCosts(text: string): readonly ScalableCost[] {
  if (text === "all") return scalableCosts;
  return text.split(",").map((part) => {
    const name = part.trim();
    const cost = scalableCosts.find((known) => known === name);
    if (cost !== undefined) return cost;
    const known = [...scalableCosts, "all"];
    throw new UsageError(
      `--ablate: unknown cost "${name}"${didYouMean(name, known)}: expected ${known.join(", ")}`,
    );
  });
}

export const diffCommand: CommandModule<object, DiffArguments> = {
  command: "diff [trace] [other]",
  describe:
    "Replay a trace under two strategies, or set two recordings side by side, and print the difference",
  builder: (yargs) =>
    addResultOptions(
      addWatchFiles(
        addRecordings(addImportOptions(yargs))
          .option("base", {
            type: "string",
            requiresArg: true,
            describe:
              "a strategy's name, a kernel release, or a module's file (default: the walker that recorded the trace; where nobody knows it, pre-patch)",
          })
          .option("candidate", {
            type: "string",
            requiresArg: true,
            describe: "the strategy to compare with it (default: post-patch, against pre-patch)",
          }),
        watchKinds,
      )
        .option("ablate", {
          type: "string",
          requiresArg: true,
          describe: `replay both once more without each of these costs: ${scalableCosts.join(", ")}; or all`,
        })
        .option("explain", {
          type: "boolean",
          default: true,
          describe:
            "read the trace once more, without the cost that changes most, for the verdict to say what it explains; not where that cannot be done (a pipe)",
        }),
      diffColumns.join(", "),
    )
      .example("$0 diff host.ndjson.gz", "the walker that recorded it, pre-patch here, against post-patch")
      .example("$0 diff host.ndjson.gz --ablate all", "which cost the change comes from")
      .example("$0 diff old/trace.dat new/trace.dat", "what was recorded on two kernels, nothing predicted")
      .example("$0 diff --before old/*.dat --after new/*.dat", "several runs of each, with a test")
      .example("$0 diff host.ndjson --candidate ./mine.js", "a walker of your own")
      .example("gunzip -c host.ndjson.gz | $0 diff - --epoch ADJUST", "one epoch, from a pipe")
      .example(
        "$0 diff host.ndjson --fail-on 'candidate.faults.total > base.faults.total * 1.05'",
        "exit with status 1 where the candidate takes over 5 % more faults",
      ),
  handler: async (args) => {
    const recordings = recordingsIn(args);
    if (recordings !== undefined) return showRecordings(args, recordings);
    const { trace } = args;
    if (trace === undefined) throw new UsageError("expected a trace; see s2replay diff --help");
    return replayAndDeliver(
      { ...args, trace },
      {
        kind: "diff",
        strategies: [args.base, args.candidate],
        explain: args.explain,
        ablate: args.ablate === undefined ? [] : parseCosts(args.ablate),
        schema: diffSchema,
        columns: diffColumns,
        files: watchKinds,
      },
    );
  },
};
