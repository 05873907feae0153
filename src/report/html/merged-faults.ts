/** Faults that a page does not show individually: sums over intervals, whose number is limited for any trace length. */

import { binLayout, repetitionLayout } from "./page-data.js";
import { GrowingColumns } from "./rows.js";

/** If there are more rows than this, the intervals are doubled. */
const MOST_BINS = 60_000;
const MOST_REPETITIONS = 20_000;
/** Longer than any replay, at 19 hours; rows that are still separate then differ in epoch, thread or cause. */
const WIDEST_NS = 2 ** 46;
const BINS = 2 ** 20;
const CAUSES = 16;

export interface MergedFault {
  readonly thread: number;
  readonly segment: number;
  readonly startNs: number;
  readonly cause: number;
  readonly faults: number;
  readonly stallNs: number;
  readonly lockWaitNs: number;
}

/** Sums of faults by thread, epoch, cause and interval. */
export class FaultBins {
  readonly rows = new GrowingColumns(binLayout);
  /** Length of an interval. */
  spanNs = 2 ** 14;
  /** Row numbers by epoch, then by thread, cause and interval. */
  private readonly rowsOf = new Map<number, Map<number, number>>();

  add(fault: MergedFault): void {
    while (fault.startNs / this.spanNs >= BINS) this.widen();
    this.put(fault);
    if (this.rows.count > MOST_BINS && this.spanNs < WIDEST_NS) this.widen();
  }

  private put({ thread, segment, startNs, cause, faults, stallNs, lockWaitNs }: MergedFault): void {
    const bin = Math.floor(startNs / this.spanNs);
    const key = (thread * CAUSES + cause) * BINS + bin;
    let rowOf = this.rowsOf.get(segment);
    if (rowOf === undefined) {
      rowOf = new Map();
      this.rowsOf.set(segment, rowOf);
    }
    let row = rowOf.get(key);
    if (row === undefined) {
      row = this.rows.append();
      rowOf.set(key, row);
      const { columns } = this.rows;
      columns.lane[row] = thread;
      columns.segment[row] = segment;
      columns.startNs[row] = bin * this.spanNs;
      columns.cause[row] = cause;
      columns.faults[row] = columns.stallNs[row] = columns.lockWait[row] = 0;
    }
    const { columns } = this.rows;
    columns.spanNs[row] = this.spanNs;
    columns.faults[row] = (columns.faults[row] as number) + faults;
    columns.stallNs[row] = (columns.stallNs[row] as number) + stallNs;
    columns.lockWait[row] = (columns.lockWait[row] as number) + lockWaitNs;
  }

  private widen(): void {
    const { columns, count } = this.rows;
    const before = Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [name, column.slice(0, count)]),
    ) as typeof columns;
    this.spanNs *= 2;
    this.rows.count = 0;
    this.rowsOf.clear();
    for (let row = 0; row < count; row++)
      this.put({
        thread: before.lane[row]!,
        segment: before.segment[row]!,
        startNs: before.startNs[row]!,
        cause: before.cause[row]!,
        faults: before.faults[row]!,
        stallNs: before.stallNs[row]!,
        lockWaitNs: before.lockWait[row]!,
      });
  }
}

/** Intervals whose faults were counted instead of replayed; those that follow each other closely are joined. */
export class Repetitions {
  readonly rows = new GrowingColumns(repetitionLayout);
  private gapNs = 0;

  add(segment: number, startNs: number, endNs: number, faults: number, stallNs: number, cause: number): void {
    if (this.joins(this.rows.count - 1, segment, startNs, cause)) {
      this.join(this.rows.count - 1, endNs, faults, stallNs);
      return;
    }
    const row = this.rows.append();
    const { columns } = this.rows;
    columns.segment[row] = segment;
    columns.startNs[row] = startNs;
    columns.spanNs[row] = endNs - startNs;
    columns.faults[row] = faults;
    columns.stallNs[row] = stallNs;
    columns.cause[row] = cause;
    while (this.rows.count > MOST_REPETITIONS && this.gapNs < WIDEST_NS) this.joinMore();
  }

  private joins(row: number, segment: number, startNs: number, cause: number): boolean {
    if (row < 0) return false;
    const { columns } = this.rows;
    if (columns.segment[row] !== segment || columns.cause[row] !== cause) return false;
    return startNs - (columns.startNs[row]! + columns.spanNs[row]!) <= this.gapNs;
  }

  private join(row: number, endNs: number, faults: number, stallNs: number): void {
    const { columns } = this.rows;
    columns.spanNs[row] = endNs - columns.startNs[row]!;
    columns.faults[row] = columns.faults[row]! + faults;
    columns.stallNs[row] = columns.stallNs[row]! + stallNs;
  }

  private joinMore(): void {
    this.gapNs = Math.max(1024, 2 * this.gapNs);
    let last = -1;
    const { columns } = this.rows;
    this.rows.retain((row) => {
      if (this.joins(last, columns.segment[row]!, columns.startNs[row]!, columns.cause[row]!)) {
        this.join(
          last,
          columns.startNs[row]! + columns.spanNs[row]!,
          columns.faults[row]!,
          columns.stallNs[row]!,
        );
        return false;
      }
      last++;
      return true;
    });
  }
}
