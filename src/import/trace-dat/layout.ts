/** What a trace.dat holds and where, whatever its version. */

import type { DataEnd } from "../../trace/byte-source.js";
import type { Codec } from "./codec.js";
import type { EventFormats } from "./event-format.js";
import type { Facts } from "./options.js";

/** Where one cpu's pages lie. */
export interface CpuData {
  /** -1 where the file lost what says it. */
  readonly cpu: number;
  /** Byte of the file. */
  readonly offset: number;
  /** Bytes in the file, packed where they are. */
  readonly size: number;
}

/** One ring buffer: the top one ("") or an instance's. */
export interface BufferData {
  readonly name: string;
  /** Of its times; undefined where only the file as a whole says one. */
  readonly clock: string | undefined;
  /** Bytes of a page of its ring buffer. */
  readonly pageSize: number;
  /** Of its chunks; undefined where its pages lie in the file as they are. */
  readonly codec: Codec | undefined;
  readonly cpus: readonly CpuData[];
}

/** The ring buffer's page header, as events/header_page gives it. */
export interface PageShape {
  /** Bytes of the commit field: of a long of the kernel. */
  readonly longSize: 4 | 8;
  /** Where a page's events begin. */
  readonly dataOffset: number;
}

export interface Layout {
  readonly version: 6 | 7;
  readonly bigEndian: boolean;
  /** The host's. */
  readonly pageSize: number;
  readonly page: PageShape;
  readonly formats: EventFormats;
  /** pid -> comm. */
  readonly comms: ReadonlyMap<number, string>;
  readonly facts: Facts;
  readonly buffers: readonly BufferData[];
  /** Where the file stops before all that it names could be found. */
  readonly cut: DataEnd | undefined;
}

/** The file's first bytes, which say how to read the rest. */
export interface FileHead {
  readonly version: 6 | 7;
  readonly bigEndian: boolean;
  /** Of a long of the recording program. */
  readonly longSize: 4 | 8;
  readonly pageSize: number;
  /** Byte behind what both versions have. */
  readonly end: number;
}
