import type { CommandModule } from "yargs";
import { replayTrace } from "../compare/diff.js";
import { replaySchema } from "../compare/result.js";
import { openEvents } from "./events.js";
import { startProgress } from "./progress.js";
import { addTraceOptions, deliver, failOnOf, type TraceArguments, traceOptionsOf } from "./trace-options.js";

interface ReplayArguments extends TraceArguments {
  strategy: string;
  events: string | undefined;
}

export const replayCommand: CommandModule<object, ReplayArguments> = {
  command: "replay <trace>",
  describe: "Replay a trace under one strategy",
  builder: (yargs) =>
    addTraceOptions(
      yargs
        .option("strategy", {
          type: "string",
          requiresArg: true,
          demandOption: true,
          describe: "a name (see s2replay strategies), or a module's file",
        })
        .option("events", {
          type: "string",
          requiresArg: true,
          describe: "write every replayed fault and operation to this NDJSON file",
        }),
    )
      .example("$0 replay host.ndjson --strategy v6.1", "what the guests see under the walker of v6.1")
      .example(
        "$0 replay host.ndjson --strategy ./mine.js --events mine.ndjson",
        "with every replayed event",
      ),
  handler: async (args) => {
    const failOn = failOnOf(args, replaySchema);
    const options = traceOptionsOf(args);
    const events = openEvents(args.events, args.output);
    const { stop, ...progress } = startProgress();
    const { strategy } = args;
    const result = await replayTrace({ ...options, ...progress, ...events.options, strategy }).finally(stop);
    await events.finish();
    deliver(result, args, failOn);
  },
};
