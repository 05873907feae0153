/**
 * Writes trace.dat files of every kind that the reader has to know, also those that no machine at hand records:
 * 32-bit and big-endian ones, both versions, packed with zlib, with several instances, losses and odd times.
 */

import { deflateSync } from "node:zlib";

export interface Machine {
  readonly bigEndian: boolean;
  readonly longSize: 4 | 8;
}

export const machines: readonly Machine[] = [
  { bigEndian: false, longSize: 8 },
  { bigEndian: true, longSize: 8 },
  { bigEndian: false, longSize: 4 },
  { bigEndian: true, longSize: 4 },
];

/** Bytes in a machine's order. */
export class Packer {
  private readonly parts: Buffer[] = [];
  length = 0;

  constructor(readonly machine: Pick<Machine, "bigEndian">) {}

  add(...parts: (Buffer | string)[]): this {
    for (const part of parts) {
      const bytes = typeof part === "string" ? Buffer.from(part) : part;
      this.parts.push(bytes);
      this.length += bytes.length;
    }
    return this;
  }

  /** An integer of 1, 2, 4 or 8 bytes; of a negative one, its two's complement. */
  number(value: number | bigint, size: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)));
    const last = bytes.subarray(8 - size);
    return this.add(this.machine.bigEndian ? last : last.reverse());
  }

  align(size: number): this {
    return this.add(Buffer.alloc((size - (this.length % size)) % size));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** `u64 addr`, `long ret`, `char comm[16]`, `__data_loc char[] name`. */
export interface Field {
  readonly declaration: string;
  readonly size: number;
  readonly signed: boolean;
}

const common = [
  "unsigned short common_type",
  "unsigned char common_flags",
  "unsigned char common_preempt_count",
];

export class EventKind {
  readonly fields: readonly (Field & { readonly offset: number })[];
  readonly length: number;

  constructor(
    readonly machine: Machine,
    readonly system: string,
    readonly name: string,
    readonly id: number,
    declarations: readonly string[],
    /** As C would be given it. */
    readonly printed = '""',
  ) {
    let offset = 0;
    this.fields = [...common, "int common_pid", ...declarations].map((declaration) => {
      const size = sizeOf(declaration, machine);
      const alignment = declaration.includes("[16]") || size === 0 ? 1 : Math.min(size, 8);
      offset = Math.ceil(offset / alignment) * alignment;
      const field = { declaration, size, signed: /^(int|long|s\d+)\b/.test(declaration), offset };
      offset += size;
      return field;
    });
    this.length = offset;
  }

  /** As events/SYSTEM/EVENT/format. */
  get format(): string {
    const lines = this.fields.map(
      ({ declaration, offset, size, signed }, index) =>
        `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:${signed ? 1 : 0};\n${index === 3 ? "\n" : ""}`,
    );
    return `name: ${this.name}\nID: ${this.id}\nformat:\n${lines.join("")}\nprint fmt: ${this.printed}\n`;
  }

  /** A record's data. Text is NUL-terminated; that of a __data_loc goes behind the fields. */
  record(pid: number, ...values: readonly (number | bigint | string)[]): Buffer {
    const given = [this.id, 0, 0, pid, ...values];
    const packer = new Packer(this.machine);
    const behind: Buffer[] = [];
    let end = this.length;
    this.fields.forEach(({ offset, size, declaration }, index) => {
      packer.add(Buffer.alloc(offset - packer.length));
      const value = given[index]!;
      if (typeof value !== "string") packer.number(value, size);
      else if (declaration.startsWith("__data_loc")) {
        const text = Buffer.from(`${value}\0`);
        packer.number(text.length * 65536 + end, 4);
        behind.push(text);
        end += text.length;
      } else {
        const text = Buffer.from(`${value}\0`);
        packer.add(size === 0 ? text : Buffer.concat([text, Buffer.alloc(size)]).subarray(0, size));
      }
    });
    return packer.add(...behind).align(4).bytes;
  }
}

function sizeOf(declaration: string, { longSize }: Machine): number {
  if (declaration.startsWith("__data_loc")) return 4;
  if (/\[\]/.test(declaration)) return 0;
  if (declaration.includes("[16]")) return 16;
  const type = declaration.replace(/\s+\S+$/, "");
  const bits = /\b[us](8|16|32|64)$/.exec(type)?.[1];
  if (bits !== undefined) return Number(bits) / 8;
  if (type.endsWith("long long")) return 8;
  if (type.endsWith("long")) return longSize;
  return type.endsWith("short") ? 2 : type.endsWith("char") ? 1 : 4;
}

const EVENTS_LOST = 0x80000000;
const LOSS_COUNTED = 0x40000000;

/** One page of a ring buffer: records, and between them what moves the time. */
export class Page {
  private readonly records: Packer;
  private loss: number | undefined | "none" = "none";
  private time: bigint;

  constructor(
    readonly machine: Machine,
    readonly pageSize: number,
    readonly startNs: bigint,
  ) {
    this.records = new Packer(machine);
    this.time = startNs;
  }

  get room(): number {
    return this.pageSize - 8 - this.machine.longSize - this.records.length;
  }

  /** Events were lost before this page: so many, or nobody knows. */
  lost(count: number | undefined): this {
    this.loss = count;
    return this;
  }

  /** An event at a time; what a record's 27 bits do not hold goes into a time extend before it. */
  event(atNs: bigint, data: Buffer, long = data.length > 28 * 4): this {
    let delta = atNs - this.time;
    if (delta >= 1n << 27n) {
      this.extend(delta);
      delta = 0n;
    }
    this.time = atNs;
    if (long) this.word(0, delta).number(data.length + 4, 4);
    else this.word(data.length / 4, delta);
    this.records.add(data);
    return this;
  }

  extend(delta: bigint): this {
    this.word(30, delta & 0x7ffffffn).number(delta >> 27n, 4);
    this.time += delta;
    return this;
  }

  /** An absolute time. */
  stamp(atNs: bigint): this {
    this.word(31, atNs & 0x7ffffffn).number((atNs >> 27n) & 0xffffffffn, 4);
    this.time = atNs;
    return this;
  }

  /** A record that was taken back; its time counts. */
  padding(bytes: number, delta: bigint): this {
    this.word(29, delta)
      .number(bytes, 4)
      .add(Buffer.alloc(bytes - 4));
    this.time += delta;
    return this;
  }

  get bytes(): Buffer {
    const { machine, pageSize } = this;
    const isLost = this.loss !== "none";
    const counted = isLost && this.loss !== undefined;
    const commit = this.records.length + (isLost ? EVENTS_LOST : 0) + (counted ? LOSS_COUNTED : 0);
    const page = new Packer(machine).number(this.startNs, 8).number(commit, machine.longSize);
    page.add(this.records.bytes);
    if (counted) page.number(this.loss as number, machine.longSize);
    return page.align(pageSize).bytes;
  }

  private word(type: number, delta: bigint): Packer {
    const word = this.machine.bigEndian ? (BigInt(type) << 27n) | delta : (delta << 5n) | BigInt(type);
    return this.records.number(word, 4);
  }
}

/** Fills pages with events in order of time. */
export function pagesOf(
  machine: Machine,
  pageSize: number,
  events: Iterable<readonly [atNs: bigint, data: Buffer]>,
): Buffer[] {
  const pages: Page[] = [];
  for (const [atNs, data] of events) {
    let page = pages.at(-1);
    if (page === undefined || page.room < data.length + 16) {
      page = new Page(machine, pageSize, atNs);
      pages.push(page);
    }
    page.event(atNs, data);
  }
  return pages.map(({ bytes }) => bytes);
}

interface WrittenBuffer {
  readonly name: string;
  readonly cpus: readonly { readonly cpu: number; readonly pages: readonly Buffer[] }[];
}

export interface WrittenFile {
  readonly version: 6 | 7;
  readonly machine: Machine;
  readonly pageSize?: number;
  readonly compression?: "none" | "zlib" | "zstd";
  readonly kinds: readonly EventKind[];
  readonly comms?: readonly (readonly [pid: number, comm: string])[];
  readonly clock?: string;
  /** Further options: id and data. */
  readonly options?: readonly (readonly [id: number, data: Buffer])[];
  /** The first is the top one. */
  readonly buffers: readonly WrittenBuffer[];
  readonly cpuCount?: number;
}

/** Pages packed together, as trace-cmd does. */
const CHUNK_PAGES = 10;

export function writeTraceDat(file: WrittenFile): Buffer {
  return file.version === 6 ? writeV6(file) : writeV7(file);
}

function headOf({ version, machine, pageSize = 4096 }: WrittenFile): Packer {
  return new Packer(machine)
    .add(Buffer.from("\x17\x08\x44tracing", "latin1"), `${version}\0`)
    .number(machine.bigEndian ? 1 : 0, 1)
    .number(machine.longSize, 1)
    .number(pageSize, 4);
}

function headerInfo({ machine, pageSize = 4096 }: WrittenFile): Buffer {
  const { longSize } = machine;
  const data = 8 + longSize;
  const page = [
    "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n",
    `\tfield: local_t commit;\toffset:8;\tsize:${longSize};\tsigned:1;\n`,
    "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n",
    `\tfield: char data;\toffset:${data};\tsize:${pageSize - data};\tsigned:0;\n`,
  ].join("");
  const event = "# compressed entry header\n";
  return new Packer(machine)
    .add("header_page\0")
    .number(page.length, 8)
    .add(page, "header_event\0")
    .number(event.length, 8)
    .add(event).bytes;
}

function ftraceFormats({ machine, kinds }: WrittenFile): Buffer {
  const own = kinds.filter(({ system }) => system === "ftrace");
  const packer = new Packer(machine).number(own.length, 4);
  for (const { format } of own) packer.number(format.length, 8).add(format);
  return packer.bytes;
}

function eventFormats({ machine, kinds }: WrittenFile): Buffer {
  const systems = [...new Set(kinds.map(({ system }) => system))].filter((name) => name !== "ftrace");
  const packer = new Packer(machine).number(systems.length, 4);
  for (const system of systems) {
    const own = kinds.filter((kind) => kind.system === system);
    packer.add(`${system}\0`).number(own.length, 4);
    for (const { format } of own) packer.number(format.length, 8).add(format);
  }
  return packer.bytes;
}

function commLines({ machine, comms = [] }: WrittenFile): Buffer {
  const text = comms.map(([pid, comm]) => `${pid} ${comm}\n`).join("");
  return new Packer(machine).number(text.length, 8).add(text).bytes;
}

const cpusOf = (file: WrittenFile): number =>
  file.cpuCount ?? Math.max(...file.buffers.flatMap(({ cpus }) => cpus.map(({ cpu }) => cpu + 1)));

function ownOptions(file: WrittenFile): (readonly [id: number, data: Buffer])[] {
  const cpus = new Packer(file.machine).number(cpusOf(file), 4).bytes;
  return [
    [4, Buffer.from(file.version === 6 ? "" : `local [${file.clock ?? "mono"}]\0`)],
    [5, Buffer.from("Linux host 6.1.0-test aarch64\0")],
    [9, Buffer.from("3.1.6 test\0")],
    ...(file.options ?? []),
    [8, cpus],
  ];
}

function writeV6(file: WrittenFile): Buffer {
  const { pageSize = 4096, buffers, clock = "mono" } = file;
  const [top, ...instances] = buffers;
  const cpus = cpusOf(file);
  const clockText = `local [${clock}]\0`;
  // Where things lie depends on the sizes before them, which do not depend on where things lie.
  const write = (
    places: readonly number[],
    pagesAt: readonly (readonly number[])[],
  ): { bytes: Packer; places: number[] } => {
    const packer = headOf(file).add(headerInfo(file), ftraceFormats(file), eventFormats(file));
    packer.number(0, 4).number(0, 4).add(commLines(file)).number(cpus, 4).add("options  \0");
    for (const [id, data] of ownOptions(file)) packer.number(id, 2).number(data.length, 4).add(data);
    instances.forEach(({ name }, index) => {
      packer
        .number(3, 2)
        .number(8 + name.length + 1, 4)
        .number(places[index] ?? 0, 8)
        .add(`${name}\0`);
    });
    packer.number(0, 2);
    const found: number[] = [];
    [top!, ...instances].forEach((buffer, index) => {
      if (index > 0) found.push(packer.length);
      packer.add("flyrecord\0");
      for (let cpu = 0; cpu < cpus; cpu++) {
        const pages = buffer.cpus.find((each) => each.cpu === cpu)?.pages ?? [];
        packer.number(pagesAt[index]?.[cpu] ?? 0, 8).number(pages.length * pageSize, 8);
      }
      if (index === 0) packer.number(clockText.length, 8).add(clockText);
    });
    return { bytes: packer, places: found };
  };
  const { places, bytes: first } = write([], []);
  let at = Math.ceil(first.length / pageSize) * pageSize;
  const pagesAt = buffers.map((buffer) =>
    Array.from({ length: cpus }, (_, cpu) => {
      const start = at;
      at += (buffer.cpus.find((each) => each.cpu === cpu)?.pages.length ?? 0) * pageSize;
      return start;
    }),
  );
  const { bytes } = write(places, pagesAt);
  bytes.align(pageSize);
  for (const buffer of buffers)
    for (let cpu = 0; cpu < cpus; cpu++)
      bytes.add(...(buffer.cpus.find((each) => each.cpu === cpu)?.pages ?? []));
  return bytes.bytes;
}

function writeV7(file: WrittenFile): Buffer {
  const { machine, pageSize = 4096, compression = "none", clock = "mono" } = file;
  const packed = compression !== "none";
  const packer = headOf(file).add(`${compression}\0`, packed ? "1.0\0" : "\0");
  const optionsPlace = packer.length;
  packer.number(0, 8);
  const section = (id: number, data: Buffer, pack: boolean): number => {
    const at = packer.length;
    const content = pack
      ? new Packer(machine)
          .number(packOf(compression, data).length, 4)
          .number(data.length, 4)
          .add(packOf(compression, data)).bytes
      : data;
    packer
      .number(id, 2)
      .number(pack ? 1 : 0, 2)
      .number(0, 4)
      .number(content.length, 8)
      .add(content);
    return at;
  };
  const parts: [number, number][] = [
    [16, section(16, headerInfo(file), packed)],
    [17, section(17, ftraceFormats(file), packed)],
    [18, section(18, eventFormats(file), packed)],
    [19, section(19, new Packer(machine).number(0, 4).bytes, packed)],
    [20, section(20, new Packer(machine).number(0, 4).bytes, packed)],
    [21, section(21, commLines(file), packed)],
  ];
  const optionBytes = (options: readonly (readonly [number, Buffer])[], next: number): Buffer => {
    const list = new Packer(machine);
    for (const [id, data] of options) list.number(id, 2).number(data.length, 4).add(data);
    return list.number(0, 2).number(8, 4).number(next, 8).bytes;
  };
  const named = parts.map(([id, at]) => [id, new Packer(machine).number(at, 8).bytes] as const);
  const firstOptions = [...named, ...ownOptions(file)];
  const firstPlace = packer.length;
  section(0, optionBytes(firstOptions, 0), false);
  const bufferOptions = file.buffers.map((buffer) => {
    const at = packer.length;
    packer
      .number(3, 2)
      .number(packed ? 1 : 0, 2)
      .number(0, 4);
    const sizePlace = packer.length;
    packer.number(0, 8);
    const start = packer.length;
    const option = new Packer(machine).number(at, 8).add(`${buffer.name}\0`, `${clock}\0`);
    option.number(pageSize, 4).number(buffer.cpus.length, 4);
    for (const { cpu, pages } of buffer.cpus) {
      packer.align(pageSize);
      const place = packer.length;
      if (packed) addChunks(packer, pages, compression);
      else packer.add(...pages);
      option
        .number(cpu, 4)
        .number(place, 8)
        .number(packer.length - place - (packed ? 4 : 0), 8);
    }
    return { option: option.bytes, sizePlace, size: packer.length - start };
  });
  const lastPlace = section(
    0,
    optionBytes(
      bufferOptions.map(({ option }) => [3, option]),
      0,
    ),
    false,
  );
  const { bytes } = packer;
  const patch = (at: number, value: number): void => {
    new Packer(machine).number(value, 8).bytes.copy(bytes, at);
  };
  patch(optionsPlace, firstPlace);
  patch(firstPlace + 16 + optionBytes(firstOptions, 0).length - 8, lastPlace);
  for (const { sizePlace, size } of bufferOptions) patch(sizePlace, size);
  return bytes;
}

function addChunks(packer: Packer, pages: readonly Buffer[], compression: string): void {
  packer.number(Math.ceil(pages.length / CHUNK_PAGES), 4);
  for (let first = 0; first < pages.length; first += CHUNK_PAGES) {
    const data = Buffer.concat(pages.slice(first, first + CHUNK_PAGES));
    const chunk = packOf(compression, data);
    packer.number(chunk.length, 4).number(data.length, 4).add(chunk);
  }
}

function packOf(compression: string, data: Buffer): Buffer {
  return compression === "zlib" ? deflateSync(data) : storedZstd(data);
}

const MAX_BLOCK = 128 * 1024;

/** A zstd frame of blocks as they are (RFC 8878): Node 20 cannot compress. */
function storedZstd(data: Buffer): Buffer {
  const frame = new Packer({ bigEndian: false }).number(0xfd2fb528, 4).number(0, 1).number(0x50, 1);
  let at = 0;
  do {
    const block = data.subarray(at, at + MAX_BLOCK);
    at += block.length;
    frame.number(block.length * 8 + (at >= data.length ? 1 : 0), 3).add(block);
  } while (at < data.length);
  return frame.bytes;
}
