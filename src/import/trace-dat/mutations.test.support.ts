/** Seeded damage to trace.dat files, and what must come of any of it: events, or an error with a name. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TraceFormatError, UnsupportedTraceError } from "../../errors.js";
import { seededRandom } from "../../seeded-random.js";
import { DataEnd } from "../../trace/byte-source.js";
import { openNdjson } from "../open-trace.js";
import { sampleFile } from "./trace-dat-samples.test.support.js";
import { machines } from "./trace-dat-writer.test.support.js";

const forms = [
  { version: 6 },
  { version: 7, compression: "none" },
  { version: 7, compression: "zlib" },
  { version: 7, compression: "zstd" },
] as const;

/** Numbers that break arithmetic more often than others do. */
const edges = [0, 1, 3, 4, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** Output that a file of a few pages can make at most: a record takes at least eight bytes. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

export interface Outcomes {
  /** By the kind of the outcome. */
  readonly counts: Map<string, number>;
  longestMs: number;
}

/** Reads `count` damaged files. Throws whatever is no proper outcome, with the file's number. */
export async function readMutated(count: number, seed: number, outcomes: Outcomes): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "s2replay-fuzz-"));
  const samples = machines.flatMap((machine) => forms.map((form) => sampleFile(machine, form)));
  const random = seededRandom(seed);
  const path = join(folder, "mutated.dat");
  try {
    for (let index = 0; index < count; index++) {
      const bytes = mutate(samples[Math.floor(random() * samples.length)]!, random);
      writeFileSync(path, bytes);
      const start = performance.now();
      const outcome = await read(path, random() < 0.5).catch((error: unknown) => {
        throw new Error(`mutated file ${index} of seed ${seed}`, { cause: error });
      });
      outcomes.longestMs = Math.max(outcomes.longestMs, performance.now() - start);
      outcomes.counts.set(outcome, (outcomes.counts.get(outcome) ?? 0) + 1);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function mutate(sample: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(sample);
  const below = (limit: number): number => Math.floor(random() * limit);
  // Most of a file is padding behind a page's records; damage lands where there is something.
  const place = (): number => {
    for (let tries = 0; ; tries++) {
      const at = below(bytes.length);
      if (tries === 8 || bytes[at] !== 0) return at;
    }
  };
  for (let changes = 1 + below(6); changes > 0; changes--) {
    const at = Math.min(place(), bytes.length - 1);
    const kind = below(6);
    if (kind === 0) bytes[at] = below(256);
    else if (kind === 1) bytes[at]! ^= 1 << below(8);
    else if (kind === 2 && at + 4 <= bytes.length) {
      const edge = edges[below(edges.length)]!;
      if (random() < 0.5) bytes.writeUInt32LE(edge, at);
      else bytes.writeUInt32BE(edge, at);
    } else if (kind === 3) bytes.copy(bytes, at, below(bytes.length), Math.min(bytes.length, at + below(64)));
    else if (kind === 4 && random() < 0.3) bytes = bytes.subarray(0, Math.max(16, at));
    else if (kind === 5) bytes.fill(below(256), at, Math.min(bytes.length, at + below(32)));
  }
  return bytes;
}

async function read(path: string, lenient: boolean): Promise<string> {
  const output = Buffer.alloc(64 * 1024);
  let length = 0;
  try {
    const source = await openNdjson(path, {}, { file: "mutated.dat", lenient, skipped: new Map() });
    try {
      for (let count = await source.read(output, 0); count > 0; count = await source.read(output, 0)) {
        length += count;
        if (length > MAX_OUTPUT_BYTES) throw new Error(`more than ${MAX_OUTPUT_BYTES} bytes of output`);
      }
    } finally {
      await source.close();
    }
    return "events";
  } catch (error) {
    if (error instanceof TraceFormatError || error instanceof UnsupportedTraceError) return error.name;
    if (error instanceof DataEnd) return "DataEnd";
    throw error;
  }
}
