import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { CommandModule } from "yargs";
import { UsageError } from "../errors.js";
import { checkFixtures } from "../fixture/check.js";
import { annotationsOf, summaryOf } from "../fixture/check-github.js";
import { renderJunit } from "../fixture/check-junit.js";
import { type CheckResult, parseCheck, type Substitution } from "../fixture/check-result.js";
import { changeText, expectedText, isFailing, valueText } from "../fixture/check-rows.js";
import { renderCheck } from "../fixture/check-text.js";
import { findFixtures, readFixture, readJson } from "../fixture/fixture.js";
import { updateExpected } from "../fixture/update.js";
import { jsonText } from "../json-text.js";
import { likeOf } from "../scenario/verify.js";
import { namedStrategy } from "./named-strategy.js";
import { emit, wantsColor } from "./output.js";
import { startCount } from "./progress.js";

const formats = ["text", "json", "junit", "github"] as const;

interface CheckArguments {
  paths: string[];
  strategy: string | undefined;
  like: string | undefined;
  update: boolean;
  widen: boolean;
  format: (typeof formats)[number];
  baseline: string | undefined;
  watch: boolean;
  output: string | undefined;
}

export const checkCommand: CommandModule<object, CheckArguments> = {
  command: "check [paths..]",
  describe: "Run fixtures: small traces of which it is known what must come out",
  builder: (yargs) =>
    yargs
      .positional("paths", {
        type: "string",
        array: true,
        default: ["fixtures"],
        describe: "fixtures, or folders that hold some",
      })
      .option("strategy", {
        type: "string",
        requiresArg: true,
        describe: "run this one, a name or a module's file, in place of the one that it derives from",
      })
      .option("like", {
        type: "string",
        requiresArg: true,
        implies: "strategy",
        describe: "the strategy that it derives from (default: a built-in one of its generation)",
      })
      .option("update", {
        type: "boolean",
        default: false,
        describe: "write the figures that moved into expected.json; ranges stay as they are",
      })
      .option("widen", { type: "boolean", default: false, describe: "with --update: ranges too" })
      .option("format", { choices: formats, default: "text" as const, describe: "how to print the result" })
      .option("baseline", {
        type: "string",
        requiresArg: true,
        describe: "what --format json printed of another commit: old against new",
      })
      .option("watch", {
        type: "boolean",
        default: false,
        describe: "run again whenever a fixture or the strategy's file changes",
      })
      .option("output", {
        alias: "o",
        type: "string",
        requiresArg: true,
        describe: "write the result to this file",
      })
      .example("$0 check", "all of fixtures/")
      .example(
        "$0 check --strategy ./mine.js --like post-patch",
        "does my walker do what it derives from does?",
      )
      .example("$0 check --format github", "in a job of GitHub Actions")
      .epilogue("Exit status: 0 all pass; 1 one fails; 2 on trouble.") as never,
  handler: async (args) => {
    if (args.widen && !args.update) throw new UsageError("--widen: expected --update with it");
    if (args.update && args.strategy !== undefined)
      throw new UsageError(
        "--update: a fixture expects what the strategies do that it names: not with --strategy",
      );
    if (args.update && isCi())
      throw new UsageError("--update: refused where CI is set: what is expected is changed by a person");
    if (args.watch) return rerunOnChange(args);
    const baseline =
      args.baseline === undefined ? undefined : parseCheck(readJson(args.baseline), args.baseline);
    const fixtures = findFixtures(args.paths).map(readFixture);
    const stand = await standOf(args);
    const { stop, ...progress } = startCount("replays");
    const result = await checkFixtures(fixtures, {
      ...progress,
      ...(stand === undefined ? {} : { stand }),
    }).finally(stop);
    // Before the printing, whose reader may go away.
    if (result.failed > 0) process.exitCode = 1;
    emit(rendered(result, args, baseline), args.output);
    if (args.update) update(result, args.widen);
  },
};

function isCi(): boolean {
  const { CI } = process.env;
  return CI !== undefined && CI !== "" && CI !== "false" && CI !== "0";
}

async function standOf({ strategy, like }: CheckArguments): Promise<Substitution | undefined> {
  if (strategy === undefined) return undefined;
  const loaded = await namedStrategy(strategy);
  const name = like ?? likeOf(loaded).name;
  // A slip in it shows before the fixtures are run.
  await namedStrategy(name);
  return { strategy, like: name };
}

function rendered(result: CheckResult, args: CheckArguments, baseline: CheckResult | undefined): string {
  switch (args.format) {
    case "json":
      return jsonText(result);
    case "junit":
      return renderJunit(result);
    case "github": {
      const summary = process.env.GITHUB_STEP_SUMMARY;
      if (summary !== undefined && summary !== "") appendFileSync(summary, summaryOf(result, baseline));
      return annotationsOf(result) + renderCheck(result, { color: false, baseline });
    }
    default:
      return renderCheck(result, { color: wantsColor(args.output), baseline });
  }
}

/** What changed has been shown; each file appears whole. */
function update({ fixtures }: CheckResult, widens: boolean): void {
  let changedFiles = 0;
  let isLeft = false;
  for (const { folder, rows } of fixtures) {
    const failing = rows.filter(isFailing);
    if (failing.length === 0) continue;
    const file = join(folder, "expected.json");
    const { text, changed, left } = updateExpected(readFileSync(file, "utf8"), failing, widens);
    if (changed.length > 0) {
      emit(text, file);
      changedFiles++;
    }
    for (const row of changed)
      process.stderr.write(
        `${file}: ${row.path}: ${expectedText(row.expected)} -> ${valueText(row.got)} ${changeText(row)}\n`.replace(
          / \n$/,
          "\n",
        ),
      );
    for (const row of left)
      process.stderr.write(
        `${file}: ${row.path}: left: expected ${expectedText(row.expected)}, got ${valueText(row.got)}\n`,
      );
    if (left.length > 0) isLeft = true;
  }
  process.stderr.write(
    `${changedFiles} ${changedFiles === 1 ? "file" : "files"} updated; say in the commit why\n`,
  );
  process.exitCode = isLeft ? 1 : 0;
}

/** Changes that come together are one. */
const settleMs = 200;

/** Each run is a process of its own: a module that changed is loaded anew, with all that it imports. */
async function rerunOnChange({ paths, strategy }: CheckArguments): Promise<void> {
  const argv = process.argv.slice(1).filter((word) => word !== "--watch");
  const watched = [...paths, ...(strategy !== undefined && existsSync(strategy) ? [dirname(strategy)] : [])];
  let changes = 1;
  for (const path of watched) {
    if (!existsSync(path)) throw new UsageError(`${path}: no such folder`);
    watch(path, { recursive: true }, () => changes++);
  }
  for (let seen = 0; ; await setTimeout(settleMs)) {
    if (changes === seen) continue;
    seen = changes;
    if (process.stdout.isTTY) process.stdout.write("\x1b[2J\x1b[H");
    const child = spawn(process.execPath, argv, { stdio: "inherit" });
    await new Promise((resolve) => child.on("close", resolve));
    process.stderr.write("watching; stop with ^C\n");
  }
}
