import { setImmediate } from "node:timers/promises";
import type { CommandModule } from "yargs";
import { printable } from "../report/quantity.js";
import { verdictText } from "../scenario/verdict-text.js";
import { likeOf, shippedSets, type Verdict, type VerifyOptions, verify } from "../scenario/verify.js";
import type { Strategy } from "../strategy/strategy.js";
import { namedStrategy } from "./named-strategy.js";
import { emit } from "./output.js";
import { startCount } from "./progress.js";
import { parseCount } from "./values.js";

interface VerifyArguments {
  strategy: string;
  like: string | undefined;
  seed: string;
  generated: string;
  output: string | undefined;
}

export const verifyCommand: CommandModule<object, VerifyArguments> = {
  command: "verify <strategy>",
  describe: "Run a strategy through many scenarios under a sanitizer, and print a verdict",
  builder: (yargs) =>
    yargs
      .positional("strategy", {
        type: "string",
        demandOption: true,
        describe: "a name (see s2replay strategies), or a module's file",
      })
      .option("like", {
        type: "string",
        requiresArg: true,
        describe:
          "strategy whose answers and final tables it should have (default: a built-in one of its generation)",
      })
      .option("seed", {
        type: "string",
        requiresArg: true,
        default: "1",
        describe: "of the generated scenarios",
      })
      .option("generated", {
        type: "string",
        requiresArg: true,
        default: "500",
        describe: "how many scenarios are generated, beside those that are built in",
      })
      .option("output", {
        alias: "o",
        type: "string",
        requiresArg: true,
        describe: "write the verdict to this file",
      })
      .example("$0 verify ./mine.js", "is my walker sound?")
      .example("$0 verify post-patch", "what is wrong with the RFC as posted")
      .epilogue("Exit status: 0 clean; 1 a rule is broken; 2 on trouble."),
  handler: async (args) => {
    const strategy = await namedStrategy(args.strategy);
    const like = args.like === undefined ? likeOf(strategy) : await namedStrategy(args.like);
    const verdict = await judge(strategy, {
      like,
      seed: parseCount("--seed", args.seed, 0),
      generated: parseCount("--generated", args.generated, 0),
      shipped: shippedSets(),
    });
    // Before the printing, whose reader may go away.
    if (verdict.broken.length > 0) process.exitCode = 1;
    const lines = verdictText(verdict, args.strategy).split("\n");
    emit(lines.map(printable).join("\n"), args.output);
  },
};

/** Between two scenarios signals are heard. */
async function judge(strategy: Strategy, options: VerifyOptions): Promise<Verdict> {
  const steps = verify(strategy, options);
  const { stop, onDone } = startCount("scenarios");
  try {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      onDone?.(step.value.done, step.value.of);
      await setImmediate();
    }
  } finally {
    stop();
  }
}
