/**
 * trace.dat version 7: sections, packed or not, which options name. The options lie in a chain of sections of their
 * own, the last of them, which says where the cpus' pages lie, at the end of the file.
 */

import { UnsupportedTraceError } from "../../errors.js";
import { DataEnd } from "../../trace/byte-source.js";
import { type Codec, openCodec } from "./codec.js";
import { EventFormats } from "./event-format.js";
import { type Bytes, endOf, FieldReader } from "./field-reader.js";
import type { BufferData, CpuData, FileHead, Layout } from "./layout.js";
import { findPages } from "./lost-places.js";
import {
  Damage,
  readComms,
  readEventFormats,
  readFtraceFormats,
  readPageShape,
  readText,
} from "./metadata.js";
import { noFacts, OptionId, readFact } from "./options.js";
import { readSectionHeader, type Section } from "./section.js";

/** More than any section that is kept here takes unpacked. */
const MAX_SECTION_BYTES = 64 * 1024 * 1024;
const MAX_OPTION_SECTIONS = 4096;
const MAX_BUFFERS = 4096;

/** Throws Damage, DataEnd and UnsupportedTraceError. */
export function readLayoutV7(file: Bytes, head: FileHead): Promise<Layout> {
  return new SectionedFile(file, head).read();
}

/** A part of the file by its section's id. */
const partIds = [OptionId.headerInfo, OptionId.ftraceEvents, OptionId.eventFormats, OptionId.cmdLines];

class SectionedFile {
  private readonly fields: FieldReader;
  private readonly facts = noFacts();
  private readonly parts = new Map<number, number>();
  private readonly buffers: BufferData[] = [];
  private codec: Codec | undefined;
  /** Byte behind the last section of options that could be read. */
  private optionsEnd = 0;

  constructor(
    readonly file: Bytes,
    readonly head: FileHead,
  ) {
    this.fields = FieldReader.ofFile(file, head.end, head.bigEndian);
  }

  async read(): Promise<Layout> {
    const { file, head } = this;
    const fields = this.fields;
    const compression = await readText(fields);
    await readText(fields); // The packer's version.
    this.codec = await openCodec(compression);
    if (this.codec === undefined && compression !== "none")
      throw new UnsupportedTraceError(
        `is compressed with ${JSON.stringify(compression)}, expected zlib or zstd`,
      );
    const cut = await this.readOptions(await fields.u64());
    const page = await this.part(OptionId.headerInfo, (part) => readPageShape(part, head));
    if (page === undefined)
      throw cut ?? new Damage(head.end, "expected an option that names the page header");
    const formats = new EventFormats();
    const comms = new Map<number, string>();
    await this.part(OptionId.ftraceEvents, (part) => readFtraceFormats(part, formats));
    await this.part(OptionId.eventFormats, (part) => readEventFormats(part, formats));
    await this.part(OptionId.cmdLines, (part) => readComms(part, comms));
    const buffers = this.buffers;
    if (cut !== undefined && buffers.length === 0) {
      const found = await findPages(this.fields, file.size, this.optionsEnd, head.pageSize);
      const pages = found.map(({ compressed, cpus }) => ({
        name: "",
        clock: undefined,
        pageSize: head.pageSize,
        codec: compressed ? this.codec : undefined,
        cpus,
      }));
      buffers.push(...pages);
    }
    return {
      version: 7,
      bigEndian: head.bigEndian,
      pageSize: head.pageSize,
      page,
      formats,
      comms,
      facts: this.facts,
      buffers,
      cut,
    };
  }

  /** Follows the chain of options; gives where the file ends in it. */
  private async readOptions(first: number): Promise<DataEnd | undefined> {
    const seen = new Set<number>();
    try {
      for (let at = first; at !== 0; ) {
        if (seen.has(at) || seen.size === MAX_OPTION_SECTIONS)
          throw new Damage(at, "expected options that come to an end");
        seen.add(at);
        if (at > this.file.size) throw endOf(this.file.size);
        at = await this.readOptionSection(at);
      }
      return undefined;
    } catch (error) {
      if (error instanceof DataEnd) return error;
      throw error;
    }
  }

