/** Counts stalls by length, to three significant digits, so that the table stays small for any number of stalls. */

import { stallLayout } from "./page-data.js";
import { GrowingColumns } from "./rows.js";

export class StallCounts {
  private readonly counts = new Map<number, number>();

  add(ns: number, count: number): void {
    const step = ns < 1000 ? 1 : 10 ** (Math.floor(Math.log10(ns)) - 2);
    const to = Math.ceil(ns / step) * step;
    this.counts.set(to, (this.counts.get(to) ?? 0) + count);
  }

  /** In ascending order. */
  rows(): GrowingColumns<typeof stallLayout> {
    const rows = new GrowingColumns(stallLayout);
    for (const [ns, count] of [...this.counts].sort(([a], [b]) => a - b)) {
      const row = rows.append();
      rows.columns.ns[row] = ns;
      rows.columns.count[row] = count;
    }
    return rows;
  }
}
