/**
 * Measures how much a result depends on assumptions: it repeats the replay with other values of the profile's assumed
 * figures, and with each access a little earlier or later.
 */

import { drawnFigures, drawProfile } from "../cost/draw.js";
import { type FigureName, loadProfile, type ProfileDocument } from "../cost/profile.js";
import { UsageError } from "../errors.js";
import { seededRandom } from "../seeded-random.js";
import { calibrateInput, FIT } from "./calibrate.js";
import { changePath, numberOf } from "./figures.js";
import type { SidesOptions, TraceOptions } from "./options.js";
import { type PoolOptions, replayAll } from "./replay-pool.js";
import type { Draws, Figure, Verdict } from "./result.js";
import type { ResultSide, SampledChange, TraceResult } from "./trace-result.js";
import { withInterval } from "./verdict.js";

type Interval = SampledChange["base"];

export interface SampleOptions extends PoolOptions {
  /** Number of draws. */
  readonly count: number;
  readonly seed: number;
}

/** Share of the draws within an interval. */
const WITHIN = 0.9;

/**
 * The result of `replayUnder(options)`, each figure with its interval in `count` draws of the profile's assumed
 * figures. Each draw reads the input once more and has its own access times. Throws as replayUnder does.
 */
export async function sampled(
  result: TraceResult,
  options: SidesOptions,
  sampling: SampleOptions,
): Promise<TraceResult> {
  const { about, profiles } = await draw(result.profile.name, options, sampling);
  const { ablate, explain, onProgress, observer, sanitize, ...job } = options;
  const { count, seed, ...pool } = sampling;
  const drawn = await replayAll(
    profiles.map((profile, n) => ({ ...job, profile, arrivalSeed: seed * count + n })),
    pool,
  );
  const moved = new Set([...about.drawn, ...about.remainders]);
  const metrics = metricsOf(result);
  return {
    ...result,
    sides: result.sides.map((side, n) => ({
      ...side,
      verdict: side.verdict === null ? null : withInterval(side.verdict, changeDrawn(side.verdict, drawn, n)),
      figures: withIntervals(
        side,
        drawn.map(({ sides }) => sides[n]!),
      ),
    })),
    samples: {
      draws: about,
      changes: result.sides.map((_, n) =>
        n === 0
          ? []
          : metrics.map(({ label, path }) => {
              const valuesOf = (side: number) => drawn.map(({ sides }) => numberOf(sides[side]!, path));
              return changeOf(label, valuesOf(0), valuesOf(n), moved, profiles);
            }),
      ),
    },
  };
}

/** The interval, in the draws, of the change that the verdict is about. */
function changeDrawn({ change }: Verdict, drawn: readonly TraceResult[], n: number): Interval | undefined {
  if (change === null) return undefined;
  const path = changePath(change);
  return interval(drawn.map(({ sides }) => numberOf(sides[n]!, path) - numberOf(sides[0]!, path)));
}

function changeOf(
  label: string,
  base: readonly number[],
  candidate: readonly number[],
  moved: ReadonlySet<Moved>,
  profiles: readonly ProfileDocument[],
): SampledChange {
  const change = candidate.map((value, i) => value - base[i]!);
  return {
    label,
    base: interval(base),
    candidate: interval(candidate),
    change: interval(change),
    relative: interval(change.map((value, i) => (base[i] === 0 ? 0 : value / base[i]!))),
    falls: change.filter((value) => value < 0).length,
    rises: change.filter((value) => value > 0).length,
    hangsOn: strongest(moved, profiles, change),
  };
}

/** A description of what is drawn, and the drawn profiles. */
interface DrawnProfiles {
  readonly about: Draws & { readonly drawn: FigureName[]; readonly remainders: Moved[] };
  readonly profiles: readonly ProfileDocument[];
}

type Moved = FigureName | "guestReadNs";

async function draw(
  profileName: string,
  options: TraceOptions,
  { count, seed }: SampleOptions,
): Promise<DrawnProfiles> {
  const { document: profile } =
    options.profile === FIT
      ? (await calibrateInput(options)).profile
      : loadProfile(options.profile ?? profileName);
  const { drawn, kept } = drawnFigures(profile);
  const remainders = [...new Set((profile.sums ?? []).map(({ remainder }) => remainder))];
  return {
    about: { draws: count, seed, within: WITHIN, drawn, remainders, kept },
    profiles: drawProfiles(profile, count, seed),
  };
}

/** The side's figures, each with its interval in the draws of that side. */
function withIntervals(side: ResultSide, draws: readonly ResultSide[]): Record<string, Figure> {
  return Object.fromEntries(
    Object.entries(side.figures).map(([path, { kind }]) => [
      path,
      { kind, interval: interval(draws.map((drawn) => numberOf(drawn, path))) },
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

/** The sampled numbers: the faults, the stall, and the time of each epoch and of the whole trace. */
function metricsOf({ epochs }: TraceResult): { label: string; path: string }[] {
  return [
    { label: "faults", path: "faults.total" },
    { label: "stall", path: "stallNs.total" },
    ...epochs.map(({ label }, n) => ({ label: `epoch ${label}`, path: `epochs.${n}.makespanNs` })),
    { label: "whole trace", path: "makespanNs" },
  ];
}

function interval(values: readonly number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] as number;
  return { low: at((1 - WITHIN) / 2), median: at(0.5), high: at((1 + WITHIN) / 2) };
}

/** The figure whose draws correlate best with the change, by rank; null where none does. */
function strongest(
  names: ReadonlySet<Moved>,
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
  // Chance alone would hardly exceed this.
  const least = 2 / Math.sqrt(change.length - 1);
  return best === null || Math.abs(best.rankCorrelation) < least ? null : best;
}

/** Ranks from 0; equal values share the mean of their ranks. */
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

/** Pearson's correlation of ranks, which is Spearman's; 0 where one of them is constant. */
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
