/** How a trace is read, and what of its machine it does not say: options of every command that takes one. */

import { readFileSync } from "node:fs";
import type { Argv } from "yargs";
import { UsageError } from "../errors.js";
import { Aliases } from "../import/aliases.js";
import type { ImportOptions } from "../import/recording-source.js";
import { addRecordingOptions, type RecordingArguments } from "./machine-options.js";

export interface ImportArguments extends RecordingArguments {
  map: string[] | undefined;
  instance: string | undefined;
}

export const traceFormats =
  "NDJSON, trace.dat, or text of tracefs, trace-cmd report, perf script or bpftrace; plain, gzip or zstd";

/** The positional `trace`, and how it is read. */
export function addTrace<T>(yargs: Argv<T>): Argv<T & ImportArguments & { trace: string }> {
  return (
    addImportOptions(yargs)
      .positional("trace", {
        type: "string",
        demandOption: true,
        describe: `${traceFormats}; - is standard input`,
      })
      // Without it yargs takes a lone - for an option.
      .nargs("trace", 1)
  );
}

export function addImportOptions<T>(yargs: Argv<T>): Argv<T & ImportArguments> {
  return addRecordingOptions(yargs)
    .option("map", {
      type: "string",
      array: true,
      // One value each, so that the trace may follow.
      nargs: 1,
      describe: "what a probe of your own is: NAME=EVENT:FIELD=FIELD,.. or @FILE with one a line",
    })
    .option("instance", {
      type: "string",
      requiresArg: true,
      describe: "the buffer of a trace.dat that holds several (default: all of them)",
    });
}

export function importOptionsOf(args: ImportArguments): ImportOptions {
  const specs = (args.map ?? []).flatMap((spec) =>
    spec.startsWith("@") ? readSpecs(spec.slice(1)) : [spec],
  );
  return {
    aliases: new Aliases(specs),
    ...(args.instance === undefined ? {} : { instance: args.instance }),
  };
}

/** One alias a line; `#` begins a comment. */
function readSpecs(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--map: ${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");
}
