/**
 * How much a result hangs on what is assumed: the same diff with other values of the profile's assumed figures, and
 * with each access a little earlier or later.
 */

import { drawnFigures, drawProfile } from "../cost/draw.js";
import { type FigureName, loadProfile, type ProfileDocument } from "../cost/profile.js";
import { UsageError } from "../errors.js";
import { seededRandom } from "../seeded-random.js";
import { calibrateInput, FIT } from "./calibrate.js";
import { diffAll, type PoolOptions } from "./diff-pool.js";
import { numberAt } from "./figures.js";
import type { DiffOptions } from "./options.js";
import type { DiffResult } from "./result.js";

type Samples = NonNullable<DiffResult["samples"]>;
type Interval = Samples["figures"][number]["base"];

export interface SampleOptions extends PoolOptions {
  /** How many draws. */
  readonly count: number;
  readonly seed: number;
}

/** So much of the draws lies between the ends of an interval. */
const WITHIN = 0.9;

/**
 * The result of `diffTrace(options)`, with what `count` draws of its profile's assumed figures make of it. The input
 * is read once more for each. Each draw has its own times of the accesses too. Throws as diffTrace does.
 */
export async function sampleDiff(
  result: DiffResult,
  options: DiffOptions,
  { count, seed, ...pool }: SampleOptions,
): Promise<DiffResult> {
  const { document: profile } =
    options.profile === FIT
      ? (await calibrateInput(options)).profile
      : loadProfile(options.profile ?? result.profile.name);
  const { drawn, kept } = drawnFigures(profile);
  const profiles = drawProfiles(profile, count, seed);
  const { onProgress, observer, ablate, sanitize, ...job } = options;
  const results = await diffAll(
    profiles.map((of, i) => ({ ...job, profile: of, arrivalSeed: seed * count + i })),
    pool,
  );
  const moved = [...drawn, ...(profile.sums ?? []).map(({ remainder }) => remainder)];
  const samples: Samples = {
    draws: count,
    seed,
    within: WITHIN,
    drawn,
    remainders: [...new Set((profile.sums ?? []).map(({ remainder }) => remainder))],
    kept,
    figures: metricsOf(result).map(({ label, of }) => {
      const base = results.map((each) => of(each, "base"));
      const candidate = results.map((each) => of(each, "candidate"));
      const change = candidate.map((value, i) => value - base[i]!);
      return {
        label,
        base: interval(base),
        candidate: interval(candidate),
        change: interval(change),
        relative: interval(change.map((value, i) => (base[i] === 0 ? 0 : value / base[i]!))),
        falls: change.filter((value) => value < 0).length,
        rises: change.filter((value) => value > 0).length,
        hangsOn: strongest(new Set(moved), profiles, change),
      };
    }),
  };
  return { ...result, figures: withIntervals(result, results), samples };
}

/** The figures of the result, each with what it lies between in the draws. */
function withIntervals(result: DiffResult, draws: readonly DiffResult[]): DiffResult["figures"] {
  return Object.fromEntries(
    Object.entries(result.figures ?? {}).map(([path, { kind }]) => [
      path,
      { kind, interval: interval(draws.map((draw) => numberAt(draw, path))) },
    ]),
  );
}

function drawProfiles(profile: ProfileDocument, count: number, seed: number): ProfileDocument[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const drawn = drawProfile(profile, random);
    if (drawn === undefined)
      throw new UsageError(`profile ${profile.name}: its ranges leave no room for its sums' remainders`);
    return drawn;
  });
}

type Side = "base" | "candidate";

/** What is sampled: the stall, the faults, and the time of each epoch and of all. */
function metricsOf(result: DiffResult): { label: string; of: (result: DiffResult, side: Side) => number }[] {
  return [
    { label: "faults", of: (each, side) => each[side].faults.total },
    { label: "stall", of: (each, side) => each[side].stallNs.total },
    ...result.epochs.map(({ label }, i) => ({
      label: `epoch ${label}`,
      of: (each: DiffResult, side: Side) => each.epochs[i]![side].makespanNs,
    })),
    { label: "makespan", of: (each, side) => each[side].makespanNs },
  ];
}

function interval(values: readonly number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] as number;
  return { low: at((1 - WITHIN) / 2), median: at(0.5), high: at((1 + WITHIN) / 2) };
}

/** The figure whose draws the change follows best, by rank; null where it follows none. */
function strongest(
  names: ReadonlySet<FigureName | "guestReadNs">,
  profiles: readonly ProfileDocument[],
  change: readonly number[],
): { figure: string; rankCorrelation: number } | null {
  const ranksOfChange = ranks(change);
  let best: { figure: string; rankCorrelation: number } | null = null;
  for (const figure of names) {
    const drawn = profiles.map(({ figures, guestReadNs }) =>
      figure === "guestReadNs" ? guestReadNs.points[0]!.ns : figures[figure].value,
    );
    const rankCorrelation = correlation(ranks(drawn), ranksOfChange);
    if (best === null || Math.abs(rankCorrelation) > Math.abs(best.rankCorrelation))
      best = { figure, rankCorrelation };
  }
  // What chance alone would hardly exceed.
  const least = 2 / Math.sqrt(change.length - 1);
  return best === null || Math.abs(best.rankCorrelation) < least ? null : best;
}

/** Ranks from 0; equal values share the middle of theirs. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const all = new Array<number>(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) all[order[i]!] = (from + to - 1) / 2;
    from = to;
  }
  return all;
}

/** Pearson's, of ranks: Spearman's. 0 where one of them never moves. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const middle = (a.length - 1) / 2;
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]! - middle;
    const y = b[i]! - middle;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
