#!/usr/bin/env node
/** argv -> command. Results go to stdout, problems to stderr; exit status 0, 1 (--fail-on holds) or 2 (trouble). */

import yargs, { type Argv, type CommandModule } from "yargs";
import { removeUnfinished } from "./cli/output.js";
import { stopProgress } from "./cli/progress.js";
import { nameStdin } from "./cli/stdin-word.js";
import { version } from "./cli/this-program.js";
import { reword } from "./cli/usage.js";
import { StrategyError, TraceFormatError, UnsupportedTraceError, UsageError } from "./errors.js";

const trouble = 2;

/** Errors that the user can correct; their message says everything. Any other error is a defect of this program. */
const expectedErrors = [UsageError, TraceFormatError, UnsupportedTraceError, StrategyError];

/** Loading all commands takes a second, so only the requested one is loaded. The help text lists them in this order. */
const commands: Readonly<Record<string, () => Promise<unknown>>> = {
  diff: async () => (await import("./cli/diff.js")).diffCommand,
  compare: async () => (await import("./cli/compare.js")).compareCommand,
  sweep: async () => (await import("./cli/sweep.js")).sweepCommand,
  replay: async () => (await import("./cli/replay.js")).replayCommand,
  calibrate: async () => (await import("./cli/calibrate.js")).calibrateCommand,
  walk: async () => (await import("./cli/walk.js")).walkCommand,
  workload: async () => (await import("./cli/workload.js")).workloadCommand,
  validate: async () => (await import("./cli/validate.js")).validateCommand,
  verify: async () => (await import("./cli/verify.js")).verifyCommand,
  check: async () => (await import("./cli/check.js")).checkCommand,
  fixture: async () => (await import("./cli/fixture.js")).fixtureCommand,
  shrink: async () => (await import("./cli/shrink.js")).shrinkCommand,
  record: async () => (await import("./cli/record.js")).recordCommand,
  import: async () => (await import("./cli/import.js")).importCommand,
  export: async () => (await import("./cli/export.js")).exportCommand,
  strategies: async () => (await import("./cli/strategies.js")).strategiesCommand,
  schema: async () => (await import("./cli/schema.js")).schemaCommand,
  completion: async () => (await import("./cli/completion.js")).completionCommand,
};

/** An objection of yargs to the command line; `reword` turns it into a UsageError. */
class Complaint extends Error {}

async function program(argv: readonly string[]): Promise<Argv> {
  const [first = ""] = argv;
  const loads = Object.hasOwn(commands, first) ? [commands[first]!] : Object.values(commands);
  // Each command has its own type of arguments; yargs has no type for "any of them".
  const asked = (await Promise.all(loads.map((load) => load()))) as CommandModule[];
  return yargs(argv)
    .command(asked)
    .scriptName("s2replay")
    .usage(
      "$0 COMMAND [OPTIONS]\n\nReplays stage-2 fault traces of KVM/arm64 hosts under different page-table walkers.",
    )
    .parserConfiguration({
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .middleware(takeLast, true)
    .demandCommand(1, "expected a command")
    .strict()
    .strictCommands()
    .version(version())
    .alias("help", "h")
    .detectLocale(false)
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .epilogue("Exit status: 0; 1 where --fail-on holds; 2 on trouble. S2REPLAY_DEBUG=1 shows stack traces.")
    .exitProcess(false)
    .fail((message, error) => {
      // yargs throws what its parser finds as a YError.
      throw error !== undefined && error?.name !== "YError" ? error : new Complaint(message || error.message);
    });
}

/** Options that may be given several times; of any other option the last value counts. */
const lists = new Set([
  "_",
  "--",
  "after",
  "against",
  "before",
  "command",
  "files",
  "map",
  "others",
  "param",
  "paths",
]);

function takeLast(args: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(args)) {
    if (Array.isArray(value) && !lists.has(key)) args[key] = value.at(-1);
  }
}

async function run(argv: readonly string[]): Promise<void> {
  try {
    const parser = await program(argv);
    await parser.parseAsync();
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    throw await reword(error.message, {
      argv,
      commands: Object.keys(commands),
      nested: {
        workload: {
          called: "workload",
          names: async () => (await import("./cli/workload.js")).workloadNames,
        },
        fixture: { called: "action", names: async () => ["new"] },
      },
      help: async (command) => (await program(command?.split(" ") ?? [])).getHelp(),
    });
  }
}

function fail(error: unknown): void {
  stopProgress();
  removeUnfinished();
  process.exitCode = trouble;
  process.stderr.write(`s2replay: ${describe(error)}\n`);
  if (process.env.S2REPLAY_DEBUG === "1" && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (expectedErrors.some((known) => error instanceof known)) return message;
  return `internal error: ${message} (please report it; S2REPLAY_DEBUG=1 shows where)`;
}

function endOn(signal: NodeJS.Signals, number: number): void {
  process.on(signal, () => {
    stopProgress();
    removeUnfinished();
    process.exit(128 + number);
  });
}

process.on("exit", removeUnfinished);
endOn("SIGINT", 2);
endOn("SIGTERM", 15);
endOn("SIGHUP", 1);

// EPIPE means that the reader (`| head`) has read enough, which is no trouble.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  removeUnfinished();
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  fail(new UsageError(`standard output: cannot be written (${error.code})`));
});
process.stderr.on("error", () => {});
process.on("uncaughtException", (error) => {
  fail(error);
  process.exit(trouble);
});

try {
  await run(nameStdin(process.argv.slice(2)));
} catch (error) {
  fail(error);
}
