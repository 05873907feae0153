/**
 * Events in time order. A recording is written from per-CPU buffers, so lines may stand out of order
 * across CPUs, by less than a window. Filled batches are held until no later line can precede them. In
 * a sorted trace each is then handed over untouched; only where held batches overlap are rows moved.
 */

import type { BatchPool } from "./batch-rows.js";
import type { EventBatch } from "./event.js";

/** A held batch, sorted in itself; rows before `cursor` are gone. */
interface Run {
  readonly batch: EventBatch;
  cursor: number;
  readonly lastNs: number;
}

export class ReorderWindow {
  /** The batch that lines are read into. */
  filling: EventBatch;
  /** In the order of the input, so that ties go to the lower index. */
  private readonly runs: Run[] = [];
  private readonly latest = new Float64Array(1 << 15).fill(Number.NEGATIVE_INFINITY);
  /** In an array, so that it is a double throughout. */
  private readonly newest = Float64Array.of(Number.NEGATIVE_INFINITY);

  constructor(
    readonly pool: BatchPool,
    readonly windowNs: number,
  ) {
    this.filling = pool.take();
  }

  get newestNs(): number {
    return this.newest[0]!;
  }

  /** Time of the last event taken from a cpu. */
  lastOfCpu(cpu: number): number {
    return this.latest[cpu]!;
  }

  /** Counts the filled row in, unless its time is too early for its cpu or for the window. */
  accept(): "accepted" | "cpu" | "window" {
    const { filling } = this;
    const row = filling.count;
    const atNs = filling.atNs[row]!;
    const cpu = filling.cpu[row]!;
    if (cpu >= 0 && atNs < this.latest[cpu]!) return "cpu";
    if (atNs > this.newest[0]!) this.newest[0] = atNs;
    else if (atNs < this.newest[0]! - this.windowNs) return "window";
    if (cpu >= 0) this.latest[cpu] = atNs;
    filling.count = row + 1;
    return "accepted";
  }

  get isFull(): boolean {
    return this.filling.count === this.filling.capacity;
  }

  /** Puts the filled batch with the held ones. */
  hold(): void {
    const batch = this.filling;
    if (batch.count === 0) return;
    this.filling = this.pool.take();
    const sorted = this.sorted(batch);
    this.runs.push({ batch: sorted, cursor: 0, lastNs: sorted.atNs[sorted.count - 1]! });
  }

  /** The next batch that no later line can precede; the caller releases it. `atEnd`: no line follows. */
  next(atEnd: boolean): EventBatch | undefined {
    const head = this.runs[0];
    if (head === undefined) return undefined;
    const limitNs = atEnd ? Number.POSITIVE_INFINITY : this.newestNs - this.windowNs;
    let restNs = Number.POSITIVE_INFINITY;
    for (let index = 1; index < this.runs.length; index++) {
      restNs = Math.min(restNs, headNs(this.runs[index]!));
    }
    if (head.lastNs > restNs) return this.merge(limitNs);
    if (head.lastNs > limitNs) return undefined;
    this.runs.shift();
    if (head.cursor === 0) return head.batch;
    const rest = this.pool.take();
    this.pool.append(rest, head.batch, head.cursor, head.batch.count);
    this.pool.release(head.batch);
    return rest;
  }

  /** A batch of the earliest rows up to the limit, whole spans at a time; undefined if there are none. */
  private merge(limitNs: number): EventBatch | undefined {
    const out = this.pool.take();
    // Heads only ever grow, so a run whose successors all began later than the best cannot be beaten.
    const laterNs = this.earliestFrom();
    while (out.count < out.capacity && this.runs.length > 0) {
      let best = 0;
      let secondNs = Number.POSITIVE_INFINITY;
      let second = 0;
      let bestNs = headNs(this.runs[0]!);
      for (let index = 1; index < this.runs.length && laterNs[index]! <= secondNs; index++) {
        const ns = headNs(this.runs[index]!);
        if (ns < bestNs) {
          secondNs = bestNs;
          second = best;
          bestNs = ns;
          best = index;
        } else if (ns < secondNs) {
          secondNs = ns;
          second = index;
        }
      }
      if (bestNs > limitNs) break;
      const run = this.runs[best]!;
      const room = Math.min(run.batch.count, run.cursor + out.capacity - out.count);
      const { atNs } = run.batch;
      let end = run.cursor + 1;
      while (
        end < room &&
        atNs[end]! <= limitNs &&
        (atNs[end]! < secondNs || (atNs[end] === secondNs && best < second))
      )
        end++;
      this.pool.append(out, run.batch, run.cursor, end);
      run.cursor = end;
      if (end === run.batch.count) {
        this.runs.splice(best, 1);
        laterNs.splice(best, 1);
        this.pool.release(run.batch);
      }
    }
    if (out.count > 0) return out;
    this.pool.release(out);
    return undefined;
  }

  /** For each run the earliest head among it and those behind it. */
  private earliestFrom(): number[] {
    const earliest: number[] = [];
    let ns = Number.POSITIVE_INFINITY;
    for (let index = this.runs.length - 1; index >= 0; index--) {
      ns = Math.min(ns, headNs(this.runs[index]!));
      earliest[index] = ns;
    }
    return earliest;
  }

  private sorted(batch: EventBatch): EventBatch {
    const { atNs, count } = batch;
    let row = 1;
    while (row < count && atNs[row]! >= atNs[row - 1]!) row++;
    if (row >= count) return batch;
    const order = new Uint32Array(count);
    for (let index = 0; index < count; index++) order[index] = index;
    order.sort((a, b) => atNs[a]! - atNs[b]! || a - b);
    const sorted = this.pool.take();
    for (let from = 0; from < count; ) {
      let end = from + 1;
      while (end < count && order[end] === order[end - 1]! + 1) end++;
      this.pool.append(sorted, batch, order[from]!, order[end - 1]! + 1);
      from = end;
    }
    this.pool.release(batch);
    return sorted;
  }
}

function headNs(run: Run): number {
  return run.batch.atNs[run.cursor]!;
}
