/** trace.dat version 6: one part behind the other, then the options, then where each cpu's pages lie. */

import { UnsupportedTraceError } from "../../errors.js";
import type { DataEnd } from "../../trace/byte-source.js";
import { EventFormats } from "./event-format.js";
import { type Bytes, FieldReader } from "./field-reader.js";
import type { BufferData, CpuData, FileHead, Layout } from "./layout.js";
import {
  cutIn,
  Damage,
  readBlock,
  readComms,
  readEventFormats,
  readFtraceFormats,
  readPageShape,
} from "./metadata.js";
import { chosenClock, type Facts, noFacts, OptionId, readFact } from "./options.js";

/** More cpus than Linux takes. */
const MAX_CPUS = 65536;
const MAX_BUFFERS = 4096;

/** Throws Damage, DataEnd and UnsupportedTraceError. */
export async function readLayoutV6(file: Bytes, head: FileHead): Promise<Layout> {
  const fields = FieldReader.ofFile(file, head.end, head.bigEndian);
  const formats = new EventFormats();
  const comms = new Map<number, string>();
  const facts = noFacts();
  const page = await readPageShape(fields, head);
  await readFtraceFormats(fields, formats);
  await readEventFormats(fields, formats);
  await pass(fields, await fields.u32()); // Kernel symbols.
  await pass(fields, await fields.u32()); // Formats of trace_printk.
  await readComms(fields, comms);
  const cpus = await fields.u32();
  const places: { at: number; name: string }[] = [];
  await readKind(fields, facts, places);
  const top = await readCpuTable(fields, facts.cpus ?? cpus);
  // Behind the table; a file without it has the default clock.
  await cutIn(async () => {
    if (facts.clock === undefined && fields.left > 8)
      facts.clock = chosenClock((await readBlock(fields, await fields.u64())).toString());
  });
  facts.cpus ??= cpus;
  const buffers: BufferData[] = [buffer("", top, head, facts)];
  let cut: DataEnd | undefined;
  for (const { at, name } of places) {
    fields.seek(at);
    cut ??= await cutIn(async () => {
      await readKind(fields, noFacts(), []);
      buffers.push(buffer(name, await readCpuTable(fields, facts.cpus!), head, facts));
    });
  }
  return {
    version: 6,
    bigEndian: head.bigEndian,
    pageSize: head.pageSize,
    page,
    formats,
    comms,
    facts,
    buffers,
    cut,
  };
}

function buffer(name: string, cpus: readonly CpuData[], head: FileHead, facts: Facts): BufferData {
  return { name, clock: facts.clock, pageSize: head.pageSize, codec: undefined, cpus };
}

/** Passes over a block without reading it. */
async function pass(fields: FieldReader, size: number): Promise<void> {
  if (size > fields.left) await fields.bytes(size);
  fields.seek(fields.position + size);
}

/** `options  ` with the options behind it, where there are any, then `flyrecord` (pages) or `latency  ` (text). */
async function readKind(
  fields: FieldReader,
  facts: Facts,
  places: { at: number; name: string }[],
): Promise<void> {
  let at = fields.position;
  let kind = (await fields.bytes(10)).toString("latin1");
  if (kind.startsWith("options")) {
    await readOptions(fields, facts, places);
    at = fields.position;
    kind = (await fields.bytes(10)).toString("latin1");
  }
  if (kind.startsWith("latency"))
    throw new UnsupportedTraceError("holds the text of a latency tracer, expected recorded events");
  if (!kind.startsWith("flyrecord"))
    throw new Damage(at, `expected options or flyrecord, got ${JSON.stringify(kind)}`);
}

async function readOptions(
  fields: FieldReader,
  facts: Facts,
  places: { at: number; name: string }[],
): Promise<void> {
  for (let id = await fields.u16(); id !== OptionId.done; id = await fields.u16()) {
    const data = await readBlock(fields, await fields.u32());
    if (id !== OptionId.buffer) await readFact(facts, id, data, fields.bigEndian);
    else if (places.length < MAX_BUFFERS) {
      const option = FieldReader.ofBytes(data, fields.bigEndian);
      await cutIn(async () => {
        const at = await option.u64();
        places.push({ at, name: data.toString("utf8", 8).replace(/\0.*$/s, "") });
      });
    }
  }
}

async function readCpuTable(fields: FieldReader, cpus: number): Promise<CpuData[]> {
  if (cpus > MAX_CPUS) throw new Damage(fields.position, `expected at most ${MAX_CPUS} cpus, got ${cpus}`);
  const table: CpuData[] = [];
  for (let cpu = 0; cpu < cpus; cpu++) {
    const [offset, size] = [await fields.u64(), await fields.u64()];
    if (size > 0) table.push({ cpu, offset, size });
  }
  return table;
}
