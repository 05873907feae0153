import type { CommandModule } from "yargs";
import { calibrateTraces } from "../compare/calibrate.js";
import { calibratePublished } from "../compare/calibrate-published.js";
import type { CostProfile } from "../cost/profile.js";
import { UsageError } from "../errors.js";
import { jsonText } from "../json-text.js";
import { render, renderPublished } from "../report/calibration.js";
import { addImportOptions, type ImportArguments, importOptionsOf } from "./import-options.js";
import { recordingOf } from "./machine-options.js";
import { emit } from "./output.js";
import { startProgress } from "./progress.js";
import { inputOf } from "./stdin-word.js";

interface CalibrateArguments extends ImportArguments {
  files: string[] | undefined;
  published: string | undefined;
  profile: string | undefined;
  lenient: boolean;
  output: string | undefined;
}

export const calibrateCommand: CommandModule<object, CalibrateArguments> = {
  command: "calibrate [files..]",
  describe: "Fit a cost profile to traces that have durations, or to published times",
  builder: (yargs) =>
    addImportOptions(
      yargs
        .positional("files", {
          type: "string",
          array: true,
          describe: "traces of one machine; each may have another walker",
        })
        .option("published", {
          type: "string",
          requiresArg: true,
          describe: "fit the guests' reads to a table of published times (CSV) instead",
        })
        .option("output", {
          alias: "o",
          type: "string",
          requiresArg: true,
          describe: "where to write the profile (default: standard output, the table then goes to stderr)",
        }),
    )
      .option("profile", {
        type: "string",
        requiresArg: true,
        describe:
          "whose figures stand for what is not told: a name or a JSON file (default: emulated where lock waiters sleep, else kunpeng920)",
      })
      .option("lenient", { type: "boolean", default: false, describe: "skip and count malformed lines" })
      .example("$0 calibrate host.ndjson.gz -o host.json", "then: $0 diff host.ndjson.gz --profile host.json")
      .example("$0 calibrate before.dat after.dat -o host.json", "two kernels of one machine")
      .example("$0 calibrate --published kunpeng920.csv", "as the reads of kunpeng920 were made"),
  handler: async (args) => {
    const files = (args.files ?? []).map(inputOf);
    if ((files.length === 0) === (args.published === undefined))
      throw new UsageError("expected traces, or --published FILE; see s2replay calibrate --help");
    const { profile, table } =
      args.published === undefined ? await fromTraces(files, args) : await fromTable(args.published, args);
    const document = jsonText(profile.document);
    if (args.output === undefined || args.output === "-") process.stderr.write(table);
    else process.stdout.write(table);
    emit(document, args.output);
  },
};

async function fromTraces(inputs: readonly string[], args: CalibrateArguments): Promise<Outcome> {
  const { stop, ...progress } = startProgress();
  const calibration = await calibrateTraces({
    inputs,
    import: importOptionsOf(args),
    recording: recordingOf(args),
    lenient: args.lenient,
    ...(args.profile === undefined ? {} : { profile: args.profile }),
    ...progress,
  }).finally(stop);
  return { profile: calibration.profile, table: render(calibration) };
}

async function fromTable(file: string, { profile }: CalibrateArguments): Promise<Outcome> {
  const calibration = await calibratePublished(file, profile);
  return { profile: calibration.profile, table: renderPublished(calibration) };
}

interface Outcome {
  readonly profile: CostProfile;
  readonly table: string;
}
