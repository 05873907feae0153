import { seededRandom } from "../seeded-random.js";

const BOOTSTRAPS = 200;

/** The quantile at this share; 0 if there are no values. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** The range that holds 95 % of the quantiles of resampled values. */
export function bootstrapQuantile(values: readonly number[], share: number): readonly [number, number] {
  const random = seededRandom(values.length);
  const again = Array.from({ length: BOOTSTRAPS }, () =>
    quantile(
      values.map(() => values[Math.floor(random() * values.length)]!),
      share,
    ),
  );
  return [quantile(again, 0.025), quantile(again, 0.975)];
}
