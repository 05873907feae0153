import { basename } from "node:path";
import type { CommandModule } from "yargs";
import { ImportedTraces } from "../import/import-traces.js";
import type { ImportedLines } from "../import/imported-lines.js";
import { contradictionText, type HeaderFields } from "../trace/header.js";
import {
  addImportOptions,
  type ImportArguments as FormatArguments,
  importOptionsOf,
} from "./import-options.js";
import { headerOf } from "./machine-options.js";
import { emitBytes } from "./output.js";
import { startReading } from "./progress.js";
import { inputOf } from "./stdin-word.js";

interface ImportArguments extends FormatArguments {
  files: string[];
  output: string | undefined;
  lenient: boolean;
  name: string | undefined;
}

export const importCommand: CommandModule<object, ImportArguments> = {
  command: "import <files..>",
  describe: "Convert recordings to one NDJSON trace: trace.dat, tracefs, trace-cmd, perf and bpftrace text",
  builder: (yargs) =>
    addImportOptions(
      yargs
        .positional("files", {
          type: "string",
          array: true,
          demandOption: true,
          describe:
            "recordings of one host, known by their content, or - for stdin; several are merged by time",
        })
        .option("output", {
          alias: "o",
          type: "string",
          requiresArg: true,
          describe: "where to (default: standard output); .gz packs it",
        }),
    )
      .option("lenient", {
        type: "boolean",
        default: false,
        describe: "skip and count what is malformed, and use what is whole of a cut file",
      })
      .option("name", {
        type: "string",
        requiresArg: true,
        describe: "what the recording calls itself (default: OUT's base name)",
      })
      .example("$0 import trace.dat -o host.ndjson.gz", "what trace-cmd record wrote")
      .example("perf script --ns | $0 import -", "from a pipe")
      .example("$0 import cpu0.txt cpu1.txt -o host.ndjson", "one trace of trace_pipe's files, by time")
      .example("$0 import trace.txt --map 'my_map=s2_map:ipa=addr,len=size'", "probes of your own"),
  handler: async (args) => {
    const { stop, ...progress } = startReading();
    try {
      const traces = await ImportedTraces.open(args.files.map(inputOf), {
        lenient: args.lenient,
        import: importOptionsOf(args),
        header: { ...nameOf(args), ...(await headerOf(args)) },
        ...progress,
      });
      await emitBytes(traces.pieces(), args.output);
      stop();
      for (const file of traces.files) process.stderr.write(describe(file));
    } finally {
      stop();
    }
  },
};

/** What the recording calls itself: as it is told, else by the file that it becomes. */
function nameOf({ name, output }: ImportArguments): Pick<HeaderFields, "name"> {
  if (name !== undefined) return { name };
  return output === undefined || output === "-" ? {} : { name: basename(output) };
}

/** What became of an input's events: nothing is dropped in silence. */
function describe({ file, format, summary, skipped, cut, contradictions }: ImportedLines): string {
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  const out = [`${file}: ${summary.events} events from ${format}`];
  const { gaps = 0, lostEvents = 0, ignored, unknown, oddities = [] } = summary;
  if (gaps > 0) out.push(`gaps (tracing was off): ${gaps}`);
  if (lostEvents > 0) out.push(`lost events: ${lostEvents}`);
  if (ignored !== undefined && ignored.size > 0) out.push(`left out: ${list(ignored)}`);
  if (unknown !== undefined && unknown.size > 0) out.push(`unknown, kept by name: ${list(unknown)}`);
  if (skipped.size > 0) out.push(`skipped: ${list(skipped)}`);
  if (cut !== undefined) out.push(`cut: ${cut}`);
  out.push(...contradictions.map(contradictionText));
  return `${[...out, ...oddities].join("\n  ")}\n`;
}
