import { existsSync } from "node:fs";
import type { Argv, CommandModule } from "yargs";
import type { TraceOptions } from "../compare/options.js";
import { type SweepAxis, sweep } from "../compare/sweep.js";
import { type Parameter, parameterOf, type SweepValue } from "../compare/sweep-parameter.js";
import { UsageError } from "../errors.js";
import { parseColumns } from "../report/columns.js";
import { renderMarkdown, renderText, sweepColumns } from "../report/sweep.js";
import { csvColumns, renderCsv, renderNdjson } from "../report/sweep-rows.js";
import { didYouMean } from "../suggest.js";
import { workloads } from "../workload/index.js";
import type { DescribedWorkload } from "../workload/workload.js";
import { addTrace, type ImportArguments, importOptionsOf } from "./import-options.js";
import { addCpuOptions, type CpuArguments, recordingOf } from "./machine-options.js";
import { emit, wantsColor } from "./output.js";
import { startCount } from "./progress.js";
import { withRereadable } from "./rereadable.js";
import {
  addReplayOptions,
  addSides,
  type ReplayArguments,
  replayOptionsOf,
  type SideArguments,
} from "./trace-options.js";
import { parseList } from "./value-list.js";
import { parseCount } from "./values.js";
import { addWorkloadOptions, readOption, valuesOf } from "./workload.js";

const formats = ["text", "csv", "ndjson", "markdown"] as const;
type Format = (typeof formats)[number];

interface SweepArguments extends ReplayArguments, SideArguments, CpuArguments {
  param: string[] | undefined;
  vcpus: string | undefined;
  jobs: string | undefined;
  columns: string | undefined;
  format: Format;
  output: string | undefined;
}

const listed = "such as 1,2,4..64 (4..64 doubles, 10..60+10 goes on by 10)";

function addSweepOptions<T>(yargs: Argv<T>): Argv<T & SweepArguments> {
  return addReplayOptions(
    addSides(yargs)
      .option("param", {
        type: "string",
        array: true,
        // One value each, so that a trace may follow.
        nargs: 1,
        describe:
          "NAME=LIST: a cost (clean=0,50%,100%), a figure of the profile (tlbiVmidNs=200,1000 or 50%), " +
          "if-pcpus, a workload's option; repeatable, the last varies fastest",
      })
      .option("jobs", {
        type: "string",
        requiresArg: true,
        describe: "replays at a time (default: as many as there are CPUs)",
      })
      .option("format", { choices: formats, default: "text" as Format, describe: "how to print the result" })
      .option("columns", {
        type: "string",
        requiresArg: true,
        describe: `columns of the table, in this order: the parameters, ${sweepColumns([]).join(", ")}; csv: as in its first line`,
      })
      .option("output", { alias: "o", type: "string", requiresArg: true, describe: "write to this file" }),
  ) as unknown as Argv<T & SweepArguments>;
}

const workloadCommands = workloads.map((workload): CommandModule<object, SweepArguments> => {
  const { vcpus, ...others } = workload.options;
  // Its default is filled in only where no list is given.
  const { default: one, ...option } = { ...vcpus!, describe: `vCPUs: a list ${listed}` };
  const options = { vcpus: option, ...others };
  return {
    command: workload.name,
    describe: workload.describe,
    builder: (yargs) =>
      addSweepOptions(addCpuOptions(addWorkloadOptions(yargs, { ...workload, options })))
        .example(`$0 sweep ${workload.name} --vcpus 1,2,4..16 --param clean=0,50%,100%`, "")
        .example(`$0 sweep ${workload.name} --param fwb=off,on --param tlbiVmidNs=25%..400%`, ""),
    handler: (args) => {
      const values = valuesOf(workload, { ...args, vcpus: one });
      const machine = { pcpus: args.pcpus, "lock-wait": args["lock-wait"] };
      return run({ workload: workload.name, values }, args, { recording: recordingOf(machine) });
    },
  };
});

interface RecordedArguments extends SweepArguments, ImportArguments {
  trace: string;
}

