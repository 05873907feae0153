/**
 * Moving rows between batches, and a pool of them. A batch's common columns are 72 bytes an event; the
 * rare ones (another 38) are shared until an event carries one, because a second of a dense trace is
 * held for reordering.
 */

import { type ColumnName, EventBatch } from "./event.js";

const blank = new EventBatch(1);
const columns = (Object.keys(blank) as (keyof EventBatch)[]).filter((name): name is ColumnName =>
  ArrayBuffer.isView(blank[name]),
);
/** Columns that batches without such a value share. */
const rare = sharedOf(blank, new EventBatch(1, blank));
const common = columns.filter((column) => !rare.includes(column));

function sharedOf(a: EventBatch, b: EventBatch): readonly ColumnName[] {
  return columns.filter((column) => a[column] === b[column]);
}

/** Below this many rows a loop is cheaper than making two views a column. */
const FEW_ROWS = 24;

export class BatchPool {
  /** Never handed out: its rare columns are those of every batch that has none. */
  private readonly absent: EventBatch;
  private readonly free: EventBatch[] = [];

  constructor(readonly capacity: number) {
    this.absent = new EventBatch(capacity);
  }

  take(): EventBatch {
    return this.free.pop() ?? new EventBatch(this.capacity, this.absent);
  }

  release(batch: EventBatch): void {
    clearRows(batch, this.absent);
    this.free.push(batch);
  }

  /** The batch's own copy of a column, to write to. */
  own<K extends ColumnName>(batch: EventBatch, column: K): EventBatch[K] {
    if (batch[column] === this.absent[column]) batch[column] = this.absent[column].slice() as EventBatch[K];
    return batch[column];
  }

  /** own() for the three that some traces have on every line. */
  ownVm(batch: EventBatch): Int32Array {
    return batch.vm === this.absent.vm ? this.own(batch, "vm") : batch.vm;
  }

  ownVcpu(batch: EventBatch): Int32Array {
    return batch.vcpu === this.absent.vcpu ? this.own(batch, "vcpu") : batch.vcpu;
  }

  ownTgid(batch: EventBatch): Int32Array {
    return batch.tgid === this.absent.tgid ? this.own(batch, "tgid") : batch.tgid;
  }

  /** Puts absent values back into one row. */
  clearRow(batch: EventBatch, row: number): void {
    for (const column of columns) {
      const absent = this.absent[column];
      if (batch[column] !== absent) batch[column][row] = absent[row]!;
    }
  }

  /** Appends rows [from, end) of `source` to `target`. */
  append(target: EventBatch, source: EventBatch, from: number, end: number): void {
    const at = target.count;
    for (const column of common) copy(target[column], source[column], at, from, end);
    for (const column of rare) {
      const absent = this.absent[column];
      if (source[column] === absent && target[column] === absent) continue;
      copy(this.own(target, column), source[column], at, from, end);
    }
    target.count = at + end - from;
  }
}

type Column = EventBatch[ColumnName];

function copy(target: Column, source: Column, at: number, from: number, end: number): void {
  if (end - from > FEW_ROWS) target.set(source.subarray(from, end), at);
  else for (let row = from; row < end; row++) target[at + row - from] = source[row]!;
}

function clearRows(batch: EventBatch, absent: EventBatch): void {
  const rows = batch.count;
  batch.count = 0;
  for (const column of columns) {
    if (batch[column] !== absent[column]) batch[column].set(absent[column].subarray(0, rows));
  }
}
