/** gzip and zstd, known by their first bytes. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { type ByteSource, DataEnd, PeekedSource } from "./byte-source.js";

/** Compressed bytes given at once: bounds what one step can unpack (gzip reaches 1:1032). */
const STEP_BYTES = 16 * 1024;
const UNPACKED_BYTES = 64 * 1024;

/** The source itself, or its unpacked bytes where it is compressed. */
export async function decompress(raw: ByteSource): Promise<ByteSource> {
  const { source, head } = await PeekedSource.peek(raw, 4);
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) {
    return new InflatingSource(source, "gzip", zlib.createGunzip({ chunkSize: UNPACKED_BYTES }));
  }
  if (head.length === 4 && head.readUInt32LE(0) === 0xfd2fb528) return openZstd(source);
  return source;
}

async function openZstd(source: ByteSource): Promise<ByteSource> {
  if ("createZstdDecompress" in zlib && typeof zlib.createZstdDecompress === "function") {
    return new InflatingSource(source, "zstd", zlib.createZstdDecompress() as Transform);
  }
  const child = spawn("zstd", ["-dcq"], { stdio: "pipe" });
  const started = await Promise.race([
    once(child, "spawn").then(() => true),
    once(child, "error").then(() => false),
  ]).catch(() => false);
  return started ? new ChildSource(source, child) : FzstdSource.open(source);
}

/** A zlib stream, driven one step at a time so that all it unpacked before an error is delivered first. */
class InflatingSource implements ByteSource {
  private readonly unpacked: Buffer[] = [];
  private readonly step = Buffer.alloc(STEP_BYTES);
  private state: "open" | "ended" = "open";
  private failure: DataEnd | undefined;
  /** Runs when the step under way is done. */
  private settle: () => void = () => {};

  constructor(
    readonly source: ByteSource,
    readonly format: string,
    readonly stream: Transform,
  ) {
    stream.on("data", (chunk: Buffer) => this.unpacked.push(chunk));
    stream.on("end", () => {
      this.state = "ended";
      this.settle();
    });
    stream.on("error", (error: NodeJS.ErrnoException) => {
      this.state = "ended";
      const early =
        error.code === "Z_BUF_ERROR" || /end of file|unexpected end|premature/i.test(error.message);
      this.failure = dataEnd(this.format, early, this.inputBytes);
      this.settle();
    });
  }

  get inputBytes(): number {
    return this.source.inputBytes;
  }

  async read(into: Buffer, at: number): Promise<number> {
    for (;;) {
      const chunk = this.unpacked[0];
      if (chunk !== undefined) {
        const length = chunk.copy(into, at);
        if (length === chunk.length) this.unpacked.shift();
        else this.unpacked[0] = chunk.subarray(length);
        return length;
      }
      if (this.failure !== undefined) throw this.failure;
      if (this.state === "ended") return 0;
      await this.advance();
    }
  }

  private async advance(): Promise<void> {
    const length = await this.source.read(this.step, 0);
    await new Promise<void>((resolve) => {
      this.settle = resolve;
      if (length === 0) this.stream.end();
      else this.stream.write(this.step.subarray(0, length), () => resolve());
    });
    // What a step unpacked may be announced one turn after its callback.
    await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    this.stream.destroy();
    await this.source.close();
  }
}

/** The zstd program, for a Node without zstd of its own. */
class ChildSource implements ByteSource {
  private readonly output: AsyncIterator<Buffer>;
  private readonly exit: Promise<number>;
  private readonly fed: Promise<void>;
  private chunk: Buffer = Buffer.alloc(0);
  private complaint = "";
  private closing = false;
  private sourceError: unknown;

  constructor(
    readonly source: ByteSource,
    readonly child: ChildProcessWithoutNullStreams,
  ) {
    this.output = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.exit = new Promise((resolve) => child.on("close", (code) => resolve(code ?? 1)));
    child.stderr.on("data", (text: Buffer) => {
      this.complaint += text.toString();
    });
    // The program may stop before it has read all: its exit status says so.
    child.stdin.on("error", () => {});
    this.fed = this.feed();
  }

  get inputBytes(): number {
    return this.source.inputBytes;
  }

  private async feed(): Promise<void> {
    try {
      while (!this.closing) {
        const step = Buffer.allocUnsafe(UNPACKED_BYTES);
        const length = await this.source.read(step, 0);
        if (length === 0) break;
        const written = await new Promise<boolean>((resolve) => {
          this.child.stdin.write(step.subarray(0, length), (error) => resolve(!error));
        });
        if (!written) break;
      }
    } catch (error) {
      this.sourceError = error;
    }
    this.child.stdin.end();
  }

  async read(into: Buffer, at: number): Promise<number> {
    while (this.chunk.length === 0) {
      const { value, done } = await this.output.next();
      if (done) {
        await this.fed;
        if (this.sourceError !== undefined) throw this.sourceError;
        if ((await this.exit) === 0) return 0;
        throw dataEnd("zstd", /premature|unexpected end|truncated/i.test(this.complaint), this.inputBytes);
      }
      this.chunk = value;
    }
    const length = this.chunk.copy(into, at);
    this.chunk = this.chunk.subarray(length);
    return length;
  }

  async close(): Promise<void> {
    this.closing = true;
    this.child.kill();
    await this.fed;
    await this.source.close();
  }
}

/** zstd in JavaScript: slow, but there wherever Node is. */
export class FzstdSource implements ByteSource {
  private readonly unpacked: Buffer[] = [];
  private failure: DataEnd | undefined;
  private ended = false;

  private constructor(
    readonly source: ByteSource,
    readonly push: (chunk: Uint8Array, final: boolean) => void,
    unpacked: Buffer[],
  ) {
    this.unpacked = unpacked;
  }

  static async open(source: ByteSource): Promise<FzstdSource> {
    const { Decompress } = await import("fzstd");
    const unpacked: Buffer[] = [];
    const stream = new Decompress((chunk) => {
      // The library reuses its window.
      if (chunk.length > 0) unpacked.push(Buffer.from(chunk));
    });
    return new FzstdSource(source, (chunk, final) => stream.push(chunk, final), unpacked);
  }

  get inputBytes(): number {
    return this.source.inputBytes;
  }

  async read(into: Buffer, at: number): Promise<number> {
    for (;;) {
      const chunk = this.unpacked[0];
      if (chunk !== undefined) {
        const length = chunk.copy(into, at);
        if (length === chunk.length) this.unpacked.shift();
        else this.unpacked[0] = chunk.subarray(length);
        return length;
      }
      if (this.failure !== undefined) throw this.failure;
      if (this.ended) return 0;
      await this.advance();
    }
  }

  private async advance(): Promise<void> {
    // The library keeps what it is given.
    const step = Buffer.alloc(STEP_BYTES);
    const length = await this.source.read(step, 0);
    this.ended = length === 0;
    try {
      this.push(step.subarray(0, length), this.ended);
    } catch (error) {
      const early = error instanceof Error && /unexpected EOF/i.test(error.message);
      this.failure = dataEnd("zstd", early, this.inputBytes);
    }
  }

  close(): Promise<void> {
    return this.source.close();
  }
}

function dataEnd(format: string, early: boolean, atByte: number): DataEnd {
  return new DataEnd(
    early
      ? `the ${format} data stops early, at byte ${atByte}, expected its end mark (--lenient uses what is there)`
      : `the ${format} data is damaged before byte ${atByte}, expected it whole (--lenient uses what comes before)`,
  );
}
