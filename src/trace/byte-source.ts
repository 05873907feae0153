/** Where bytes come from: a file, standard input, or any stream. */

import * as fs from "node:fs";
import { promisify } from "node:util";
import { UsageError } from "../errors.js";

const open = promisify(fs.open);
const stat = promisify(fs.fstat);
const read = promisify(fs.read);
const close = promisify(fs.close);

export interface ByteSource {
  /** Writes some bytes to `into` from `at` on and returns how many: 0 at the end. Throws DataEnd. */
  read(into: Buffer, at: number): Promise<number>;
  /** Bytes of the input as it lies on disk (compressed, where it is) read so far. */
  readonly inputBytes: number;
  close(): Promise<void>;
}

/** Compressed data that stops early, or that is damaged: what came before was delivered. */
export class DataEnd {
  constructor(readonly problem: string) {}
}

export type Progress = (bytesRead: number, totalBytes: number | undefined) => void;

/** "-" is standard input. Throws UsageError for a file that cannot be read. */
export async function openBytes(
  input: string | NodeJS.ReadableStream,
  onProgress: Progress | undefined,
): Promise<ByteSource> {
  if (typeof input !== "string") return new StreamSource(input, onProgress);
  if (input === "-") return new StreamSource(process.stdin, onProgress);
  try {
    // A bare descriptor: a trace that is opened and never read must not be complained about.
    const file = await open(input, "r");
    const status = await stat(file);
    if (status.isDirectory()) {
      await close(file);
      throw new UsageError(`${input}: is a directory, expected a trace`);
    }
    return new FileSource(file, status.isFile() ? status.size : undefined, onProgress);
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`${input}: ${systemText(error)}`);
  }
}

/** Whether the input can be opened once more: a pipe, named or not, is used up. */
export function canBeReadAgain(input: string): boolean {
  return input !== "-" && (fs.statSync(input, { throwIfNoEntry: false })?.isFile() ?? false);
}

/** A system error in words, without Node's call and path around it. */
function systemText(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return error instanceof Error ? error.message : String(error);
}

const TURN_BYTES = 4 * 1024 * 1024;

class FileSource implements ByteSource {
  inputBytes = 0;
  private turns = -1;
  private isClosed = false;

  constructor(
    readonly file: number,
    readonly totalBytes: number | undefined,
    readonly onProgress: Progress | undefined,
  ) {}

  async read(into: Buffer, at: number): Promise<number> {
    // A regular file does not keep one waiting; handing each read to a thread costs more than the read.
    // Now and then the event loop has to turn all the same, for signals and for a progress bar.
    const turn = this.totalBytes === undefined || Math.floor(this.inputBytes / TURN_BYTES) !== this.turns;
    let count: number;
    if (turn) {
      this.turns = Math.floor(this.inputBytes / TURN_BYTES);
      count = (await read(this.file, into, at, into.length - at, null)).bytesRead;
    } else count = fs.readSync(this.file, into, at, into.length - at, null);
    this.inputBytes += count;
    this.onProgress?.(this.inputBytes, this.totalBytes);
    return count;
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await close(this.file);
  }
}

class StreamSource implements ByteSource {
  inputBytes = 0;
  private readonly chunks: AsyncIterator<string | Buffer>;
  private chunk: Buffer = Buffer.alloc(0);

  constructor(
    readonly stream: NodeJS.ReadableStream,
    readonly onProgress: Progress | undefined,
  ) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  async read(into: Buffer, at: number): Promise<number> {
    while (this.chunk.length === 0) {
      const { value, done } = await this.chunks.next();
      if (done) return 0;
      this.chunk = typeof value === "string" ? Buffer.from(value) : value;
      this.inputBytes += this.chunk.length;
      this.onProgress?.(this.inputBytes, undefined);
    }
    const length = this.chunk.copy(into, at);
    this.chunk = this.chunk.subarray(length);
    return length;
  }

  async close(): Promise<void> {
    await this.chunks.return?.();
  }
}

/** A source whose first bytes were looked at: gives them again. */
export class PeekedSource implements ByteSource {
  private head: Buffer;

  private constructor(
    readonly source: ByteSource,
    head: Buffer,
    /** What ended the data within the head. */
    readonly dataEnd: DataEnd | undefined,
  ) {
    this.head = head;
  }

  /** Reads up to `length` bytes ahead; fewer at the end of the data. */
  static async peek(source: ByteSource, length: number): Promise<{ source: PeekedSource; head: Buffer }> {
    const head = Buffer.alloc(length);
    let filled = 0;
    let dataEnd: DataEnd | undefined;
    try {
      while (filled < length) {
        const count = await source.read(head, filled);
        if (count === 0) break;
        filled += count;
      }
    } catch (error) {
      if (!(error instanceof DataEnd)) throw error;
      dataEnd = error;
    }
    const whole = head.subarray(0, filled);
    return { source: new PeekedSource(source, whole, dataEnd), head: whole };
  }

  get inputBytes(): number {
    return this.source.inputBytes;
  }

  async read(into: Buffer, at: number): Promise<number> {
    if (this.head.length === 0) {
      if (this.dataEnd !== undefined) throw this.dataEnd;
      return this.source.read(into, at);
    }
    const length = this.head.copy(into, at);
    this.head = this.head.subarray(length);
    return length;
  }

  close(): Promise<void> {
    return this.source.close();
  }
}
