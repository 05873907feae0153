import type { CostSample, Timed } from "./cost-sample.js";
import { quantile } from "./quantile.js";

/** Error on operations that were not used for the fit: |predicted / recorded - 1|. */
export interface HeldOutError {
  readonly kind: string;
  readonly operations: number;
  readonly median: number;
  readonly p90: number;
}

export interface HeldOut {
  readonly all: HeldOutError;
  readonly byKind: readonly HeldOutError[];
}

/** The errors of a prediction on the operations held out of the fit. */
export function heldOutOf(
  samples: readonly CostSample[],
  predict: (timed: Timed, sample: CostSample) => number,
): HeldOut {
  const errors = new Map<string, number[]>();
  for (const sample of samples)
    for (const [kind, { heldOut }] of sample.kinds) {
      const known = errors.get(kind) ?? [];
      errors.set(kind, known);
      known.push(...heldOut.map((timed) => Math.abs(predict(timed, sample) / timed.ns - 1)));
    }
  const errorOf = (kind: string, values: readonly number[]): HeldOutError => ({
    kind,
    operations: values.length,
    median: quantile(values, 0.5),
    p90: quantile(values, 0.9),
  });
  return {
    all: errorOf("all", [...errors.values()].flat()),
    byKind: [...errors]
      .map(([kind, values]) => errorOf(kind, values))
      .filter(({ operations }) => operations > 0),
  };
}