  /** Gives where the next section of options is; 0 for none. */
  private async readOptionSection(at: number): Promise<number> {
    this.fields.seek(at);
    const section = await readSectionHeader(this.fields);
    if (section.id !== OptionId.done)
      throw new Damage(at, `expected a section of options, got one with id ${section.id}`);
    const fields = section.compressed ? await this.unpack(section) : this.fields;
    for (;;) {
      const id = await fields.u16();
      const size = await fields.u32();
      if (size > MAX_SECTION_BYTES)
        throw new Damage(at, `expected an option of a sensible size, got ${size}`);
      const data = await fields.bytes(size);
      if (id === OptionId.done) {
        this.optionsEnd = section.at + section.size;
        return data.length < 8 ? 0 : FieldReader.ofBytes(data, fields.bigEndian).u64();
      }
      await this.readOption(id, data, at);
    }
  }

  private async readOption(id: number, data: Buffer, at: number): Promise<void> {
    if (id === OptionId.buffer) await this.readBuffer(data, at);
    else if (id === OptionId.bufferText)
      throw new UnsupportedTraceError("holds the text of a latency tracer, expected recorded events");
    else if (partIds.includes(id as (typeof partIds)[number])) {
      if (data.length >= 8) this.parts.set(id, await FieldReader.ofBytes(data, this.head.bigEndian).u64());
    } else await readFact(this.facts, id, data, this.head.bigEndian);
  }

  private async readBuffer(data: Buffer, at: number): Promise<void> {
    if (this.buffers.length === MAX_BUFFERS) throw new Damage(at, `expected at most ${MAX_BUFFERS} buffers`);
    try {
      const fields = FieldReader.ofBytes(data, this.head.bigEndian);
      const place = await fields.u64();
      const name = await readText(fields);
      const clock = await readText(fields);
      let pageSize = await fields.u32();
      let count: number;
      // The man page leaves the page size out, and so do files of the first days of the version.
      if (fields.left === 20 * pageSize) {
        count = pageSize;
        pageSize = this.head.pageSize;
      } else count = await fields.u32();
      const cpus: CpuData[] = [];
      for (let i = 0; i < count; i++) {
        const cpu = await fields.u32();
        const [offset, size] = [await fields.u64(), await fields.u64()];
        if (size > 0) cpus.push({ cpu, offset, size });
      }
      const compressed = count > 0 && (await this.isCompressed(place));
      this.buffers.push({ name, clock, pageSize, codec: compressed ? this.codec : undefined, cpus });
    } catch (error) {
      if (error instanceof DataEnd) throw new Damage(at, "expected a whole BUFFER option");
      throw error;
    }
  }

  /** Whether the section of a buffer is packed. */
  private async isCompressed(place: number): Promise<boolean> {
    const fields = FieldReader.ofFile(this.file, place, this.head.bigEndian);
    const { id, compressed } = await readSectionHeader(fields);
    if (id !== OptionId.buffer)
      throw new Damage(place, `expected a section of recorded events, got one with id ${id}`);
    return compressed;
  }

  /** Reads a part that the options name; undefined where none does. */
  private async part<Result>(
    id: number,
    read: (fields: FieldReader) => Promise<Result>,
  ): Promise<Result | undefined> {
    const at = this.parts.get(id);
    if (at === undefined) return undefined;
    this.fields.seek(at);
    const section = await readSectionHeader(this.fields);
    if (section.id !== id) throw new Damage(at, `expected the section with id ${id}, got ${section.id}`);
    if (!section.compressed) return read(this.fields);
    const unpacked = await this.unpack(section);
    try {
      return await read(unpacked);
    } catch (error) {
      // What ends here is the section, not the file.
      if (error instanceof DataEnd) throw new Damage(at, "expected a whole section");
      if (error instanceof Damage) throw new Damage(at, error.problem);
      throw error;
    }
  }

  /** Packed size, unpacked size, then the packed bytes. */
  private async unpack(section: Section): Promise<FieldReader> {
    const fields = this.fields;
    const packedSize = await fields.u32();
    const size = await fields.u32();
    if (this.codec === undefined || size > MAX_SECTION_BYTES)
      throw new Damage(section.at, `expected a section of at most ${MAX_SECTION_BYTES} bytes`);
    const packed = await fields.bytes(packedSize);
    try {
      return FieldReader.ofBytes(this.codec.unpack(packed, size), fields.bigEndian);
    } catch (error) {
      throw new Damage(section.at, `a damaged section (${(error as Error).message})`);
    }
  }
}
