import { basename, join } from "node:path";
import type { CommandModule } from "yargs";
import { parseExpression } from "../compare/expression.js";
import { checkedSchema, moduleFrom } from "../fixture/fixture.js";
import { shrinkTrace } from "../fixture/shrink.js";
import { readUnits, type TraceUnits } from "../fixture/trace-units.js";
import { checkNew, writeFixture } from "../fixture/write-fixture.js";
import { formatCount, formatPlural } from "../report/quantity.js";
import { loadStrategy } from "../strategy/load.js";
import { addTrace, type ImportArguments, importOptionsOf } from "./import-options.js";
import {
  addWhatIfOptions,
  headerOf,
  type WhatIfArguments,
  walkerModuleOf,
  warnOf,
  whatIfOf,
} from "./machine-options.js";
import { emit, makeScratch, removeLater } from "./output.js";
import { startReading, startTally } from "./progress.js";
import { addSides, type SideArguments } from "./trace-options.js";

interface ShrinkArguments extends ImportArguments, SideArguments, WhatIfArguments {
  trace: string;
  keep: string;
  profile: string | undefined;
  sanitize: boolean;
  output: string | undefined;
}

export const shrinkCommand: CommandModule<object, ShrinkArguments> = {
  command: "shrink <trace>",
  describe: "Cut a trace down to the least for which a condition still holds",
  builder: (yargs) =>
    addWhatIfOptions(addSides(addTrace(yargs)))
      .option("keep", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "the condition, as --fail-on of diff has it; strategyError: a strategy breaks its contract",
      })
      .option("profile", { type: "string", requiresArg: true, describe: "cost profile, as of diff" })
      .option("sanitize", { type: "boolean", default: false, describe: "watch every walk: for findings" })
      .option("output", {
        alias: "o",
        type: "string",
        requiresArg: true,
        describe: "the fixture's folder (default: fixtures/ and the trace's name)",
      })
      .example("$0 shrink host.ndjson.gz --keep 'candidate.faults.total > base.faults.total'", "")
      .example("$0 shrink host.ndjson.gz --candidate ./mine.js --keep strategyError", "")
      .epilogue(
        "Interrupted (^C), it writes the best so far. The fixture is not anonymous: see s2replay fixture new.",
      ),
  handler: async (args) => {
    const { base, candidate, profile } = args;
    const keep = parseExpression(args.keep, checkedSchema, "--keep");
    const folder =
      args.output ?? join("fixtures", `${basename(args.trace).replace(/\.ndjson.*$/, "")}-shrunk`);
    checkNew(folder);
    // A slip in a name shows before the trace is read.
    for (const name of [base, candidate]) await loadStrategy(name);
    const whatIf = whatIfOf(args);
    const header = await headerOf(args);
    const options = {
      base,
      candidate,
      ...(profile === undefined ? {} : { profile }),
      ...(Object.keys(whatIf).length === 0 ? {} : { whatIf }),
      ...(args.sanitize ? { sanitize: true } : {}),
    };
    const { stop, ...progress } = startReading();
    const reading = { import: importOptionsOf(args), header, ...progress };
    const units = await readUnits(args.trace, reading).finally(stop);
    warnOf(args.trace, units.contradictions);
    const scratch = makeScratch();
    const interrupt = catchInterrupt();
    const tally = startTally();
    const shrunk = await shrinkTrace(units, {
      job: { ...options, ...walkerModuleOf(args, "."), lenient: false },
      keep,
      scratch,
      onTry: ({ tries, episodes }) =>
        tally.show(`${formatPlural(tries, "replay")}, ${formatPlural(episodes, "episode")} left`),
      isStopped: () => interrupt.isCaught,
    }).finally(() => {
      interrupt.release();
      tally.stop();
    });
    const left = units.countEpisodes(shrunk.keep);
    const of = `${formatCount(left)} of ${formatPlural(units.countEpisodes(), "episode")}`;
    writeFixture(
      folder,
      {
        trace: traceOf(units, shrunk.keep),
        options: {
          ...options,
          base: moduleFrom(folder, base),
          candidate: moduleFrom(folder, candidate),
          ...walkerModuleOf(args, folder),
        },
        holds: [args.keep],
        why: `${of} of ${basename(args.trace)}: the least that was found for which ${args.keep} holds. Say here why it does.`,
      },
      removeLater,
    );
    const how = shrunk.isStopped ? "interrupted after" : "in";
    emit(`${folder}: ${of}, ${how} ${formatPlural(shrunk.tries, "replay")}\n`, undefined);
  },
};

function traceOf(units: TraceUnits, keep: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(units.bytes.length);
  return out.subarray(0, units.write(keep, out));
}

/** The first ^C is a wish to see the best so far; the next one ends the program. */
function catchInterrupt(): { readonly isCaught: boolean; release(): void } {
  const others = process.listeners("SIGINT");
  const state = {
    isCaught: false,
    release: () => {
      process.removeAllListeners("SIGINT");
      for (const listener of others) process.on("SIGINT", listener);
    },
  };
  process.removeAllListeners("SIGINT");
  process.once("SIGINT", () => {
    state.release();
    state.isCaught = true;
  });
  return state;
}
