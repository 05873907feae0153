import type { Argv, CommandModule } from "yargs";
import { workloads } from "../workload/index.js";
import { parseSize } from "../workload/size.js";
import type { Values, Workload, WorkloadOption } from "../workload/workload.js";
import { emitPieces } from "./output.js";
import { parseCount, parseSeconds } from "./values.js";

interface WorkloadArguments {
  output: string | undefined;
  [option: string]: unknown;
}

export const workloadNames: readonly string[] = workloads.map(({ name }) => name);

const workloadCommands: readonly CommandModule<object, WorkloadArguments>[] = workloads.map((workload) => ({
  command: workload.name,
  describe: workload.describe,
  builder: (yargs) => {
    const given = Object.entries(workload.options).reduce<Argv>(
      (argv, [name, { alias, kind, default: fallback, describe, hidden }]) =>
        argv.option(name, {
          ...(alias === undefined ? {} : { alias }),
          ...(fallback === undefined ? {} : { default: fallback }),
          ...(kind === "flag" ? { type: "boolean", default: false } : { type: "string", requiresArg: true }),
          describe,
          hidden: hidden ?? false,
        }),
      yargs,
    );
    return given
      .option("output", { alias: "o", type: "string", requiresArg: true, describe: "write to this file" })
      .example(`$0 workload ${workload.name} ${workload.example} | $0 diff -`, "") as Argv<WorkloadArguments>;
  },
  handler: (args) => emitPieces(workload.lines(valuesOf(workload, args)), args.output),
}));

export const workloadCommand: CommandModule<object, object> = {
  command: "workload <workload>",
  describe: "Write the trace of a described workload, to be replayed",
  builder: (yargs) =>
    yargs
      .command(workloadCommands as unknown as CommandModule[])
      .demandCommand(1, "expected a workload")
      .epilogue("s2replay workload NAME --help shows a workload's options. Standard output, or -o FILE."),
  handler: () => {},
};

function valuesOf(workload: Workload, args: WorkloadArguments): Values<Workload["options"]> {
  return Object.fromEntries(
    Object.entries(workload.options).map(([name, option]) => [name, readValue(name, option, args[name])]),
  );
}

function readValue(
  name: string,
  { kind }: WorkloadOption,
  given: unknown,
): number | string | boolean | undefined {
  if (kind === "flag") return given === true;
  if (given === undefined) return undefined;
  const text = String(given);
  switch (kind) {
    case "count":
      return parseCount(`--${name}`, text, 0);
    case "size":
      return parseSize(`--${name}`, text);
    case "seconds":
      return parseSeconds(`--${name}`, text);
    default:
      return text;
  }
}
