/**
 * Moving rows between batches, and a pool of them. A batch's common columns are 72 bytes an event; the
 * rare ones (another 38) are shared until an event carries one, because a second of a dense trace is
 * held for reordering.
 */

import { EventBatch, NO_LEVEL, NO_RET, NONE } from "./event.js";

const floats = ["atNs", "addr", "size", "phys"] as const;
const words = ["pid", "line", "comm", "pgt", "esr", "farLow", "farHigh", "prot", "ret"] as const;
const small = ["kind", "cpu", "level"] as const;
const common = [...floats, ...words, ...small] as const;
const rare = ["vm", "vcpu", "tgid", "slot", "text", "phase", "write", "amount", "thinkNs"] as const;
type RareColumn = (typeof rare)[number];

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

  /** The batch's own copy of a rare column, to write to. */
  own<K extends RareColumn>(batch: EventBatch, column: K): EventBatch[K] {
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
    batch.cpu[row] = NONE;
    batch.comm[row] = NONE;
    batch.pgt[row] = NONE;
    batch.addr[row] = Number.NaN;
    batch.size[row] = Number.NaN;
    batch.phys[row] = Number.NaN;
    batch.esr[row] = 0;
    batch.farLow[row] = 0;
    batch.farHigh[row] = 0;
    batch.prot[row] = NONE;
    batch.level[row] = NO_LEVEL;
    batch.ret[row] = NO_RET;
    for (const column of rare) {
      const blank = this.absent[column];
      if (batch[column] !== blank) batch[column][row] = blank[row]!;
    }
  }

  /** Appends rows [from, end) of `source` to `target`. */
  append(target: EventBatch, source: EventBatch, from: number, end: number): void {
    const at = target.count;
    for (const column of floats) copy(target[column], source[column], at, from, end);
    for (const column of words) copy(target[column], source[column], at, from, end);
    for (const column of small) copy(target[column], source[column], at, from, end);
    for (const column of rare) {
      const blank = this.absent[column];
      if (source[column] === blank && target[column] === blank) continue;
      copy(this.own(target, column), source[column], at, from, end);
    }
    target.count = at + end - from;
  }
}

type Column = EventBatch[(typeof common)[number] | RareColumn];

function copy(target: Column, source: Column, at: number, from: number, end: number): void {
  if (end - from > FEW_ROWS) target.set(source.subarray(from, end), at);
  else for (let row = from; row < end; row++) target[at + row - from] = source[row]!;
}

function clearRows(batch: EventBatch, absent: EventBatch): void {
  const rows = batch.count;
  batch.count = 0;
  batch.cpu.fill(NONE, 0, rows);
  batch.comm.fill(NONE, 0, rows);
  batch.pgt.fill(NONE, 0, rows);
  batch.addr.fill(Number.NaN, 0, rows);
  batch.size.fill(Number.NaN, 0, rows);
  batch.phys.fill(Number.NaN, 0, rows);
  batch.esr.fill(0, 0, rows);
  batch.farLow.fill(0, 0, rows);
  batch.farHigh.fill(0, 0, rows);
  batch.prot.fill(NONE, 0, rows);
  batch.level.fill(NO_LEVEL, 0, rows);
  batch.ret.fill(NO_RET, 0, rows);
  for (const column of rare) {
    if (batch[column] !== absent[column]) batch[column].set(absent[column].subarray(0, rows));
  }
}
