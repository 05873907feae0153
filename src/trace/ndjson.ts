/** Small NDJSON streams, on the ndjson package: results and event lists out, and small files in. */

import { once } from "node:events";
import { pipeline, type Readable, type Transform, type Writable } from "node:stream";
import ndjson from "ndjson";
import { TraceFormatError } from "../errors.js";

/** Writes objects as lines. */
export class NdjsonWriter {
  readonly #lines: Transform;
  readonly #done: Promise<void>;
  #isClosed = false;

  /** `output` is ended by end(), but for standard output, which Node keeps open. */
  constructor(output: Writable) {
    this.#lines = ndjson.stringify();
    this.#done = new Promise((resolve, reject) => {
      const settle = (error?: NodeJS.ErrnoException | null): void => {
        this.#isClosed = true;
        // The reader had enough (`| head -1`): not our failure.
        if (error && error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") reject(error);
        else resolve();
      };
      pipeline(this.#lines, output, settle);
    });
    // Whoever awaits end() gets the error; until then it must not be "unhandled".
    this.#done.catch(() => {});
  }

  /** True once nobody reads any more: what is written from then on is dropped. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when there is room for more. */
  async write(row: object): Promise<void> {
    if (this.#isClosed || this.#lines.write(row)) return;
    await Promise.race([once(this.#lines, "drain").catch(() => {}), this.#done]);
  }

  /** Resolves when all is written, or nobody reads it. Throws what went wrong with the output. */
  async end(): Promise<void> {
    if (!this.#isClosed) this.#lines.end();
    await this.#done;
  }
}

/** The values of a small NDJSON stream. Throws TraceFormatError, with `name` for the stream's. */
export async function* readNdjson(input: Readable, name: string): AsyncGenerator<unknown> {
  const rows = ndjson.parse();
  // The error reaches the loop through `rows`; the callback only keeps it from being thrown twice.
  pipeline(input, rows, () => {});
  try {
    for await (const row of rows) yield row;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new TraceFormatError(name, `${text}: expected one JSON value a line`);
  }
}
