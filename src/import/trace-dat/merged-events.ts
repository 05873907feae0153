/** The events of several cpus and buffers in order of time; among equal times, in the order of the buffers. */

import type { DataEnd } from "../../trace/byte-source.js";
import { clockOf } from "./clock.js";
import { type Complain, CpuCursor } from "./cpu-cursor.js";
import type { Bytes } from "./field-reader.js";
import type { BufferData, Layout } from "./layout.js";
import { openPages } from "./page-runs.js";

/** Of all cpus' pages as they lie in the file, and of one cpu's at most. */
const READ_BYTES = 8 * 1024 * 1024;
const MAX_RUN_BYTES = 256 * 1024;

export class MergedEvents {
  /** Where the file stopped before a cpu's data did. */
  cut: DataEnd | undefined;
  /** Cpus that ended with a loss that no event followed. */
  readonly ended: CpuCursor[] = [];
  /** A heap: none comes before the one at half its index. */
  private readonly heap: CpuCursor[] = [];

  static async open(
    file: Bytes,
    layout: Layout,
    buffers: readonly BufferData[],
    complain: Complain,
  ): Promise<MergedEvents> {
    const events = new MergedEvents();
    events.cut = layout.cut;
    const { bigEndian, page } = layout;
    const count = buffers.reduce((sum, { cpus }) => sum + cpus.length, 0);
    const runBytes = Math.min(MAX_RUN_BYTES, Math.ceil(READ_BYTES / Math.max(count, 1)));
    let rank = 0;
    for (const buffer of buffers) {
      for (const data of buffer.cpus) {
        const runs = openPages(file, buffer, data, { bigEndian, runBytes });
        const { pageSize } = buffer;
        const clock = clockOf(layout.facts, data.cpu);
        const cursor = new CpuCursor(runs, {
          cpu: data.cpu,
          rank: rank++,
          pageSize,
          page,
          bigEndian,
          clock,
          complain,
        });
        if (await cursor.refill()) events.add(cursor);
        else events.end(cursor);
      }
    }
    return events;
  }

  /** Where the next event is; undefined at the end. */
  get first(): CpuCursor | undefined {
    return this.heap[0];
  }

  /** Passes over the first event; false where that takes a `refill` before. */
  advance(): boolean {
    if (!this.heap[0]!.advance()) return false;
    this.sink();
    return true;
  }

  async refill(): Promise<void> {
    const cursor = this.heap[0]!;
    if (!(await cursor.refill())) {
      this.end(cursor);
      const last = this.heap.pop()!;
      if (this.heap.length === 0) return;
      this.heap[0] = last;
    }
    this.sink();
  }

  private end(cursor: CpuCursor): void {
    this.cut ??= cursor.cut;
    if (cursor.losses.length > 0) this.ended.push(cursor);
  }

  private add(cursor: CpuCursor): void {
    const heap = this.heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent]!, cursor)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = cursor;
  }

  /** Puts the first one, whose event changed, in its place. */
  private sink(): void {
    const heap = this.heap;
    const { length } = heap;
    const cursor = heap[0]!;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(cursor, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = cursor;
  }
}

function isBefore(a: CpuCursor, b: CpuCursor): boolean {
  if (a.seconds !== b.seconds) return a.seconds < b.seconds;
  return a.nanos !== b.nanos ? a.nanos < b.nanos : a.rank < b.rank;
}
