/** Turns samples into the rows of a fit: the work of each operation, and its weight. */

import type { CostSample, Timed } from "./cost-sample.js";
import type { FigureName } from "./profile.js";

/** Largest weight of a kind of operation, as a number of operations: the model's error is the same in all of them. */
const KIND_WEIGHT = 4;
/** An unknown of the fit: a figure, or one walker's own figure. */
export interface Column {
  readonly figure: FigureName;
  readonly walker: string | undefined;
}

export interface Row {
  readonly kind: number;
  readonly counts: Float64Array;
  readonly ns: number;
  readonly importance: number;
}

export function columnsOf(samples: readonly CostSample[], walkers: readonly string[]): Column[] {
  const columns: Column[] = [];
  // Compiled code differs between kernels, so each walker has its own time for a visit.
  for (const sample of samples)
    for (const kind of sample.kinds.values())
      for (const { counts } of kind.fitted)
        for (const figure of Object.keys(counts) as FigureName[])
          for (const walker of figure === "entryVisitNs" ? walkers : [undefined])
            if (!columns.some((column) => column.figure === figure && column.walker === walker))
              columns.push({ figure, walker });
  return columns;
}

/** The rows of a sample's operations that are used for the fit. */
export function rowsOf(sample: CostSample, kinds: readonly string[], columns: readonly Column[]): Row[] {
  return [...sample.kinds].flatMap(([kind, { fitted }]) =>
    leastDisturbed(fitted).map((timed) => ({
      kind: kinds.indexOf(kind),
      counts: Float64Array.from(columns, (column) => countOf(timed, column, sample.walker)),
      ns: Math.max(1, timed.ns - timed.apartNs - timed.edgeLines * sample.lineNs),
      importance: Math.min(1, KIND_WEIGHT / fitted.length),
    })),
  );
}

/** Disturbance only adds to a duration: takes the faster half of the operations with the same work. */
function leastDisturbed(operations: readonly Timed[]): Timed[] {
  const alike = new Map<string, Timed[]>();
  for (const timed of operations) {
    const work = JSON.stringify(timed.counts);
    const known = alike.get(work);
    if (known === undefined) alike.set(work, [timed]);
    else known.push(timed);
  }
  return [...alike.values()].flatMap((same) =>
    same.sort((a, b) => a.ns - b.ns).slice(0, Math.ceil(same.length / 2)),
  );
}

function countOf({ counts }: Timed, { figure, walker }: Column, recorder: string): number {
  return walker === undefined || walker === recorder ? (counts[figure] ?? 0) : 0;
}
