/** An input that can be read again and again: what comes through a pipe is copied first. */

import { createReadStream } from "node:fs";
import { canBeReadAgain } from "../trace/byte-source.js";
import { withCopy } from "./output.js";
import { mibText, startTally } from "./progress.js";

export interface Rereadable {
  readonly input: string;
  /** What errors call it, where it is a copy. */
  readonly name?: string;
}

export async function withRereadable<T>(trace: string, use: (input: Rereadable) => Promise<T>): Promise<T> {
  if (canBeReadAgain(trace)) return use({ input: trace });
  const stream = trace === "-" ? process.stdin : createReadStream(trace);
  const { show, stop } = startTally();
  const copied = (bytes: number) => show(`${mibText(bytes)} read`);
  return withCopy(
    stream,
    (input) => {
      stop();
      return use({ input, name: trace === "-" ? "stdin" : trace });
    },
    copied,
  ).finally(stop);
}
