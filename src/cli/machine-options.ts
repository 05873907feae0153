/** The machine that recorded a trace, told by the same options on every command that reads one; and another in its place. */

import type { Argv } from "yargs";
import { headerTold } from "../compare/input.js";
import type { WhatIf } from "../compare/options.js";
import { moduleFrom } from "../fixture/fixture.js";
import { isModule } from "../strategy/load.js";
import type { Contradiction } from "../trace/event.js";
import { contradictionText, type RecordedMachine } from "../trace/header.js";
import { parseCount } from "./values.js";

const lockWaits = ["spin", "sleep"] as const;
type LockWait = (typeof lockWaits)[number];

export interface CpuArguments {
  pcpus: string | undefined;
  "lock-wait": LockWait | undefined;
}

export interface RecordingArguments extends CpuArguments {
  kernel: string | undefined;
  granule: string | undefined;
  "ia-bits": string | undefined;
  fwb: boolean | undefined;
  "tlbi-range": boolean | undefined;
  walker: string | undefined;
}

export interface WhatIfArguments {
  "if-pcpus": string | undefined;
  "if-lock-wait": LockWait | undefined;
}

const recording = "The recording machine, where the trace does not say (wins over what it says):";
const described = "The machine that runs it:";
const whatIf = "Another machine than the recorded one (a what-if: all sides are simulated):";

export function addRecordingOptions<T>(yargs: Argv<T>): Argv<T & RecordingArguments> {
  return addCpuOptions(
    usualGroupsFirst(yargs)
      .option("kernel", {
        type: "string",
        requiresArg: true,
        group: recording,
        describe: "release of its kernel",
      })
      .option("walker", {
        type: "string",
        requiresArg: true,
        group: recording,
        describe: "strategy that its kernel ran: a name, or a module's file",
      })
      .option("granule", {
        choices: ["4096", "16384", "65536"] as const,
        group: recording,
        describe: "page size of the host, bytes",
      })
      .option("ia-bits", {
        type: "string",
        requiresArg: true,
        group: recording,
        describe: "width of the guest's physical addresses",
      })
      .option("fwb", {
        type: "boolean",
        group: recording,
        describe: "the CPU has FEAT_S2FWB (--no-fwb: it has not)",
      })
      .option("tlbi-range", {
        type: "boolean",
        group: recording,
        describe: "the CPU has FEAT_TLBIRANGE (--no-tlbi-range: it has not)",
      }),
    recording,
  );
}

/** A described workload has the rest of its machine among its own options. */
export function addCpuOptions<T>(yargs: Argv<T>, group: string = described): Argv<T & CpuArguments> {
  return usualGroupsFirst(yargs)
    .option("pcpus", {
      type: "string",
      requiresArg: true,
      group,
      describe: "physical CPUs that the vCPUs share",
    })
    .option("lock-wait", {
      choices: lockWaits,
      group,
      describe: "what a waiter for the MMU lock does: sleep gives up its CPU",
    });
}

/** yargs shows groups in the order in which they came up. */
function usualGroupsFirst<T>(yargs: Argv<T>): Argv<T> {
  return yargs.group([], "Positionals:").group([], "Options:");
}

export function addWhatIfOptions<T>(yargs: Argv<T>): Argv<T & WhatIfArguments> {
  return yargs
    .option("if-pcpus", {
      type: "string",
      requiresArg: true,
      group: whatIf,
      describe: "as if the vCPUs shared so many physical CPUs",
    })
    .option("if-lock-wait", {
      choices: lockWaits,
      group: whatIf,
      describe: "as if a waiter for the MMU lock did this",
    });
}

/** Throws UsageError naming the option. */
export function recordingOf(args: CpuArguments & Partial<RecordingArguments>): RecordedMachine {
  const { kernel, granule, "ia-bits": iaBits, fwb, "tlbi-range": tlbiRange, walker } = args;
  const { pcpus, "lock-wait": lockWait } = args;
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(granule === undefined ? {} : { granule: Number(granule) }),
    ...(iaBits === undefined ? {} : { ia_bits: parseCount("--ia-bits", iaBits, 32, 52) }),
    ...(fwb === undefined ? {} : { fwb }),
    ...(tlbiRange === undefined ? {} : { tlbi_range: tlbiRange }),
    ...(walker === undefined ? {} : { walker }),
    ...(pcpus === undefined ? {} : { pcpus: parseCount("--pcpus", pcpus, 1) }),
    ...(lockWait === undefined ? {} : { lock_wait: lockWait }),
  };
}

/** The same as a header has it. Throws UsageError and StrategyError. */
export function headerOf(args: RecordingArguments): Promise<RecordedMachine> {
  return headerTold(recordingOf(args));
}

/** A header has names and no files: a walker that was given as a module is told to each replay, from `folder`. */
export function walkerModuleOf(
  { walker }: RecordingArguments,
  folder: string,
): { readonly recording?: RecordedMachine } {
  if (walker === undefined || !isModule(walker)) return {};
  return { recording: { walker: moduleFrom(folder, walker) } };
}

/** Says where the options contradict a trace, for commands whose result has no caveats. */
export function warnOf(trace: string, contradictions: readonly Contradiction[]): void {
  for (const each of contradictions) process.stderr.write(`s2replay: ${trace}: ${contradictionText(each)}\n`);
}

/** Throws UsageError naming the option. */
export function whatIfOf(args: Partial<WhatIfArguments>): WhatIf {
  const { "if-pcpus": pcpus, "if-lock-wait": lockWait } = args;
  return {
    ...(pcpus === undefined ? {} : { pcpus: parseCount("--if-pcpus", pcpus, 1) }),
    ...(lockWait === undefined ? {} : { lock_wait: lockWait }),
  };
}
