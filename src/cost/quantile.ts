import { seededRandom } from "../seeded-random.js";

const BOOTSTRAPS = 200;

/** The value at this share of the way up; 0 of none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** From where to where 95 % of the quantiles of redrawn values lie. */
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
