/** `validate --against`: what recordings predict of another kernel, held against recordings of that one. */

import type { Argv } from "yargs";
import { validatePrediction } from "../compare/prediction.js";
import { predictionSchema } from "../compare/result-prediction.js";
import { UsageError } from "../errors.js";
import { predictionColumns, predictionSheet } from "../report/prediction.js";
import { type ImportArguments, importOptionsOf } from "./import-options.js";
import { recordingOf } from "./machine-options.js";
import { wantsColor } from "./output.js";
import { startCount } from "./progress.js";
import {
  columnsFrom,
  emitJudged,
  failOnOf,
  renderAs,
  replayOptionsOf,
  type TraceArguments,
} from "./trace-options.js";

/** Options that have no meaning without --against. */
const own = ["candidate", "profile", "vm", "ipa", "columns", "fail-on", "output"] as const;

interface AgainstArguments extends Pick<TraceArguments, Exclude<(typeof own)[number], "candidate">> {
  others: string[] | undefined;
  against: string[] | undefined;
  candidate: string | undefined;
}

export interface PredictionArguments
  extends AgainstArguments,
    ImportArguments,
    Pick<TraceArguments, "trace" | "format" | "lenient" | "slot" | "epoch"> {}

const group =
  "A prediction held against recordings (the machine's options hold of both sides, --walker of the first):";

export function addPrediction<T>(yargs: Argv<T>): Argv<T & AgainstArguments> {
  const text = (describe: string) => ({ type: "string", requiresArg: true, group, describe }) as const;
  return yargs
    .positional("others", {
      type: "string",
      array: true,
      describe: "further runs of the same kernel, for --against",
    })
    .option("against", {
      ...text("recordings of the kernel that is predicted: shows what the traces predict of it beside them"),
      array: true,
    })
    .option(
      "candidate",
      text("strategy that the kernel of --against ran: a name, a kernel release, or a module's file"),
    )
    .option("profile", text("cost profile: a name, or a JSON file"))
    .option("vm", text("count only the VM of this name"))
    .option("ipa", text("count only guest addresses START-END, END left out"))
    .option("columns", text(`columns of the table, in this order: ${predictionColumns.join(", ")}`))
    .option("fail-on", text("exit with status 1 where this holds of the JSON result"))
    .option("output", { ...text("write the result to this file"), alias: "o" });
}

/** Whether the arguments ask for it. Throws UsageError where something is asked for that only it has. */
export function isPrediction(args: PredictionArguments): args is PredictionArguments & { against: string[] } {
  if (args.against !== undefined) return true;
  const [other] = args.others ?? [];
  if (other !== undefined)
    throw new UsageError(`unexpected argument "${other}": several traces need --against`);
  const refused = own.find((option) => args[option] !== undefined);
  if (refused !== undefined) throw new UsageError(`--${refused}: needs --against`);
  if (args.format === "markdown")
    throw new UsageError("--format: expected text or json: markdown needs --against");
  return false;
}

/** Throws UsageError, TraceFormatError, UnsupportedTraceError, StrategyError. */
export async function showPrediction(args: PredictionArguments & { against: string[] }): Promise<void> {
  const { against, candidate, format, output } = args;
  const traces = [args.trace, ...(args.others ?? [])];
  if (candidate === undefined)
    throw new UsageError("--candidate: expected the strategy that the kernel of --against ran");
  if ([...traces, ...against].includes("-"))
    throw new UsageError("-: expected files: no recording can come from standard input here");
  const failOn = failOnOf(args, predictionSchema);
  const columns = columnsFrom(args, predictionColumns);
  // The walker that is told is of the first side: what ran on the other is the candidate.
  const { walker, ...machine } = recordingOf(args);
  const { stop, ...progress } = startCount("recordings");
  const result = await validatePrediction({
    ...replayOptionsOf(args),
    ...progress,
    candidate,
    import: importOptionsOf(args),
    recording: machine,
    before: { inputs: traces, ...(walker === undefined ? {} : { recording: { walker } }) },
    after: { inputs: against },
  }).finally(stop);
  const text = renderAs(format, result, () => predictionSheet(result), {
    color: wantsColor(output),
    columns,
  });
  emitJudged(text, result, failOn, output);
}
