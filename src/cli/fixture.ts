import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { CommandModule } from "yargs";
import { diffTrace } from "../compare/diff.js";
import { UsageError } from "../errors.js";
import { anonymousLines } from "../fixture/anonymise.js";
import { cutUnits, threadsOf } from "../fixture/cut.js";
import { moduleFrom } from "../fixture/fixture.js";
import { readUnits } from "../fixture/trace-units.js";
import { checkNew, countsOf, writeFixture } from "../fixture/write-fixture.js";
import { formatPlural } from "../report/quantity.js";
import { addImportOptions, type ImportArguments, importOptionsOf } from "./import-options.js";
import { headerOf, walkerModuleOf, warnOf } from "./machine-options.js";
import { emit, makeScratch, removeLater } from "./output.js";
import { startReading } from "./progress.js";
import { withRereadable } from "./rereadable.js";
import { addSides, type SideArguments } from "./trace-options.js";
import { parseSeconds } from "./values.js";

interface NewArguments extends ImportArguments, SideArguments {
  name: string;
  from: string;
  epoch: string | undefined;
  vm: string | undefined;
  between: string | undefined;
  rebase: boolean;
}

const newCommand: CommandModule<object, NewArguments> = {
  command: "new <name>",
  describe: "Cut a fixture out of a host's trace, and make it anonymous",
  builder: (yargs) =>
    addImportOptions(
      addSides(yargs)
        .positional("name", {
          type: "string",
          demandOption: true,
          describe: "its folder below fixtures/, or a path",
        })
        .option("from", { type: "string", requiresArg: true, demandOption: true, describe: "the trace" })
        .option("epoch", { type: "string", requiresArg: true, describe: "only the epoch of this label" })
        .option("between", {
          type: "string",
          requiresArg: true,
          describe: "only from T1 to T2: seconds since the trace's first event, T1,T2",
        })
        .option("vm", { type: "string", requiresArg: true, describe: "only this VM (see s2replay validate)" })
        .option("rebase", {
          type: "boolean",
          default: false,
          describe: "move guest memory above 1 GiB down to it, and what is behind it to 2 GiB, by whole GiB",
        })
        .conflicts("epoch", "between"),
    )
      .example("$0 fixture new adjust --from host.ndjson.gz --epoch ADJUST", "one epoch")
      .example("$0 fixture new slow-start --from host.dat --between 1.2,1.25 --rebase", "50 ms of it")
      .epilogue(
        "What is expected is what the replay counts now: read it, strike out what is not the point, and say in why.md " +
          "how it follows from what the trace shows.",
      ),
  handler: async (args) => {
    const folder = /[/\\]/.test(args.name) ? args.name : join("fixtures", args.name);
    checkNew(folder);
    const between = args.between === undefined ? undefined : parseBetween(args.between);
    const { epoch, vm, base, candidate } = args;
    const importOptions = { import: importOptionsOf(args), header: await headerOf(args) };
    const { stop, ...progress } = startReading();
    await withRereadable(args.from, ({ input }) => cutOut(input)).finally(stop);

    async function cutOut(input: string): Promise<void> {
      const reading = { ...importOptions, ...progress };
      const units = await readUnits(input, reading);
      const pids = vm === undefined ? undefined : await threadsOf(input, vm, reading);
      const part = {
        ...(epoch === undefined ? {} : { epoch }),
        ...(between === undefined ? {} : { between }),
      };
      const cut = cutUnits(units, part, pids);
      const lines = [...anonymousLines(units, cut, { rebases: args.rebase })];
      const trace = lines.join("");
      const scratch = makeScratch();
      const file = join(scratch, "trace.ndjson");
      writeFileSync(file, trace);
      const result = await diffTrace({
        input: file,
        lenient: false,
        base,
        candidate,
        ...walkerModuleOf(args, "."),
      });
      const episodes = formatPlural(units.countEpisodes(cut.keep), "episode");
      const why = `Cut from a recording${result.trace.kernel === null ? "" : ` of ${result.trace.kernel}`}: ${episodes} of ${basename(args.from)}. Say here what is seen in it, and how the figures follow.`;
      const options = {
        base: moduleFrom(folder, base),
        candidate: moduleFrom(folder, candidate),
        profile: result.profile.name,
        ...walkerModuleOf(args, folder),
      };
      writeFixture(folder, { trace, options, expect: countsOf(result), why }, removeLater);
      stop();
      warnOf(args.from, units.contradictions);
      emit(
        `${folder}: ${episodes} in ${formatPlural(lines.length, "line")}. Then say in ${join(folder, "why.md")} why it is there.\n`,
        undefined,
      );
    }
  },
};

function parseBetween(text: string): { fromNs: number; toNs: number } {
  const [from, to, ...rest] = text.split(",").map((part) => part.trim());
  if (from === undefined || to === undefined || rest.length > 0)
    throw new UsageError(
      `--between: expected T1,T2 in seconds, such as 1.2,1.25, got ${JSON.stringify(text)}`,
    );
  const range = { fromNs: parseSeconds("--between", from), toNs: parseSeconds("--between", to) };
  if (range.fromNs >= range.toNs) throw new UsageError("--between: expected T1,T2 with T1 < T2");
  return range;
}

export const fixtureCommand: CommandModule<object, object> = {
  command: "fixture <action>",
  describe: "Make a fixture for check",
  builder: (yargs) =>
    yargs
      .command(newCommand as unknown as CommandModule)
      .demandCommand(1, "expected an action")
      .epilogue("s2replay fixture new --help shows its options."),
  handler: () => {},
};
