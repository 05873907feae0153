import type { CommandModule } from "yargs";
import { compareSchema } from "../compare/result.js";
import { compareColumns } from "../report/columns.js";
import { loadStrategy } from "../strategy/load.js";
import { replayAndDeliver } from "./replaying.js";
import { addTraceOptions, type TraceArguments } from "./trace-options.js";
import { addWatchFiles } from "./watch-files.js";
import { watchKinds } from "./watch-kinds.js";

interface CompareArguments extends TraceArguments {
  strategies: string;
}

/** The orders of work that Linux has had or was offered, in the order of their coming. */
const ladder = ["pre-patch", "post-patch+clean", "post-patch", "v6.1", "v6.12", "v7.2"];

export const compareCommand: CommandModule<object, CompareArguments> = {
  command: "compare <trace>",
  describe: "Replay a trace under several strategies, each set against the first",
  builder: (yargs) =>
    addTraceOptions(
      addWatchFiles(yargs, watchKinds).option("strategies", {
        type: "string",
        requiresArg: true,
        default: ladder.join(","),
        describe:
          "names (see s2replay strategies), kernel releases or modules' files, with commas between them",
      }),
      "NAME of each strategy, NAME% of each but the first; change where there are two",
    )
      .example("$0 compare host.ndjson.gz", "the walkers that Linux has had")
      .example("$0 compare host.ndjson.gz --strategies v6.1,./mine.js", "against one of them"),
  handler: async (args) => {
    const strategies = args.strategies.split(",").map((name) => name.trim());
    const names = (await Promise.all(strategies.map(loadStrategy))).map(({ name }) => name);
    await replayAndDeliver(args, {
      kind: "compare",
      strategies,
      schema: compareSchema,
      columns: compareColumns(names),
      files: watchKinds,
    });
  },
};
