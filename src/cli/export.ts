import type { CommandModule } from "yargs";
import { exportFtrace } from "../export/ftrace-text.js";
import { ImportedTraces } from "../import/import-traces.js";
import { ImportedLines } from "../import/imported-lines.js";
import { addTrace, type ImportArguments, importOptionsOf } from "./import-options.js";
import { headerOf, warnOf } from "./machine-options.js";
import { emitBytes } from "./output.js";

interface ExportArguments extends ImportArguments {
  trace: string;
  as: "ftrace" | "ndjson";
  output: string | undefined;
  lenient: boolean;
}

export const exportCommand: CommandModule<object, ExportArguments> = {
  command: "export <trace>",
  describe: "Write a trace as the text that tracefs prints, or as NDJSON",
  builder: (yargs) =>
    addTrace(yargs)
      .option("as", { choices: ["ftrace", "ndjson"] as const, demandOption: true, describe: "the format" })
      .option("output", {
        alias: "o",
        type: "string",
        requiresArg: true,
        describe: "where to (default: standard output); .gz packs it",
      })
      .option("lenient", { type: "boolean", default: false, describe: "use what is whole of a cut file" })
      .example("$0 export host.ndjson.gz --as ftrace | grep -c s2_map", "for tools that read ftrace's text")
      .epilogue("Events that ftrace has no form for become comment lines; import reads them back."),
  handler: async (args) => {
    const options = { lenient: args.lenient, import: importOptionsOf(args), header: await headerOf(args) };
    if (args.as === "ftrace") {
      const lines = await ImportedLines.open(args.trace, options);
      await emitBytes(exportFtrace(lines), args.output);
      warnOf(args.trace, lines.contradictions);
    } else {
      const traces = await ImportedTraces.open([args.trace], options);
      await emitBytes(traces.pieces(), args.output);
      for (const { contradictions } of traces.files) warnOf(args.trace, contradictions);
    }
  },
};
