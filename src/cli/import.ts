/**
 * `s2replay import`: a recording made by another program -> `s2replay-trace/1`.
 * The start of the importers: it reads what `trace-cmd report -t` prints, and a trace.dat by way of that program.
 */
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { realpath, rename, rm, stat } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { Readable, pipeline as startPipeline, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { createGunzip, createGzip } from "node:zlib";
import type { CommandModule } from "yargs";
import { TraceFormatError, UsageError } from "../errors.js";
import type { TraceHeader } from "../trace/event.js";
import { type ReportSummary, recognises, TraceCmdReport } from "../trace/trace-cmd-report.js";
import {
  isTraceDat,
  readTraceDatFacts,
  reportTraceDat,
  TRACE_DAT_MAGIC_BYTES,
} from "../trace/trace-cmd-report-dat.js";

type HeaderFields = Omit<TraceHeader, "schema">;
type Bytes = AsyncIterable<Uint8Array>;

export interface ImportOptions {
  /** A file, or "-" for `stdin`. */
  readonly input: string;
  /** A file (gzip where it ends in .gz), or "-" for `stdout`. */
  readonly output: string;
  /** What the input does not say of itself; wins over what it says. */
  readonly header?: HeaderFields;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
}

/** A line longer than this is refused, as by the trace reader. */
const LINE_LIMIT = 1024 * 1024;
/** Text looked at to tell what it is. */
const HEAD_CHARS = 4096;
const CHUNK_CHARS = 64 * 1024;

/** Converts a recording; the output appears whole or not at all. Throws TraceFormatError and UsageError. */
export async function importTrace(options: ImportOptions): Promise<ReportSummary> {
  const { input, output } = options;
  const file = input === "-" ? "stdin" : input;
  const { bytes, facts } = await openRecording(input, file, options.stdin ?? process.stdin);
  const name = output === "-" ? {} : { name: basename(output) };
  const report = new TraceCmdReport({
    file,
    header: { arch: "arm64", source: "trace-cmd", ...facts, ...name, ...options.header },
  });
  const lines = convert(bytes, report, file);
  if (output === "-") {
    await writeStream(lines, options.stdout ?? process.stdout);
  } else {
    await replaceFile(output, (path) => writeLines(lines, path, output.endsWith(".gz")));
  }
  return report.summary;
}

/** A reader that has seen enough (`| head -1`) ends it; that is no error. */
async function writeStream(lines: AsyncIterable<string>, stdout: Writable): Promise<void> {
  try {
    await pipeline(Readable.from(lines), stdout, { end: false });
  } catch (error) {
    if (!isSystemError(error) || error.code !== "EPIPE") throw error;
  }
}

async function writeLines(lines: AsyncIterable<string>, path: string, gzip: boolean): Promise<void> {
  const sink = createWriteStream(path);
  // Node's gzip header carries no time and no name: the same lines give the same bytes.
  if (gzip) await pipeline(Readable.from(lines), createGzip({ level: 9 }), sink);
  else await pipeline(Readable.from(lines), sink);
}

/** A device or a pipe is written in place: renaming over /dev/null would be a bad surprise. */
async function replaceFile(output: string, write: (path: string) => Promise<void>): Promise<void> {
  const target = await realpath(output).catch(() => output);
  const old = await stat(target).catch(() => undefined);
  if (old?.isDirectory() === true) throw new UsageError(`${output}: is a directory`);
  if (old !== undefined && !old.isFile()) return write(target);
  const part = `${target}.${randomUUID().slice(0, 8)}.part`;
  try {
    await write(part);
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw isSystemError(error) && error.path === part
      ? new UsageError(`${output}: cannot be written (${error.code})`)
      : error;
  }
}

async function* convert(bytes: Bytes, report: TraceCmdReport, file: string): AsyncGenerator<string> {
  let text = "";
  for await (const line of readLines(bytes, file)) {
    const converted = report.convert(line);
    if (converted !== undefined) text += `${converted}\n`;
    if (text.length < CHUNK_CHARS) continue;
    yield text;
    text = "";
  }
  const rest = report.end();
  if (rest !== undefined) text += `${rest}\n`;
  if (report.summary.events === 0) throw new TraceFormatError(file, "no events");
  yield text;
}

/** Splits at \n or \r\n alone (readline would also split at a U+2028 in a thread's name). */
async function* readLines(bytes: Bytes, file: string): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let line = 1;
  let looked = false;
  for await (const chunk of bytes) {
    rest += decoder.write(chunk);
    if (!looked && rest.length < HEAD_CHARS) continue;
    if (!looked) look(rest, file);
    looked = true;
    let start = 0;
    for (let end = rest.indexOf("\n"); end !== -1; end = rest.indexOf("\n", start)) {
      yield rest.slice(start, rest[end - 1] === "\r" ? end - 1 : end);
      start = end + 1;
      line++;
    }
    rest = rest.slice(start);
    if (rest.length > LINE_LIMIT) throw new TraceFormatError(`${file}:${line}`, "a line over 1 MiB");
  }
  rest += decoder.end();
  if (!looked) look(rest, file);
  if (rest !== "") yield* rest.replace(/\n$/, "").split(/\r?\n/);
}

function look(text: string, file: string): void {
  if (text.trim() === "") throw new TraceFormatError(file, "no events");
  if (recognises(text.slice(0, HEAD_CHARS))) return;
  throw new TraceFormatError(
    `${file}:1`,
    "expected the text of trace-cmd report -t, or a trace.dat; other formats are not read yet",
  );
}

const GZIP = Buffer.from([0x1f, 0x8b]);

