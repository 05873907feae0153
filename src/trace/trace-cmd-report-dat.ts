/** A trace.dat, read by way of the program trace-cmd: its events as text, and what it says of the machine. */
import { execFile, spawn } from "node:child_process";
import { basename } from "node:path";
import { TraceFormatError, UsageError } from "../errors.js";
import type { TraceHeader } from "./event.js";

const PROGRAM = "trace-cmd";
const MAGIC = Buffer.from("\x17\x08\x44tracing", "latin1");
const OUTPUT_LIMIT = 16 * 1024 * 1024;
const COMPLAINT_LIMIT = 4096;

/** Bytes that isTraceDat needs. */
export const TRACE_DAT_MAGIC_BYTES = MAGIC.length;

export function isTraceDat(head: Uint8Array): boolean {
  return MAGIC.equals(head.subarray(0, MAGIC.length));
}

/** What `trace-cmd report -t` prints. Throws UsageError where it is not installed or refuses the file, TraceFormatError where it finds nothing. */
export async function* reportTraceDat(file: string): AsyncGenerator<Uint8Array> {
  const program = spawn(PROGRAM, ["report", "-t", "-i", file], { stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  program.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (complaint.length < COMPLAINT_LIMIT) complaint += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    program.once("error", (error: NodeJS.ErrnoException) => reject(cannotRun(file, error)));
    program.once("close", resolve);
  });
  ended.catch(() => {}); // Awaited below, once the text is through.
  try {
    let printed = false;
    for await (const chunk of program.stdout) {
      printed = true;
      yield chunk;
    }
    const status = await ended;
    if (status !== 0)
      throw new UsageError(`${file}: trace-cmd report failed (${status}): ${complaint.trim()}`);
    // trace-cmd 3.1.6 ends well on a file that lost its end, where version 7 keeps the sections' places.
    if (!printed)
      throw new TraceFormatError(file, "trace-cmd report prints nothing: the file may be cut short");
  } finally {
    program.kill();
  }
}

function cannotRun(file: string, error: NodeJS.ErrnoException): UsageError {
  if (error.code !== "ENOENT") return new UsageError(`${file}: trace-cmd cannot be run (${error.message})`);
  return new UsageError(
    `${file}: a trace.dat is read by way of the program trace-cmd, which is not installed here; ` +
      `run trace-cmd report -t -i ${basename(file)} where it is, and import its output`,
  );
}

/** Header fields from a trace.dat's options; none where this trace-cmd cannot show them. */
export async function readTraceDatFacts(file: string): Promise<Omit<TraceHeader, "schema">> {
  const [options, version] = await Promise.all([
    run(PROGRAM, ["dump", "--options", "-i", file]),
    run(PROGRAM, ["--version"]),
  ]);
  return { ...parseOptions(options), ...parseVersion(version) };
}

/** The text of `trace-cmd dump --options`. */
export function parseOptions(text: string): Omit<TraceHeader, "schema"> {
  const kernel = /\[Option UNAME.*\n\S+ .* (\S+) \S+$/m.exec(text)?.[1];
  const clock = /\[Option TRACECLOCK.*\n.*\[(\w+)\]/.exec(text)?.[1];
  const pageBytes = /^(\d+) \[Page size, bytes\]/m.exec(text)?.[1];
  const lost = [...text.matchAll(/^(?:(?:commit )?overrun|dropped events): (\d+)$/gm)];
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(pageBytes === undefined ? {} : { granule: Number(pageBytes) }),
    ...(clock === undefined ? {} : { clock }),
    // A loss is told by lost_events lines; here only that there was none.
    ...(lost.length > 0 && lost.every(([, count]) => count === "0") ? { lost_events: 0 } : {}),
  };
}

function parseVersion(text: string): { source?: string } {
  const version = /trace-cmd version (\S+)/.exec(text)?.[1];
  return version === undefined ? {} : { source: `trace-cmd ${version}` };
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { maxBuffer: OUTPUT_LIMIT }, (_error, stdout) => resolve(stdout));
  });
}
