/**
 * The Mann-Whitney U test (Mann and Whitney, Annals of Mathematical Statistics 18, 1947): whether values of one sample
 * tend to be larger than those of another. It assumes nothing about their distributions.
 */

export interface MannWhitney {
  /** Number of pairs with the second sample in which the first one is larger; an equal pair counts one half. */
  readonly u: number;
  /** Two-sided: the share of all ways to divide the values that are at least as uneven as this one. */
  readonly p: number;
}

/** Up to this many values, all ways to divide them are counted; the counts are whole numbers below 2 ** 53. */
const MOST_COUNTED = 50;

/** Both samples must have at least one value. */
export function mannWhitney(first: readonly number[], second: readonly number[]): MannWhitney {
  const values = [...first, ...second];
  const ranks = doubledRanks(values);
  const sum = ranks.slice(0, first.length).reduce((all, rank) => all + rank, 0);
  const u = (sum - first.length * (first.length + 1)) / 2;
  const p =
    values.length <= MOST_COUNTED ? counted(ranks, first.length, sum) : approximated(ranks, first.length, u);
  return { u, p: Math.min(1, p) };
}

/** Twice each value's rank, from 1 up: equal values share the mean of their ranks, which may be a half. */
function doubledRanks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((value) => sorted.indexOf(value) + sorted.lastIndexOf(value) + 2);
}

/** Exact p: counts the ways to take `size` of the ranks, for each sum that they may have. */
function counted(ranks: readonly number[], size: number, sum: number): number {
  const most = ranks.reduce((all, rank) => all + rank, 0);
  const ways = Array.from({ length: size + 1 }, () => new Float64Array(most + 1));
  ways[0]![0] = 1;
  for (const rank of ranks)
    for (let taken = size; taken > 0; taken--) {
      const [before, after] = [ways[taken - 1]!, ways[taken]!];
      for (let of = rank; of <= most; of++) after[of]! += before[of - rank]!;
    }
  // The sum of all ranks is most = 2 * (1 + .. + N); a choice of `size` out of N has this mean.
  const mean = (most * size) / ranks.length;
  let all = 0;
  let asUneven = 0;
  ways[size]!.forEach((count, of) => {
    all += count;
    if (Math.abs(of - mean) >= Math.abs(sum - mean) - 1e-9) asUneven += count;
  });
  return asUneven / all;
}

/** Approximate p, by the normal distribution with the variance corrected for ties and a continuity correction. */
function approximated(ranks: readonly number[], size: number, u: number): number {
  const n = ranks.length;
  const pairs = size * (n - size);
  const tied = new Map<number, number>();
  for (const rank of ranks) tied.set(rank, (tied.get(rank) ?? 0) + 1);
  const ties = [...tied.values()].reduce((sum, count) => sum + (count ** 3 - count), 0);
  const variance = (pairs / 12) * (n + 1 - ties / (n * (n - 1)));
  if (variance === 0) return 1;
  const off = Math.max(0, Math.abs(u - pairs / 2) - 0.5);
  return complementaryError(off / Math.sqrt(2 * variance));
}

/** erfc(x) for x >= 0, with a relative error of 1.2e-7 (Press et al., Numerical Recipes, 2nd edition, 6.2). */
function complementaryError(x: number): number {
  const t = 1 / (1 + x / 2);
  const series = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223,
  ].reduce((sum, coefficient) => sum * t + coefficient, 0);
  return t * Math.exp(series - x * x);
}