async function openRecording(
  input: string,
  file: string,
  stdin: Readable,
): Promise<{ bytes: Bytes; facts: HeaderFields }> {
  const bytes = await withHead(input === "-" ? stdin : createReadStream(input), file);
  if (isTraceDat(bytes.head)) {
    if (input === "-") throw new UsageError("a trace.dat cannot be read from a pipe: name the file");
    await bytes.close();
    return { bytes: reportTraceDat(input), facts: await readTraceDatFacts(input) };
  }
  if (!GZIP.equals(bytes.head.subarray(0, GZIP.length))) return { bytes: bytes.all, facts: {} };
  const text = await withHead(gunzip(bytes.all, file), file);
  if (isTraceDat(text.head)) throw new UsageError(`${file}: a compressed trace.dat: unpack it first`);
  return { bytes: text.all, facts: {} };
}

/** A stream's first bytes, and the stream with them still in front. */
async function withHead(
  stream: Bytes,
  file: string,
): Promise<{ head: Uint8Array; all: Bytes; close(): Promise<void> }> {
  const iterator = stream[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    while (size < TRACE_DAT_MAGIC_BYTES) {
      const { done, value } = await iterator.next();
      if (done === true) break;
      parts.push(value);
      size += value.length;
    }
  } catch (error) {
    throw isSystemError(error) && error.syscall !== undefined
      ? new UsageError(`${file}: cannot be read (${error.code})`)
      : error;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield* parts;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  }
  return {
    head: Buffer.concat(parts),
    all: all(),
    close: async () => {
      await iterator.return?.();
    },
  };
}

async function* gunzip(bytes: Bytes, file: string): Bytes {
  const unpacked = createGunzip();
  startPipeline(Readable.from(bytes), unpacked, () => {}); // An error in either comes out of the loop below.
  try {
    yield* unpacked;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new TraceFormatError(file, `broken gzip data (${error.message})`);
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error;
}

interface ImportArguments {
  file: string;
  output: string;
  name: string | undefined;
  kernel: string | undefined;
  granule: number | undefined;
  "ia-bits": number | undefined;
  fwb: boolean | undefined;
  walker: string | undefined;
  pcpus: number | undefined;
  "lock-wait": "spin" | "sleep" | undefined;
}

export const importCommand: CommandModule<object, ImportArguments> = {
  command: "import <file>",
  describe: "Convert a recording to NDJSON (trace-cmd so far; tracefs text and others come later)",
  builder: (yargs) =>
    yargs
      .positional("file", {
        type: "string",
        demandOption: true,
        // yargs 18 hands a lone "-" on as an empty string.
        coerce: (file: string) => (file === "" ? "-" : file),
        describe: "text of trace-cmd report -t (plain or gzip), a trace.dat, or - for stdin",
      })
      .option("output", {
        alias: "o",
        type: "string",
        demandOption: true,
        describe: "where to; .gz packs it, - is stdout",
      })
      .option("name", {
        type: "string",
        describe: "what the recording calls itself (default: OUT's base name)",
      })
      .option("kernel", {
        type: "string",
        describe: "release of the recording kernel (default: what a trace.dat says)",
      })
      .option("granule", { choices: [4096, 16384, 65536] as const, describe: "page size of the host, bytes" })
      .option("ia-bits", { type: "number", describe: "width of the guest's physical addresses" })
      .option("fwb", { type: "boolean", describe: "the CPU has FEAT_S2FWB (--no-fwb: it has not)" })
      .option("walker", { type: "string", describe: "strategy that the recording kernel ran" })
      .option("pcpus", { type: "number", describe: "physical CPUs that the vCPUs share" })
      .option("lock-wait", {
        choices: ["spin", "sleep"] as const,
        describe: "what a waiter for the MMU lock does",
      })
      .check(
        (args) =>
          checkCount("--pcpus", args.pcpus, 1, 65536) && checkCount("--ia-bits", args["ia-bits"], 32, 52),
      )
      .example("$0 import trace.dat -o trace.ndjson.gz --walker v6.1 --no-fwb", "a recording of a 6.1 host")
      .example("trace-cmd report -t | $0 import - -o - | head", "by hand"),
  handler: async (args) => {
    const header: HeaderFields = {
      ...(args.name === undefined ? {} : { name: args.name }),
      ...(args.kernel === undefined ? {} : { kernel: args.kernel }),
      ...(args.granule === undefined ? {} : { granule: args.granule }),
      ...(args["ia-bits"] === undefined ? {} : { ia_bits: args["ia-bits"] }),
      ...(args.fwb === undefined ? {} : { fwb: args.fwb }),
      ...(args.walker === undefined ? {} : { walker: args.walker }),
      ...(args.pcpus === undefined ? {} : { pcpus: args.pcpus }),
      ...(args["lock-wait"] === undefined ? {} : { lock_wait: args["lock-wait"] }),
    };
    const summary = await importTrace({ input: args.file, output: args.output, header });
    process.stderr.write(describeSummary(summary));
  },
};

function checkCount(option: string, value: number | undefined, least: number, most: number): true {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return true;
  throw new UsageError(`${option}: expected a whole number from ${least} to ${most}, got ${value}`);
}

function describeSummary(summary: ReportSummary): string {
  const list = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  const out = [`${summary.events} events from ${summary.lines} lines`];
  if (summary.gaps > 0) out.push(`gaps (tracing was off): ${summary.gaps}`);
  if (summary.lostEvents > 0) out.push(`lost events: ${summary.lostEvents}`);
  if (summary.ignored.size > 0) out.push(`left out: ${list(summary.ignored)}`);
  if (summary.unknown.size > 0) out.push(`unknown, kept by name: ${list(summary.unknown)}`);
  return `${[...out, ...summary.oddities].join("\n")}\n`;
}
