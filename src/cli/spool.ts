/** An input that can be read only once, kept for as long as the program runs. */

import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { canBeReadAgain } from "../trace/byte-source.js";
import { removeLater } from "./output.js";

/** Where the input can be read again and again, and what it is called: standard input and pipes are copied first. */
export async function rereadable(input: string): Promise<{ input: string; name?: string }> {
  if (canBeReadAgain(input)) return { input };
  const folder = await mkdtemp(join(tmpdir(), "s2replay-"));
  removeLater(folder);
  const file = join(folder, "input");
  await pipeline(input === "-" ? process.stdin : createReadStream(input), createWriteStream(file));
  return { input: file, name: input === "-" ? "stdin" : input };
}
