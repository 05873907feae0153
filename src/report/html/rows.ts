/** Rows of whole numbers, stored as growing columns. */

import type { Layout } from "./page-data.js";

export class GrowingColumns<L extends Layout> {
  count = 0;
  columns: Record<L[number][0], Float64Array>;
  private capacity = 1024;

  constructor(private readonly layout: L) {
    this.columns = this.make(() => new Float64Array(this.capacity));
  }

  /** Makes room for one more row. @returns its index */
  append(): number {
    if (this.count === this.capacity) {
      this.capacity *= 2;
      const before = this.columns;
      this.columns = this.make((name) => {
        const column = new Float64Array(this.capacity);
        column.set(before[name]);
        return column;
      });
    }
    return this.count++;
  }

  /** Keeps the rows for which `keeps` is true, in their order. */
  retain(keeps: (row: number) => boolean): void {
    let to = 0;
    const all = Object.values<Float64Array>(this.columns);
    for (let row = 0; row < this.count; row++) {
      if (!keeps(row)) continue;
      for (const column of all) column[to] = column[row] as number;
      to++;
    }
    this.count = to;
  }

  private make(column: (name: L[number][0]) => Float64Array): Record<L[number][0], Float64Array> {
    const entries = this.layout.map(([name]) => [name, column(name as L[number][0])]);
    return Object.fromEntries(entries) as Record<L[number][0], Float64Array>;
  }
}
