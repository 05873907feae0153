import type { CommandModule } from "yargs";
import { diffTrace } from "../compare/diff.js";
import type { DiffOptions } from "../compare/options.js";
import { type DiffResult, diffSchema } from "../compare/result.js";
import { sampleDiff } from "../compare/samples.js";
import { UsageError } from "../errors.js";
import { type ScalableCost, scalableCosts } from "../replay/cost-scale.js";
import { diffColumns } from "../report/columns.js";
import { didYouMean } from "../suggest.js";
import { openPlot } from "./plot-option.js";
import { startCount, startReplay } from "./progress.js";
import { withRereadable } from "./rereadable.js";
import {
  addSides,
  addTraceOptions,
  columnsFrom,
  deliver,
  failOnOf,
  type SideArguments,
  type TraceArguments,
  traceOptionsOf,
} from "./trace-options.js";
import { parseCount } from "./values.js";
import { addWatchFiles, openWatchFiles } from "./watch-files.js";
import { watchKinds } from "./watch-kinds.js";

interface DiffArguments extends TraceArguments, SideArguments {
  ablate: string | undefined;
  samples: string | undefined;
  seed: string;
}

async function sampled(
  result: DiffResult,
  options: DiffOptions,
  count: number,
  seed: number,
): Promise<DiffResult> {
  const { stop, ...progress } = startCount("draws");
  return sampleDiff(result, options, { count, seed, ...progress }).finally(stop);
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
  command: "diff <trace>",
  describe: "Replay a trace under two strategies and print the difference",
  builder: (yargs) =>
    addTraceOptions(
      addWatchFiles(addSides(yargs), watchKinds)
        .option("ablate", {
          type: "string",
          requiresArg: true,
          describe: `replay both once more without each of these costs: ${scalableCosts.join(", ")}; or all`,
        })
        .option("samples", {
          type: "string",
          requiresArg: true,
          describe:
            "draw the profile's figures so often from their ranges, and show what becomes of the change",
        })
        .option("seed", { type: "string", requiresArg: true, default: "1", describe: "of --samples" }),
      diffColumns.join(", "),
    )
      .example("$0 diff host.ndjson.gz", "pre-patch against post-patch")
      .example("$0 diff host.ndjson.gz --ablate all", "which cost the change comes from")
      .example("$0 diff host.ndjson --candidate ./mine.js", "a walker of your own")
      .example("gunzip -c host.ndjson.gz | $0 diff - --epoch ADJUST", "one epoch, from a pipe")
      .example(
        "$0 diff host.ndjson --fail-on 'candidate.faults.total > base.faults.total * 1.05'",
        "exit with status 1 where the candidate takes over 5 % more faults",
      ),
  handler: async (args) => {
    const failOn = failOnOf(args, diffSchema);
    const { base, candidate } = args;
    const ablate = args.ablate === undefined ? [] : parseCosts(args.ablate);
    const count = args.samples === undefined ? undefined : parseCount("--samples", args.samples, 2);
    const seed = parseCount("--seed", args.seed, 0);
    const columns = columnsFrom(args, diffColumns);
    const plot = openPlot(args);
    const { stop, watchers, ...progress } = startReplay();
    const files = openWatchFiles(args, watchKinds, [...watchers, ...(plot === undefined ? [] : [plot])]);
    const diff = (options: DiffOptions) => diffTrace({ ...options, ...progress }).finally(stop);
    const options = { ...traceOptionsOf(args), ...files.options, base, candidate, ablate };
    const result =
      count === undefined
        ? await diff(options)
        : await withRereadable(args.trace, async (input) => {
            const given = { ...options, ...input };
            return sampled(await diff(given), given, count, seed);
          });
    await files.finish(result);
    deliver(result, args, { failOn, columns, plot });
  },
};
