import type { CommandModule } from "yargs";
import { compareSchema, diffSchema, jsonSchemaOf, replaySchema } from "../compare/result.js";
import { predictionSchema } from "../compare/result-prediction.js";
import { recordingsSchema } from "../compare/result-recordings.js";
import { selfReplaySchema } from "../compare/result-self-replay.js";
import { sweepSchema } from "../compare/result-sweep.js";
import { validateSchema } from "../compare/result-validate.js";
import { checkSchema } from "../fixture/check-result.js";
import { jsonText } from "../json-text.js";
import { episodeSchema } from "../report/episodes/columns.js";
import { emit } from "./output.js";

const schemas = {
  diff: diffSchema,
  compare: compareSchema,
  sweep: sweepSchema,
  recordings: recordingsSchema,
  prediction: predictionSchema,
  replay: replaySchema,
  validate: validateSchema,
  "self-replay": selfReplaySchema,
  check: checkSchema,
  episodes: episodeSchema,
};
type SchemaName = keyof typeof schemas;

interface SchemaArguments {
  of: SchemaName;
}

export const schemaCommand: CommandModule<object, SchemaArguments> = {
  command: "schema [of]",
  describe: "Print the JSON Schema of a result",
  builder: (yargs) =>
    yargs
      .positional("of", {
        choices: Object.keys(schemas) as SchemaName[],
        default: "diff" as SchemaName,
        describe:
          "the command whose result it describes; recordings: what diff prints of two; prediction: what validate --against prints; episodes: the rows that --episodes writes",
      })
      .example("$0 schema", "of what diff --format json prints")
      .example("$0 schema replay", "of what replay --format json prints"),
  handler: ({ of }) => emit(jsonText(jsonSchemaOf(schemas[of])), undefined),
};
