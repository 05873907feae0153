/** Damaged text: cut-outs of real recordings with lines changed, cut, doubled and mixed, the same for the same seed. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { TraceFormatError, UnsupportedTraceError } from "../errors.js";
import { seededRandom } from "../seeded-random.js";
import { openTrace } from "./open-trace.js";

const folder = fileURLToPath(new URL("../../fixtures/import", import.meta.url));
const LINES = 200;
/** What parsers stumble over. */
const pieces = [
  "",
  " ",
  "-",
  "[",
  "]",
  "(",
  ")",
  ":",
  ".",
  "=",
  "0x",
  '"',
  "(fault)",
  "\0",
  "\xff",
  "\t",
  "99999999999999999999",
  "#",
  "{",
  "\\",
  "\u20ac",
];

/** A random integer from 0, below `end`. */
type Below = (end: number) => number;

export interface FuzzOutcome {
  lines: number;
  files: number;
  events: number;
  refused: number;
}

export async function fuzzText(seed: number, lines: number): Promise<FuzzOutcome> {
  const samples = readdirSync(folder).flatMap((name) =>
    readdirSync(join(folder, name))
      .filter((file) => /^input\.(txt|json)$/.test(file))
      .map((file) => readFileSync(join(folder, name, file), "latin1").split("\n")),
  );
  const next = seededRandom(seed);
  const below: Below = (end) => Math.floor(next() * end);
  const outcome = { lines: 0, files: 0, events: 0, refused: 0 };
  while (outcome.lines < lines) {
    const sample = samples[below(samples.length)]!;
    const other = samples[below(samples.length)]!;
    const text = Array.from({ length: LINES }, (_, index) => {
      const line = sample[index % sample.length]!;
      return below(4) === 0 ? line : mutate(line, other, below);
    });
    await read(Buffer.from(text.join("\n"), "latin1"), below(2) === 0, outcome);
    outcome.lines += LINES;
    outcome.files++;
  }
  return outcome;
}

/** Events, or an error with a name: anything else is thrown. */
async function read(bytes: Buffer, lenient: boolean, outcome: FuzzOutcome): Promise<void> {
  try {
    const trace = await openTrace(Readable.from([bytes]), { name: "fuzz", lenient, reorderWindowNs: 1e15 });
    for await (const batch of trace.batches()) outcome.events += batch.count;
  } catch (error) {
    if (!(error instanceof TraceFormatError || error instanceof UnsupportedTraceError)) throw error;
    outcome.refused++;
  }
}

function mutate(line: string, other: readonly string[], below: Below): string {
  const at = below(line.length + 1);
  const length = below(8);
  switch (below(6)) {
    case 0:
      return line.slice(0, at);
    case 1:
      return line.slice(at);
    case 2:
      return line.slice(0, at) + pieces[below(pieces.length)]! + line.slice(at + length);
    case 3:
      return line.slice(0, at) + String.fromCharCode(below(256)) + line.slice(at + 1);
    case 4:
      return line.slice(0, at) + other[below(other.length)]!.slice(at);
    default:
      return line.slice(0, at) + line.slice(at, at + length).repeat(1 + below(20)) + line.slice(at);
  }
}
