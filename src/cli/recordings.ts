/** `diff` of two recordings, or of several on either side: what it takes, and what only a replay takes. */

import type { Argv } from "yargs";
import { compareRecordings, type RecordedRuns } from "../compare/recordings.js";
import { recordingsSchema } from "../compare/result-recordings.js";
import { UsageError } from "../errors.js";
import { recordingsColumns, recordingsSheet } from "../report/recordings.js";
import { importOptionsOf, traceFormats } from "./import-options.js";
import { recordingOf } from "./machine-options.js";
import { wantsColor } from "./output.js";
import { startCount } from "./progress.js";
import { thisProgram } from "./this-program.js";
import {
  columnsFrom,
  emitJudged,
  failOnOf,
  renderAs,
  replayOptionsOf,
  type TraceArguments,
} from "./trace-options.js";
import { openFileBeside } from "./watch-files.js";
import { watchKinds } from "./watch-kinds.js";

export interface RecordingsArguments {
  trace: string | undefined;
  other: string | undefined;
  before: string[] | undefined;
  after: string[] | undefined;
  "before-walker": string | undefined;
  "after-walker": string | undefined;
}

const group = "Two recordings side by side, without a prediction (the machine's options hold of both):";

export function addRecordings<T>(yargs: Argv<T>): Argv<T & RecordingsArguments> {
  const runs = (side: string, other: string) =>
    ({
      type: "string",
      array: true,
      requiresArg: true,
      group,
      describe: `recordings of the runs ${side}, ${other}`,
    }) as const;
  const walker = (side: string) =>
    ({
      type: "string",
      requiresArg: true,
      group,
      describe: `strategy that the kernel ${side} ran, where they are two (wins over --walker)`,
    }) as const;
  return (
    yargs
      .positional("trace", { type: "string", describe: `${traceFormats}; - is standard input` })
      .positional("other", {
        type: "string",
        describe: "another recording: the two are shown side by side, and nothing is predicted",
      })
      // Without it yargs takes a lone - for an option.
      .nargs("trace", 1)
      .nargs("other", 1)
      .option("before", runs("before", "in the place of one"))
      .option("after", runs("after", "from four a side on with a test"))
      .option("before-walker", walker("before"))
      .option("after-walker", walker("after"))
  );
}

interface Inputs {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Undefined where one trace is to be replayed. Throws UsageError. */
export function recordingsIn(args: RecordingsArguments): Inputs | undefined {
  const { trace, other, before, after } = args;
  if (before === undefined && after === undefined) {
    if (trace !== undefined && other !== undefined) return { before: [trace], after: [other] };
    for (const option of ["before-walker", "after-walker"] as const)
      if (args[option] !== undefined)
        throw new UsageError(`--${option}: expected two recordings: of one --walker tells`);
    return undefined;
  }
  if (before === undefined || after === undefined)
    throw new UsageError(
      `--${before === undefined ? "before" : "after"}: expected recordings of that side, too`,
    );
  if (trace !== undefined)
    throw new UsageError(`${trace}: expected either two recordings or --before and --after`);
  return { before, after };
}

/** Options that only a replay under other strategies has. */
const ofReplays = [
  "base",
  "candidate",
  "ablate",
  "samples",
  "sanitize",
  "if-pcpus",
  "if-lock-wait",
  "plot",
  ...watchKinds.map(({ option }) => option).filter((option) => option !== "html"),
];

type Arguments = Omit<TraceArguments, "trace"> & RecordingsArguments;

export async function showRecordings(args: Arguments, inputs: Inputs): Promise<void> {
  const given: Readonly<Record<string, unknown>> = { ...args };
  const refused = ofReplays.find((option) => given[option] !== undefined && given[option] !== false);
  if (refused !== undefined)
    throw new UsageError(`--${refused}: is of a replay, and two recordings are shown as they were recorded`);
  if ([...inputs.before, ...inputs.after].includes("-"))
    throw new UsageError("-: expected files: of two recordings none can come from standard input");
  const failOn = failOnOf(args, recordingsSchema);
  const columns = columnsFrom(args, recordingsColumns);
  const { format, output } = args;
  const sideOf = (side: "before" | "after"): RecordedRuns => {
    const walker = args[`${side}-walker`];
    return { inputs: inputs[side], ...(walker === undefined ? {} : { recording: { walker } }) };
  };
  const page = openFileBeside(given, "html");
  const { stop, ...progress } = startCount("recordings");
  const result = await compareRecordings({
    ...replayOptionsOf(args),
    ...progress,
    import: importOptionsOf(args),
    recording: recordingOf(args),
    before: sideOf("before"),
    after: sideOf("after"),
  }).finally(stop);
  const text = renderAs(format, result, () => recordingsSheet(result), {
    color: wantsColor(output),
    columns,
  });
  // Before the printing, whose reader may go away.
  if (page !== undefined) {
    const { recordingsPage } = await import("../report/html/recordings.js");
    page.write(recordingsPage(result, thisProgram()));
    page.finish();
  }
  emitJudged(text, result, failOn, output);
}
