import { writeFileSync } from "node:fs";
import { basename, extname } from "node:path";
import type { CommandModule } from "yargs";
import { UsageError } from "../errors.js";
import { strategyByName } from "../strategy/index.js";
import { strategyTemplate } from "../strategy/template.js";
import { emit } from "./output.js";

interface NewArguments {
  file: string;
}

export const strategiesNewCommand: CommandModule<object, NewArguments> = {
  command: "new <file>",
  describe: "Write a strategy of your own to begin with: v6.1's walker, step by step",
  builder: (yargs) =>
    yargs
      .positional("file", {
        type: "string",
        demandOption: true,
        describe: "an ES module: NAME.js or NAME.mjs",
      })
      .example("$0 strategies new mine.js", "then: s2replay verify ./mine.js"),
  handler: ({ file }) => {
    writeNew(file, strategyTemplate(nameFor(file)));
    const path = /[/\\]/.test(file) ? file : `./${file}`;
    emit(
      [
        `${file}: v6.1's walker, for you to change. Then`,
        `  s2replay verify ${path}`,
        `  s2replay walk --strategy v6.1 --diff ${path}`,
        `  s2replay diff TRACE --base v6.1 --candidate ${path}`,
        "",
      ].join("\n"),
      undefined,
    );
  },
};

/** The file's name, but never a built-in strategy's: results could not tell the two apart. */
function nameFor(file: string): string {
  const extension = extname(file);
  if (!/^\.m?js$/.test(extension)) throw new UsageError(`${file}: expected a name that ends in .js or .mjs`);
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
