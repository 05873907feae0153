import type { CommandModule } from "yargs";
import { replayTrace } from "../compare/diff.js";
import { replaySchema } from "../compare/result.js";
import { replayColumns } from "../report/columns.js";
import { openPlot } from "./plot-option.js";
import { startReplay } from "./progress.js";
import {
  addTraceOptions,
  columnsFrom,
  deliver,
  failOnOf,
  type TraceArguments,
  traceOptionsOf,
} from "./trace-options.js";
import { addWatchFiles, openWatchFiles } from "./watch-files.js";
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
  handler: async (args) => {
    const failOn = failOnOf(args, replaySchema);
    const options = traceOptionsOf(args);
    const columns = columnsFrom(args, replayColumns);
    const plot = openPlot(args);
    const { stop, watchers, ...progress } = startReplay();
    const files = openWatchFiles(args, kinds, [...watchers, ...(plot === undefined ? [] : [plot])]);
    const { strategy } = args;
    const result = await replayTrace({ ...options, ...progress, ...files.options, strategy }).finally(stop);
    await files.finish(result);
    deliver(result, args, { failOn, columns, plot });
  },
};
