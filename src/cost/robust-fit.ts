import { seededRandom } from "../seeded-random.js";
import { joinInseparable } from "./collinear.js";
import { HuberFit, type Observations, type Solution } from "./huber.js";

export interface Fit {
  /** Nanoseconds of each unknown. */
  readonly ns: Float64Array;
  /** 95 % of the bootstrap fits are between these. */
  readonly least: Float64Array;
  readonly most: Float64Array;
  /** Unknowns that are in the same proportion in all observations: only their total cost is fitted. */
  readonly groups: readonly (readonly number[])[];
  /**
   * Unknowns with so small a part in every operation that only the residual would be fitted: they keep the base value.
   */
  readonly kept: readonly number[];
}

export const BOOTSTRAPS = 200;
/** Rounds of reweighting in each bootstrap fit, which starts at the fit. */
const ROUNDS = 3;

/** An unknown below this share of every operation is not fitted: it would absorb the model's other errors. */
const LEAST_SHARE = 1 / 5;

/**
 * Fits the observations, and estimates how well they determine each figure: each bootstrap fit reweights kinds and
 * observations, and varies each figure of `base`. So a figure that the observations do not determine has a wide range.
 */
export function fitRobustly(given: Observations, base: readonly number[]): Fit {
  const kept = new Set<number>();
  for (;;) {
    const columns = base.map((_, j) => j).filter((j) => !kept.has(j));
    const figures = columns.map((j) => base[j]!);
    const observed = without(given, kept, base);
    const { gram } = new HuberFit(observed).products(observed.importance, observed.ns);
    const groups = joinInseparable(gram, figures);
    const fit = new HuberFit(joinColumns(observed, groups, figures));
    const solution = fit.fit(new Float64Array(groups.length).fill(1));
    const named = groups.map((group) => group.map((j) => columns[j]!));
    const expand = (values: (group: number) => number) => {
      const all = Float64Array.from(base);
      for (const [g, group] of named.entries()) for (const j of group) all[j] = values(g) * base[j]!;
      return all;
    };
    const ns = expand((g) => solution.x[g]!);
    const ignored = leastSeen(given, ns, named, base);
    if (ignored !== undefined && groups.length > 1) {
      for (const j of ignored) kept.add(j);
      continue;
    }
    const draws = bootstrap(fit, observed, solution, groups.length);
    for (const values of draws) values.sort();
    return {
      ns,
      least: expand((g) => draws[g]![Math.floor(BOOTSTRAPS * 0.025)]!),
      most: expand((g) => draws[g]![Math.ceil(BOOTSTRAPS * 0.975) - 1]!),
      groups: named.filter((group) => group.length > 1),
      kept: [...kept],
    };
  }
}

/** The observations without the cost of the `kept` columns. */
function without(given: Observations, kept: ReadonlySet<number>, base: readonly number[]): Observations {
  const { columns: n, counts } = given;
  return {
    ...given,
    columns: n - kept.size,
    counts: counts.filter((_, at) => !kept.has(at % n)),
    ns: given.ns.map((ns, i) => {
      let left = ns;
      for (const j of kept) left -= counts[i * n + j]! * base[j]!;
      return Math.max(1, left);
    }),
  };
}

/** The group whose largest share of an operation is the smallest, if that is too small to fit. */
function leastSeen(
  { columns: n, counts, ns }: Observations,
  x: Float64Array,
  groups: readonly (readonly number[])[],
  base: readonly number[],
): readonly number[] | undefined {
  const cost = (i: number, group: readonly number[], figures: ArrayLike<number>) =>
    group.reduce((sum, j) => sum + counts[i * n + j]! * figures[j]!, 0);
  const all = [...x.keys()];
  const parts = groups.map((group) => {
    let most = 0;
    for (let i = 0; i < ns.length; i++) {
      const total = Math.max(1, cost(i, all, x));
      // Both as fitted and as given: a group that is large in either must not keep its given value.
      most = Math.max(most, cost(i, group, x) / total, cost(i, group, base) / total);
    }
    return most;
  });
  const least = Math.min(...parts);
  return least < LEAST_SHARE ? groups[parts.indexOf(least)] : undefined;
}

/** One column for each group: its members' columns, weighted by `base`. */
function joinColumns(
  { counts, columns, ...rest }: Observations,
  groups: readonly (readonly number[])[],
  base: readonly number[],
): Observations {
  const joined = new Float64Array(rest.ns.length * groups.length);
  for (let i = 0; i < rest.ns.length; i++)
    for (const [g, group] of groups.entries())
      for (const j of group) joined[i * groups.length + g]! += counts[i * columns + j]! * base[j]!;
  return { counts: joined, columns: groups.length, ...rest };
}

/** The value of each unknown in each draw. */
function bootstrap(
  fit: HuberFit,
  { importance, kind }: Observations,
  solution: Solution,
  unknowns: number,
): Float64Array[] {
  const draws = Array.from({ length: unknowns }, () => new Float64Array(BOOTSTRAPS));
  const random = seededRandom(1);
  // Bayesian bootstrap (Rubin 1981): it reweights instead of resampling, so that a single observation is never missing.
  const weight = () => -Math.log(1 - random());
  const kinds = kind.reduce((most, one) => Math.max(most, one + 1), 0);
  for (let b = 0; b < BOOTSTRAPS; b++) {
    const ofKind = Float64Array.from({ length: kinds }, weight);
    const weights = importance.map((one, i) => one * weight() * ofKind[kind[i]!]!);
    // A factor of two either way is one standard deviation.
    const doubted = Float64Array.from({ length: unknowns }, () => 2 ** normal(random));
    let again = solution;
    for (let round = 0; round < ROUNDS; round++) again = fit.refine(again, doubted, weights);
    for (const [g, values] of draws.entries()) values[b] = again.x[g]!;
  }
  return draws;
}

/** One draw of the standard normal distribution (Box and Muller). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
