import type { CommandModule } from "yargs";
import { jsonText } from "../json-text.js";
import { printable } from "../report/quantity.js";
import { plainTable } from "../report/terminal.js";
import { strategies } from "../strategy/index.js";
import { emit } from "./output.js";
import { strategiesNewCommand } from "./strategies-new.js";

interface StrategiesArguments {
  format: "text" | "json";
}

export const strategiesCommand: CommandModule<object, StrategiesArguments> = {
  command: "strategies",
  describe: "List the built-in strategies, or write one of your own to begin with",
  builder: (yargs) =>
    yargs
      .command(strategiesNewCommand as CommandModule)
      .option("format", {
        choices: ["text", "json"] as const,
        default: "text" as const,
        describe: "how to print",
      })
      .example("$0 strategies", "what each models, and how it differs")
      .example("$0 strategies --format json", "for a program")
      .example("$0 strategies new mine.js", "a walker of your own"),
  handler: ({ format }) => emit(format === "json" ? asJson() : asText(), undefined),
};

function asJson(): string {
  const facts = strategies.map(({ name, models, lockRegime, faultPathCleans, deferredFrees }) => ({
    name,
    models,
    lockRegime,
    faultPathCleans,
    deferredFrees,
  }));
  return jsonText(facts);
}

function asText(): string {
  const table = plainTable(["left", "left", "left", "left", "left"]);
  table.push(["name", "lock", "fault path cleans", "frees", "models"]);
  for (const { name, models, lockRegime, faultPathCleans, deferredFrees } of strategies) {
    table.push([
      name,
      lockRegime,
      faultPathCleans ? "yes" : "no",
      deferredFrees ? "deferred" : "at once",
      printable(models),
    ]);
  }
  const lines = table.toString().split("\n");
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}
