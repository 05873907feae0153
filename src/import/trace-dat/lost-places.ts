/**
 * The pages of a version 7 file that was cut before its last options, which say where they are. What is left gives
 * them away: sections stand one behind the other, and in that of a buffer the cpus' data stand in turn, each from a
 * page boundary on. Which cpu is which is lost with the options.
 */

import type { FieldReader } from "./field-reader.js";
import type { CpuData } from "./layout.js";
import { cutIn } from "./metadata.js";
import { OptionId } from "./options.js";
import { readSectionHeader, type Section } from "./section.js";

const UNKNOWN_CPU = -1;
const MAX_SECTIONS = 4096;

interface FoundPages {
  readonly compressed: boolean;
  readonly cpus: readonly CpuData[];
}

/** Looks from byte `from` on, behind the last options that are left. */
export async function findPages(
  fields: FieldReader,
  fileSize: number,
  from: number,
  pageSize: number,
): Promise<FoundPages[]> {
  const found: FoundPages[] = [];
  await cutIn(async () => {
    let at = from;
    for (let count = 0; at < fileSize && count < MAX_SECTIONS; count++) {
      fields.seek(at);
      const section = await readSectionHeader(fields);
      if (section.id === OptionId.buffer) {
        const cpus: CpuData[] = [];
        found.push({ compressed: section.compressed, cpus });
        const end = Math.min(fileSize, section.size === 0 ? fileSize : section.at + section.size);
        if (section.compressed) await findChunks(fields, section, end, pageSize, cpus);
        else await findRuns(fields, section, end, pageSize, cpus);
      }
      if (section.size === 0) return;
      at = section.at + section.size;
    }
  });
  return found;
}

/** Each cpu: a count of chunks, then the chunks, each with its packed and unpacked size before it. */
async function findChunks(
  fields: FieldReader,
  section: Section,
  end: number,
  pageSize: number,
  cpus: CpuData[],
): Promise<void> {
  for (let at = align(section.at, pageSize); at < end; ) {
    fields.seek(at);
    const chunks = await fields.u32();
    if (chunks === 0) return;
    let next = at + 4;
    for (let chunk = 0; chunk < chunks && next < end; chunk++) {
      fields.seek(next);
      next += 8 + (await fields.u32());
    }
    // Of the last one, more than the file has: that shows that it was cut.
    cpus.push({ cpu: UNKNOWN_CPU, offset: at, size: next - at });
    at = align(next, pageSize);
  }
}

/** Pages as they are: where time steps back, another cpu's begin. (Where it does not, order is not lost.) */
async function findRuns(
  fields: FieldReader,
  section: Section,
  end: number,
  pageSize: number,
  cpus: CpuData[],
): Promise<void> {
  let start = align(section.at, pageSize);
  let last = -1n;
  for (let at = start; at + pageSize <= end; at += pageSize) {
    fields.seek(at);
    const time = await fields.big64();
    if (time < last) {
      cpus.push({ cpu: UNKNOWN_CPU, offset: start, size: at - start });
      start = at;
    }
    last = time;
  }
  // A page that is not whole counts as one: it shows that the last cpu was cut.
  if (start < end) cpus.push({ cpu: UNKNOWN_CPU, offset: start, size: align(end - start, pageSize) });
}

function align(at: number, pageSize: number): number {
  return Math.ceil(at / pageSize) * pageSize;
}
