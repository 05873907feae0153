import type { Argv, CommandModule } from "yargs";
import { workloads } from "../workload/index.js";
import { parseSize } from "../workload/size.js";
import type { Values, Workload, WorkloadOption } from "../workload/workload.js";
import { emitPieces } from "./output.js";
import { startWriting } from "./progress.js";
import { parseCount, parseSeconds } from "./values.js";

interface WorkloadArguments {
  output: string | undefined;
  [option: string]: unknown;
}

export const workloadNames: readonly string[] = workloads.map(({ name }) => name);

const workloadCommands: readonly CommandModule<object, WorkloadArguments>[] = workloads.map((workload) => ({
  command: workload.name,
  describe: workload.describe,
  builder: (yargs) =>
    addWorkloadOptions(yargs, workload)
      .option("output", { alias: "o", type: "string", requiresArg: true, describe: "write to this file" })
      .example(`$0 workload ${workload.name} ${workload.example} | $0 diff -`, "") as Argv<WorkloadArguments>,
  handler: async (args) => {
    const { output } = args;
    const { stop, ...progress } = startWriting(output);
    await emitPieces(workload.lines(valuesOf(workload, args)), output, progress.onWritten).finally(stop);
  },
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

export function addWorkloadOptions<T>(yargs: Argv<T>, workload: Workload): Argv<T> {
  return Object.entries(workload.options).reduce<Argv<T>>(
    (argv, [name, { alias, kind, default: fallback, describe, hidden }]) =>
      argv.option(name, {
        ...(alias === undefined ? {} : { alias }),
        ...(fallback === undefined ? {} : { default: fallback }),
        ...(kind === "flag" ? { type: "boolean", default: false } : { type: "string", requiresArg: true }),
        describe,
        hidden: hidden ?? false,
      }) as unknown as Argv<T>,
    yargs,
  );
}

/** Throws UsageError. */
export function valuesOf(
  workload: Workload,
  args: Readonly<Record<string, unknown>>,
): Values<Workload["options"]> {
  return Object.fromEntries(
    Object.entries(workload.options).map(([name, { kind }]) => {
      const given = args[name];
      if (kind === "flag") return [name, given === true];
      return [name, given === undefined ? undefined : readOption(`--${name}`, kind, String(given))];
    }),
  );
}

/** Throws UsageError naming the option. */
export function readOption(
  option: string,
  kind: Exclude<WorkloadOption["kind"], "flag">,
  text: string,
): number | string {
  switch (kind) {
    case "count":
      return parseCount(option, text, 0);
    case "size":
      return parseSize(option, text);
    case "seconds":
      return parseSeconds(option, text);
    default:
      return text;
  }
}