const traceCommand: CommandModule<object, RecordedArguments> = {
  command: "$0 <trace>",
  describe: "a trace, or a recording that import reads",
  builder: (yargs) =>
    addSweepOptions(addTrace(yargs))
      .option("vcpus", {
        alias: "v",
        type: "string",
        hidden: true,
      })
      .example(
        "$0 sweep host.ndjson.gz --epoch ADJUST --param clean=0,50%,100%",
        "what the clean does to the gain",
      )
      .example(
        "$0 sweep host.ndjson.gz --param tlbiVmidNs=25%..400% --param pagePutNs=2,8,40 --format csv",
        "two figures of the profile",
      )
      .example(
        "$0 sweep kvm_page_table_test -s 2G --vcpus 1,2,4..64",
        "a workload",
      ) as unknown as Argv<RecordedArguments>,
  handler: async (args) => {
    const { trace } = args;
    if (trace !== "-" && !existsSync(trace)) {
      const names = workloads.map(({ name }) => name);
      throw new UsageError(
        `${trace}: no such file, and no workload is called that${didYouMean(trace, names)}`,
      );
    }
    if (args.vcpus !== undefined)
      throw new UsageError(
        "--vcpus: a recorded trace has the vCPUs that it has; a workload may have any number",
      );
    const more = { import: importOptionsOf(args), recording: recordingOf(args) };
    await withRereadable(trace, ({ input, ...name }) => run(input, args, { ...more, ...name }));
  },
};

export const sweepCommand: CommandModule<object, object> = {
  command: "sweep <workload|trace>",
  describe: "Replay a workload or a trace at each point of a grid of parameters",
  builder: (yargs) =>
    yargs
      .command(workloadCommands as unknown as CommandModule[])
      .command(traceCommand as unknown as CommandModule)
      .epilogue("s2replay sweep WORKLOAD --help shows a workload's own options."),
  handler: () => {},
};

async function run(
  input: string | DescribedWorkload,
  args: SweepArguments,
  more: Pick<TraceOptions, "import" | "name" | "recording">,
): Promise<void> {
  const axes = axesOf(input, args);
  const threads = args.jobs === undefined ? {} : { threads: parseCount("--jobs", args.jobs, 1) };
  const { base, candidate, format, output } = args;
  const columns = columnsFrom(args, axes);
  const { stop, ...progress } = startCount("points");
  const options = { ...replayOptionsOf(args), ...more, ...threads, ...progress, base, candidate };
  const result = await sweep({ ...options, input, axes }).finally(stop);
  if (format === "csv") emit(renderCsv(result, columns), output);
  else if (format === "ndjson") emit(renderNdjson(result), output);
  else if (format === "markdown") emit(renderMarkdown(result, { columns }), output);
  else emit(renderText(result, { color: wantsColor(output), columns }), output);
}

function columnsFrom(
  { columns, format }: SweepArguments,
  axes: readonly SweepAxis[],
): readonly string[] | undefined {
  if (columns === undefined) return undefined;
  if (format === "ndjson")
    throw new UsageError("--columns: expected --format text, markdown or csv: ndjson has no columns");
  const parameters = axes.map(({ name }) => name);
  return parseColumns(columns, format === "csv" ? csvColumns(parameters) : sweepColumns(parameters));
}

/** vCPUs first, then each --param in its place. */
function axesOf(input: string | DescribedWorkload, { vcpus, param }: SweepArguments): SweepAxis[] {
  const given = (param ?? []).map((text) => {
    const [, name, list] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || list === undefined)
      throw new UsageError(`--param: expected NAME=LIST, such as clean=0,50%,100%, got "${text}"`);
    return { option: `--param ${name.trim()}`, name: name.trim(), list };
  });
  if (vcpus !== undefined) given.unshift({ option: "--vcpus", name: "vcpus", list: vcpus });
  if (given.length === 0)
    throw new UsageError(
      `nothing to sweep: expected --param NAME=LIST${typeof input === "string" ? "" : ", or --vcpus LIST"}`,
    );
  return given.map(({ option, name, list }) => {
    const parameter = parameterOf(name, input);
    return { name, values: parseList(option, list).map((text) => readValue(option, parameter, text)) };
  });
}

/** Throws UsageError naming the option. */
function readValue(option: string, { unit }: Parameter, text: string): SweepValue {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  switch (unit) {
    case "ratio":
      if (percent === undefined && text !== "0")
        throw new UsageError(`${option}: expected percentages, such as 50%, or 0, got "${text}"`);
      return percent === undefined ? 0 : Number(percent) / 100;
    case "ns":
      if (percent !== undefined) return { ratio: Number(percent) / 100 };
      if (!/^\d+(\.\d+)?$/.test(text))
        throw new UsageError(
          `${option}: expected nanoseconds, or percentages of the profile's, got "${text}"`,
        );
      return Number(text);
    case "flag":
      if (text !== "on" && text !== "off")
        throw new UsageError(`${option}: expected on and off, got "${text}"`);
      return text === "on";
    default:
      return readOption(option, unit, text);
  }
}
