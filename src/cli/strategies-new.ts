import { writeFileSync } from "node:fs";
import { basename, extname } from "node:path";
import type { CommandModule } from "yargs";
import { UsageError } from "../errors.js";
import { strategyByName } from "../strategy/index.js";
import { strategyTemplate, strategyTemplateLike } from "../strategy/template.js";
import { namedStrategy } from "./named-strategy.js";
import { emit } from "./output.js";

interface NewArguments {
  file: string;
  like: string | undefined;
}

export const strategiesNewCommand: CommandModule<object, NewArguments> = {
  command: "new <file>",
  describe: "Write a strategy of your own to begin with: v6.1's walker, step by step, or another one's",
  builder: (yargs) =>
    yargs
      .positional("file", {
        type: "string",
        demandOption: true,
        describe: "an ES module: NAME.js, NAME.mjs or NAME.ts",
      })
      .option("like", {
        type: "string",
        requiresArg: true,
        describe: "the strategy that it does the same as to begin with (default: v6.1)",
      })
      .example("$0 strategies new mine.js", "then: s2replay verify ./mine.js")
      .example("$0 strategies new mine.ts --like pre-patch", "what pre-patch does, in TypeScript"),
  handler: async ({ file, like = "v6.1" }) => {
    const name = nameFor(file);
    const { name: known } = await namedStrategy(like);
    if (strategyByName(known) === undefined)
      throw new UsageError(`--like ${like}: expected a built-in strategy`);
    const isTypeScript = file.endsWith(".ts");
    const isWhole = known === "v6.1" && !isTypeScript;
    writeNew(file, isWhole ? strategyTemplate(name) : strategyTemplateLike(name, known, isTypeScript));
    const path = /[/\\]/.test(file) ? file : `./${file}`;
    emit(
      [
        `${file}: ${known}'s walker, for you to change. Then`,
        `  s2replay verify ${path}`,
        `  s2replay walk --strategy ${known} --diff ${path}`,
        `  s2replay diff TRACE --base ${known} --candidate ${path}`,
        "",
      ].join("\n"),
      undefined,
    );
  },
};

/** The file's name, but never a built-in strategy's: results could not tell the two apart. */
function nameFor(file: string): string {
  const extension = extname(file);
  if (!/^\.(m?js|ts)$/.test(extension))
    throw new UsageError(`${file}: expected a name that ends in .js, .mjs or .ts`);
  const name = basename(file, extension);
  return strategyByName(name) === undefined ? name : `${name}-mine`;
}

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: "wx" });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") throw new UsageError(`${file}: is there already, and is left as it is`);
    if (code === "ENOENT") throw new UsageError(`${file}: no such folder`);
    if (typeof code === "string") throw new UsageError(`${file}: cannot be written (${code})`);
    throw error;
  }
}
