import { createReadStream } from "node:fs";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import type { CommandModule } from "yargs";
import { UsageError } from "../errors.js";
import { GoldenWalk } from "../scenario/golden-line.js";
import { parseScripts, type Script, usages } from "../scenario/script.js";
import { basicScript, brokenText, diffText, walkText } from "../scenario/walk-text.js";
import type { Strategy } from "../strategy/strategy.js";
import { namedStrategy } from "./named-strategy.js";
import { emitPieces } from "./output.js";
import { startWriting } from "./progress.js";
import { parseCount } from "./values.js";

interface WalkArguments {
  script: string | undefined;
  strategy: string;
  diff: string | undefined;
  format: "text" | "ndjson";
  "max-events": string | undefined;
  sanitize: boolean;
  output: string | undefined;
}

/** As the golden files of random scenarios have it. */
const NDJSON_EVENTS = 100;
/** More lines than this nobody reads, and a comparison of them takes seconds. */
const TEXT_EVENTS = 100_000;

export const walkCommand: CommandModule<object, WalkArguments> = {
  command: "walk [script]",
  describe: "Run a script of operations under a strategy, and print every step of its walks",
  builder: (yargs) =>
    yargs
      .positional("script", {
        type: "string",
        // yargs 18 hands a lone "-" on as an empty string.
        coerce: (file: string) => (file === "" ? "-" : file),
        describe: "scenarios, plain or gzip; - is standard input (default: the basic 2 MiB coalesce)",
      })
      .option("strategy", {
        type: "string",
        requiresArg: true,
        default: "pre-patch",
        describe: "a name (see s2replay strategies), or a module's file",
      })
      .option("diff", {
        type: "string",
        requiresArg: true,
        describe: "show this strategy's walks beside them, aligned where they agree",
      })
      .option("format", {
        choices: ["text", "ndjson"] as const,
        default: "text" as const,
        describe: "how to print: for people, or a JSON object an operation as in fixtures/golden",
      })
      .option("max-events", {
        type: "string",
        requiresArg: true,
        describe: `leave the events of an operation out where there are more (default ${TEXT_EVENTS}; ndjson ${NDJSON_EVENTS}; none: always)`,
      })
      .option("sanitize", {
        type: "boolean",
        default: true,
        describe: "watch the walks, and report what would be wrong on a machine (ndjson: on standard error)",
      })
      .option("output", {
        alias: "o",
        type: "string",
        requiresArg: true,
        describe: "write to this file",
      })
      .example("$0 walk --diff post-patch", "what the RFC changes, step by step")
      .example("$0 walk --strategy v6.12", "a coalesce as v6.12 does it")
      .example("$0 walk mine.txt --strategy ./mine.js --format ndjson", "for a program")
      .epilogue(
        "A scenario is a line S NAME [fwb=0|1] [range=0|1] [ipa=BITS], then operations: " +
          `${Object.values(usages).join("; ")}. PROT is letters of r, w, x, d (device); MC the table pages that map may take.\n\n` +
          "In text, pN is table page N, L1 a level, the number behind put and get the page's reference count; " +
          "in the gutter of --diff, | differs, < and > are on one side alone.",
      ),
  handler: async (args) => {
    const maxEvents = maxEventsOf(args);
    const strategy = await namedStrategy(args.strategy);
    const other = args.diff === undefined ? undefined : await namedStrategy(args.diff);
    const pieces = piecesOf(await scriptsOf(args.script), strategy, other, args, maxEvents);
    const { stop, ...progress } = startWriting(args.output);
    await emitPieces(pieces, args.output, progress.onWritten).finally(stop);
  },
};

/** Undefined: no events at all. */
function maxEventsOf({ format, diff, "max-events": given }: WalkArguments): number | undefined {
  if (diff !== undefined && format !== "text") throw new UsageError("--diff is printed as text only");
  if (given === "none") return undefined;
  if (given !== undefined) return parseCount("--max-events", given, 0);
  return format === "ndjson" ? NDJSON_EVENTS : TEXT_EVENTS;
}

async function scriptsOf(file: string | undefined): Promise<Script[]> {
  if (file === undefined) return parseScripts(basicScript, "basic coalesce");
  const name = file === "-" ? "stdin" : file;
  let bytes: Buffer;
  try {
    bytes = await buffer(file === "-" ? process.stdin : createReadStream(file));
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code !== "string") throw error;
    if (code === "ENOENT") throw new UsageError(`${name}: no such file`);
    if (code === "EISDIR") throw new UsageError(`${name}: is a directory, expected a script`);
    throw new UsageError(`${name}: cannot be read (${code})`);
  }
  return parseScripts(bytes.toString(), name);
}

function* piecesOf(
  scripts: readonly Script[],
  strategy: Strategy,
  other: Strategy | undefined,
  { format, sanitize: sanitizes }: WalkArguments,
  maxEvents: number | undefined,
): Generator<string> {
  for (const [index, script] of scripts.entries()) {
    if (format === "ndjson") {
      const walk = new GoldenWalk(strategy, script, { maxEvents, hashes: true, sanitizes });
      try {
        for (const line of walk.lines()) yield `${JSON.stringify(line)}\n`;
      } finally {
        process.stderr.write(brokenText([walk]));
      }
      continue;
    }
    if (index > 0) yield "\n";
    const options = { maxEvents: maxEvents ?? -1, sanitizes };
    yield* other === undefined
      ? walkText(strategy, script, options)
      : diffText(strategy, other, script, options);
  }
}
