/** A trace.dat opened: what it says of itself, and its events in order of time. */

import { UnsupportedTraceError, UsageError } from "../../errors.js";
import { didYouMean } from "../../suggest.js";
import { type Complain, lossOf } from "./cpu-cursor.js";
import type { CommonFields } from "./event-format.js";
import { type Bytes, FieldReader } from "./field-reader.js";
import type { BufferData, FileHead, Layout } from "./layout.js";
import { readLayoutV6 } from "./layout-v6.js";
import { readLayoutV7 } from "./layout-v7.js";
import { MergedEvents } from "./merged-events.js";
import { Damage, readText } from "./metadata.js";
import { openPages } from "./page-runs.js";

const MAGIC = Buffer.from("\x17\x08\x44tracing", "latin1");
const LOSS_RUN_BYTES = 64 * 1024;
/** Clocks that count something else than nanoseconds. */
const tickClocks = new Set(["counter", "x86-tsc", "ppc-tb"]);

export function isTraceDat(head: Uint8Array): boolean {
  return MAGIC.equals(head.subarray(0, MAGIC.length));
}

export class TraceDatFile {
  private constructor(
    readonly file: Bytes,
    readonly layout: Layout,
    readonly common: CommonFields,
    /** Those that are read. */
    readonly buffers: readonly BufferData[],
  ) {}

  /** `instance`: see RecordingInput. Throws Damage, DataEnd, UnsupportedTraceError and UsageError. */
  static async open(file: Bytes, instance: string | undefined): Promise<TraceDatFile> {
    const head = await readHead(file);
    const layout = head.version === 6 ? await readLayoutV6(file, head) : await readLayoutV7(file, head);
    const { common } = layout.formats;
    if (common === undefined)
      throw new Damage(head.end, "expected event formats with common_type and common_pid");
    const buffers = chooseBuffers(layout, instance);
    return new TraceDatFile(file, layout, common, buffers);
  }

  /** The clock of the events' times. Throws UnsupportedTraceError where they cannot be put in one order. */
  clock(): string | undefined {
    const { buffers, layout } = this;
    const used = buffers.filter(({ cpus }) => cpus.length > 0).map(({ clock }) => clock);
    const clocks = new Set(used.map((clock) => clock ?? layout.facts.clock));
    if (clocks.size > 1) {
      const names = buffers.map(({ name, clock }) => `${name || "(top)"}: ${clock}`).join(", ");
      throw new UnsupportedTraceError(
        `its buffers have several clocks, choose one with --instance: ${names}`,
      );
    }
    const [clock = layout.facts.clock] = clocks;
    if (clock !== undefined && tickClocks.has(clock) && layout.facts.ticks === undefined)
      throw new UnsupportedTraceError(`its clock ${clock} does not count nanoseconds: record with -C mono`);
    return clock;
  }

  /**
   * Events that the ring buffers say they lost and no page tells of; undefined where they say nothing. (Pages tell
   * of what was overwritten; neither of what was dropped nor of what was lost behind the last page.)
   */
  async untoldLosses(): Promise<number | undefined> {
    const { lost } = this.layout.facts;
    const counts = this.buffers.map(({ name }) => lost.get(name));
    if (counts.some((count) => count === undefined) || this.layout.cut !== undefined) return undefined;
    const total = counts.reduce<number>((sum, count) => sum + count!, 0);
    return total === 0 ? 0 : Math.max(0, total - (await this.toldLosses()));
  }

  events(complain: Complain): Promise<MergedEvents> {
    return MergedEvents.open(this.file, this.layout, this.buffers, complain);
  }

  private async toldLosses(): Promise<number> {
    const { file, layout } = this;
    const { bigEndian, page } = layout;
    let told = 0;
    for (const buffer of this.buffers) {
      for (const data of buffer.cpus) {
        const pages = openPages(file, buffer, data, { bigEndian, runBytes: LOSS_RUN_BYTES });
        try {
          while (await pages.next()) {
            const view = new DataView(pages.bytes.buffer, pages.bytes.byteOffset, pages.length);
            for (let at = 0; at + buffer.pageSize <= pages.length; at += buffer.pageSize)
              told += lossOf(view, at, page, buffer.pageSize, !bigEndian) ?? 0;
          }
        } catch (error) {
          if (!(error instanceof Damage)) throw error; // Told when the events are read.
        }
      }
    }
    return told;
  }
}

async function readHead(file: Bytes): Promise<FileHead> {
  const fields = FieldReader.ofFile(file, MAGIC.length, false);
  const version = await readText(fields);
  if (version !== "6" && version !== "7")
    throw new UnsupportedTraceError(`is a trace.dat of version ${JSON.stringify(version)}, expected 6 or 7`);
  const endian = await fields.u8();
  const longSize = await fields.u8();
  if (endian > 1) throw new Damage(fields.position - 2, `expected 0 or 1 for the byte order, got ${endian}`);
  if (longSize !== 4 && longSize !== 8)
    throw new Damage(fields.position - 1, `expected a long of 4 or 8 bytes, got ${longSize}`);
  const bigEndian = endian === 1;
  const pageBytes = await fields.bytes(4);
  const pageSize = bigEndian ? pageBytes.readUInt32BE() : pageBytes.readUInt32LE();
  checkPageSize(pageSize, fields.position - 4);
  return { version: version === "6" ? 6 : 7, bigEndian, longSize, pageSize, end: fields.position };
}

function checkPageSize(pageSize: number, at: number): void {
  if (pageSize < 1024 || pageSize > 2 ** 24 || (pageSize & (pageSize - 1)) !== 0)
    throw new Damage(at, `expected a page size, a power of two, got ${pageSize}`);
}

function chooseBuffers(layout: Layout, instance: string | undefined): readonly BufferData[] {
  const { buffers, cut } = layout;
  for (const { pageSize } of buffers) checkPageSize(pageSize, 0);
  if (instance === undefined) return buffers;
  const chosen = buffers.filter(({ name }) => name === instance);
  if (chosen.length > 0) return chosen;
  if (cut !== undefined) throw cut;
  const names = buffers.map(({ name }) => name).filter((name) => name !== "");
  throw new UsageError(
    `--instance: no buffer is called ${instance}${didYouMean(instance, names)}; there are: (top)${names.map((name) => `, ${name}`).join("")}`,
  );
}
