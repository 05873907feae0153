import type { CommandModule } from "yargs";
import { replaySchema } from "../compare/result.js";
import { replayColumns } from "../report/columns.js";
import { replayAndDeliver } from "./replaying.js";
import { addTraceOptions, type TraceArguments } from "./trace-options.js";
import { addWatchFiles } from "./watch-files.js";
import { eventsFile, watchKinds } from "./watch-kinds.js";

const kinds = [...watchKinds, eventsFile];

interface ReplayArguments extends TraceArguments {
  strategy: string;
}

export const replayCommand: CommandModule<object, ReplayArguments> = {
  command: "replay <trace>",
  describe: "Replay a trace under one strategy",
  builder: (yargs) =>
    addTraceOptions(
      addWatchFiles(
        yargs.option("strategy", {
          type: "string",
          requiresArg: true,
          demandOption: true,
          describe: "a name (see s2replay strategies), or a module's file",
        }),
        kinds,
      ),
      replayColumns.join(", "),
    )
      .example("$0 replay host.ndjson --strategy v6.1", "what the guests see under the walker of v6.1")
      .example(
        "$0 replay host.ndjson --strategy ./mine.js --events mine.ndjson",
        "with every replayed event",
      ),
  handler: (args) =>
    replayAndDeliver(args, {
      kind: "replay",
      strategies: [args.strategy],
      schema: replaySchema,
      columns: replayColumns,
      files: kinds,
    }),
};
