import type { CommandModule } from "yargs";
import { selfReplayTrace } from "../compare/self-replay.js";
import { validateTrace } from "../compare/validate.js";
import { UsageError } from "../errors.js";
import { jsonText } from "../json-text.js";
import { render as renderSelfReplay } from "../report/self-replay.js";
import { render } from "../report/validation.js";
import { addTrace, importOptionsOf } from "./import-options.js";
import { headerOf, recordingOf } from "./machine-options.js";
import { emit } from "./output.js";
import { addPrediction, isPrediction, type PredictionArguments, showPrediction } from "./prediction.js";
import { startProgress, startReading } from "./progress.js";
import { parseCount } from "./values.js";

interface ValidateArguments extends PredictionArguments {
  "self-replay": boolean;
}

export const validateCommand: CommandModule<object, ValidateArguments> = {
  command: "validate <trace> [others..]",
  describe: "Say what a trace holds, and what is wrong with it; or how well it predicts another kernel",
  builder: (yargs) =>
    addPrediction(addTrace(yargs))
      .option("format", {
        choices: ["text", "json", "markdown"] as const,
        default: "text" as const,
        describe: "how to print the result",
      })
      .option("lenient", {
        type: "boolean",
        default: false,
        describe: "malformed lines are no reason for status 1",
      })
      .option("self-replay", {
        type: "boolean",
        default: false,
        describe: "replay it under the walker that recorded it, and list the faults that do not come out",
      })
      .option("slot", {
        type: "string",
        requiresArg: true,
        describe: "count only this memslot, with --self-replay or --against",
      })
      .option("epoch", {
        type: "string",
        requiresArg: true,
        describe: "count only the epoch of this label, with --self-replay or --against",
      })
      .example("$0 validate host.ndjson.gz", "counts, losses, and every kind of malformed line")
      .example("$0 validate host.ndjson --format json", "for a program")
      .example("$0 validate host.ndjson --self-replay", "does its own walker give its faults back?")
      .example(
        "$0 validate old/*.dat --against new/*.dat --candidate post-patch",
        "what runs of one kernel predict of another, beside what that one did",
      )
      .epilogue("Exit status: 0; 1 where the trace is malformed, or --fail-on holds; 2 on trouble."),
  handler: async (validate) => {
    if (isPrediction(validate)) {
      if (validate["self-replay"]) throw new UsageError("--against and --self-replay exclude each other");
      return showPrediction(validate);
    }
    const { trace, format, lenient, ...args } = validate;
    for (const option of ["slot", "epoch"] as const)
      if (args[option] !== undefined && !args["self-replay"])
        throw new UsageError(`--${option}: needs --self-replay or --against`);
    if (args["self-replay"]) {
      const { stop, ...progress } = startProgress();
      const { slot, epoch } = args;
      const result = await selfReplayTrace({
        input: trace,
        import: importOptionsOf(args),
        recording: recordingOf(args),
        lenient,
        ...progress,
        ...(slot === undefined ? {} : { slot: parseCount("--slot", slot, 0) }),
        ...(epoch === undefined ? {} : { epoch }),
      }).finally(stop);
      emit(format === "json" ? jsonText(result) : renderSelfReplay(result), undefined);
      return;
    }
    const reading = { import: importOptionsOf(args), header: await headerOf(args) };
    const { stop, ...progress } = startReading();
    const result = await validateTrace(trace, { ...reading, ...progress }).finally(stop);
    if (!result.usable && !lenient) process.exitCode = 1;
    emit(format === "json" ? jsonText(result) : render(result), undefined);
  },
};
