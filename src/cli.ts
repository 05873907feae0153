#!/usr/bin/env node
/** argv -> command. Results go to stdout, problems to stderr; exit status 0, 1 (a threshold holds) or 2 (trouble). */

import yargs, { type Argv, type CommandModule } from "yargs";
import { calibrateCommand } from "./cli/calibrate.js";
import { checkCommand } from "./cli/check.js";
import { compareCommand } from "./cli/compare.js";
import { completionCommand } from "./cli/completion.js";
import { diffCommand } from "./cli/diff.js";
import { exportCommand } from "./cli/export.js";
import { fixtureCommand } from "./cli/fixture.js";
import { importCommand, nameStdin } from "./cli/import.js";
import { removeUnfinished } from "./cli/output.js";
import { stopProgress } from "./cli/progress.js";
import { recordCommand } from "./cli/record.js";
import { replayCommand } from "./cli/replay.js";
import { schemaCommand } from "./cli/schema.js";
import { shrinkCommand } from "./cli/shrink.js";
import { strategiesCommand } from "./cli/strategies.js";
import { sweepCommand } from "./cli/sweep.js";
import { version } from "./cli/this-program.js";
import { reword } from "./cli/usage.js";
import { validateCommand } from "./cli/validate.js";
import { verifyCommand } from "./cli/verify.js";
import { walkCommand } from "./cli/walk.js";
import { workloadCommand, workloadNames } from "./cli/workload.js";
import { StrategyError, TraceFormatError, UnsupportedTraceError, UsageError } from "./errors.js";

const trouble = 2;

/** What the user can mend: the message says it all. Anything else is a defect of ours. */
const expectedErrors = [UsageError, TraceFormatError, UnsupportedTraceError, StrategyError];

const commands = [
  diffCommand,
  compareCommand,
  sweepCommand,
  replayCommand,
  calibrateCommand,
  walkCommand,
  workloadCommand,
  validateCommand,
  verifyCommand,
  checkCommand,
  fixtureCommand,
  shrinkCommand,
  recordCommand,
  importCommand,
  exportCommand,
  strategiesCommand,
  schemaCommand,
  completionCommand,
];

/** What yargs has against the command line: `reword` makes it a UsageError. */
class Complaint extends Error {}

function program(argv: readonly string[]): Argv {
  // Each command has its own type of arguments; yargs has no type for "any of them".
  const parser = yargs(argv).command(commands as CommandModule[]);
  return parser
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
      // What yargs-parser finds comes as its own error.
      throw error !== undefined && error?.name !== "YError" ? error : new Complaint(message || error.message);
    });
}

/** What may be given several times; of anything else the last counts. */
const lists = new Set(["_", "--", "after", "before", "command", "files", "map", "param", "paths"]);

function takeLast(args: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(args)) {
    if (Array.isArray(value) && !lists.has(key)) args[key] = value.at(-1);
  }
}

async function run(argv: readonly string[]): Promise<void> {
  try {
    await program(argv).parseAsync();
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    throw await reword(error.message, {
      argv,
      commands: commands.map(({ command }) => String(command).split(" ")[0]!),
      nested: {
        workload: { called: "workload", names: workloadNames },
        fixture: { called: "action", names: ["new"] },
      },
      help: (command) => program(command?.split(" ") ?? []).getHelp(),
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

// `| head` has read enough: no trouble.
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
