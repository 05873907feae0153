/** Where results go: standard output, or a file that appears whole or not at all. */

import { once } from "node:events";
import {
  closeSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { UsageError } from "../errors.js";

/** Temporary files and folders that exist now, for whoever ends the program. */
const unfinished = new Set<string>();

/** Removes what is half written. For signal handlers: synchronous, never throws. */
export function removeUnfinished(): void {
  for (const file of unfinished) rmSync(file, { force: true, recursive: true });
  unfinished.clear();
}

/** A folder for what nobody is to find when the program has ended. */
export function makeScratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "s2replay-"));
  removeLater(folder);
  return folder;
}

/** Registers a file or folder that is to be gone when the program ends. */
export function removeLater(path: string): void {
  unfinished.add(path);
}

/** A file written under another name beside it and renamed at the end. */
export class OutputFile {
  private readonly target: string;
  /** Equal to `target` for a device or a pipe, which a rename would replace. */
  private readonly path: string;
  private readonly mode: number;
  private fd: number;

  constructor(private readonly name: string) {
    this.target = resolveLink(name);
    const old = statSync(this.target, { throwIfNoEntry: false });
    if (old?.isDirectory()) throw new UsageError(`${name}: is a directory`);
    const inPlace = old !== undefined && !old.isFile();
    this.path = inPlace ? this.target : `${this.target}.${process.pid}.part`;
    this.mode = (old?.mode ?? 0o666) & 0o777;
    this.fd = this.open();
    if (!inPlace) unfinished.add(this.path);
  }

  write(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    for (let done = 0; done < bytes.length; ) {
      done += this.attempt(() => writeSync(this.fd, bytes, done));
    }
  }

  /** What was written so far is void. */
  restart(): void {
    if (this.path === this.target)
      throw new UsageError(`${this.name}: has to be begun anew, which only a file allows`);
    closeSync(this.fd);
    this.fd = this.open();
  }

  /** Makes the file appear. */
  finish(): void {
    closeSync(this.fd);
    if (this.path !== this.target) this.attempt(() => renameSync(this.path, this.target));
    unfinished.delete(this.path);
  }

  /** Leaves no trace of what was written so far. */
  discard(): void {
    closeSync(this.fd);
    if (this.path !== this.target) rmSync(this.path, { force: true });
    unfinished.delete(this.path);
  }

  private open(): number {
    return this.attempt(() => openSync(this.path, "w", this.mode));
  }

  private attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
      throw new UsageError(`${this.name}: cannot be written (${reason})`);
    }
  }
}

function resolveLink(name: string): string {
  try {
    return realpathSync(name);
  } catch {
    return name;
  }
}

/** Prints to `file`, or to standard output where none is named. */
export function emit(text: string, file: string | undefined): void {
  if (file === undefined || file === "-") {
    process.stdout.write(text);
    return;
  }
  const output = new OutputFile(file);
  output.write(text);
  output.finish();
}

/** Text is collected to chunks of about this size. */
const CHUNK_CHARS = 64 * 1024;

/**
 * The same for text that comes piece by piece: no faster than its reader takes it, and between two pieces
 * signals and a reader that went away are heard.
 */
export async function emitPieces(
  pieces: Iterable<string>,
  file: string | undefined,
  onWritten?: (chars: number) => void,
): Promise<void> {
  const output = file === undefined || file === "-" ? undefined : new OutputFile(file);
  let written = 0;
  const write = async (text: string): Promise<void> => {
    written += text.length;
    onWritten?.(written);
    if (output !== undefined) output.write(text);
    else if (!process.stdout.write(text)) await once(process.stdout, "drain");
  };
  let text = "";
  for (const piece of pieces) {
    text += piece;
    await setImmediate();
    if (text.length < CHUNK_CHARS) continue;
    await write(text);
    text = "";
  }
  await write(text);
  output?.finish();
}

/** The same for bytes as they come; a file whose name ends in .gz is packed. */
export async function emitBytes(pieces: AsyncIterable<Buffer>, file: string | undefined): Promise<void> {
  if (file === undefined || file === "-") {
    for await (const piece of pieces) if (!process.stdout.write(piece)) await once(process.stdout, "drain");
    return;
  }
  const output = new OutputFile(file);
  try {
    for await (const piece of file.endsWith(".gz") ? pack(pieces) : pieces) output.write(piece);
  } catch (error) {
    output.discard();
    throw error;
  }
  output.finish();
}

/** What can be read only once, as a file of its own for as long as `use` takes. */
export async function withCopy<T>(
  pieces: AsyncIterable<Buffer>,
  use: (file: string) => Promise<T>,
  onCopied: (bytes: number) => void,
): Promise<T> {
  const folder = makeScratch();
  try {
    const file = join(folder, "input");
    const copy = new OutputFile(file);
    let bytes = 0;
    for await (const piece of pieces) {
      copy.write(piece);
      bytes += piece.length;
      onCopied(bytes);
    }
    copy.finish();
    return await use(file);
  } finally {
    rmSync(folder, { recursive: true });
    unfinished.delete(folder);
  }
}

/** Node's gzip header carries no time and no name: the same bytes give the same file. */
async function* pack(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gzip = createGzip({ level: 9 });
  pipeline(Readable.from(pieces), gzip, () => {}); // An error in either comes out of the loop below.
  yield* gzip;
}

/** Colour on a terminal; NO_COLOR and FORCE_COLOR as elsewhere (FORCE_COLOR wins, 0 means no). */
export function wantsColor(file: string | undefined): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  return (file === undefined || file === "-") && process.stdout.isTTY === true && TERM !== "dumb";
}
