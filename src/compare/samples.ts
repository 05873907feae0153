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
import { basePlace, candidatePlace, comparePlace, numberAt, replayPlace, type SidePlace } from "./figures.js";
import type { CompareOptions, DiffOptions, ReplayOptions, TraceOptions } from "./options.js";
import type { CompareResult, DiffResult, Draws, ReplayRunResult } from "./result.js";

type Samples = NonNullable<DiffResult["samples"]>;
type Interval = Samples["figures"][number]["base"];
type Figures = NonNullable<DiffResult["figures"]>;

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
  sampling: SampleOptions,
): Promise<DiffResult> {
  const { base, candidate, ablate, ...trace } = options;
  const draws = await draw(result.profile.name, trace, sampling);
  const results = await replayDraws(draws, trace, [{ base, candidate }], sampling);
  const { drawn, remainders } = draws.about;
  const samples: Samples = {
    ...draws.about,
    figures: metricsOf(result).map(({ label, of }) => {
      const ofBase = results.map(([each]) => of(each!, "base"));
      const ofCandidate = results.map(([each]) => of(each!, "candidate"));
      const change = ofCandidate.map((value, i) => value - ofBase[i]!);
      return {
        label,
        base: interval(ofBase),
        candidate: interval(ofCandidate),
        change: interval(change),
        relative: interval(change.map((value, i) => (ofBase[i] === 0 ? 0 : value / ofBase[i]!))),
        falls: change.filter((value) => value < 0).length,
        rises: change.filter((value) => value > 0).length,
        hangsOn: strongest(new Set([...drawn, ...remainders]), draws.profiles, change),
      };
    }),
  };
  const figures = withIntervals(result, [basePlace, candidatePlace], (side) =>
    results.map(([each]) => [each!, side === 0 ? basePlace : candidatePlace]),
  );
  return { ...result, figures, samples };
}

/** The result of `compareTrace(options)`, each figure with what it lies between in the draws; as sampleDiff. */
export async function sampleCompare(
  result: CompareResult,
  { strategies, ...trace }: CompareOptions,
  sampling: SampleOptions,
): Promise<CompareResult> {
  const draws = await draw(result.profile.name, trace, sampling);
  const [base, ...candidates] = strategies as [string, ...string[]];
  // One strategy is set against itself: a diff replays it once.
  const pairs = (candidates.length === 0 ? [base] : candidates).map((candidate) => ({ base, candidate }));
  const results = await replayDraws(draws, trace, pairs, sampling);
  const places = strategies.map((_, side) => comparePlace(side));
  const figures = withIntervals(result, places, (side) =>
    results.map((ofPairs) => (side === 0 ? [ofPairs[0]!, basePlace] : [ofPairs[side - 1]!, candidatePlace])),
  );
  return { ...result, figures, samples: draws.about };
}

/** The result of `replayTrace(options)`, each figure with what it lies between in the draws; as sampleDiff. */
export async function sampleReplay(
  result: ReplayRunResult,
  { strategy, ...trace }: ReplayOptions,
  sampling: SampleOptions,
): Promise<ReplayRunResult> {
  const draws = await draw(result.profile.name, trace, sampling);
  const results = await replayDraws(draws, trace, [{ base: strategy, candidate: strategy }], sampling);
  const figures = withIntervals(result, [replayPlace], () => results.map(([each]) => [each!, basePlace]));
  return { ...result, figures, samples: draws.about };
}

/** What is drawn, and the profiles that were. */
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

/** For each draw, the diff of each pair. */
async function replayDraws(
  { profiles }: DrawnProfiles,
  options: TraceOptions,
  pairs: readonly { readonly base: string; readonly candidate: string }[],
  { count, seed, ...pool }: SampleOptions,
): Promise<DiffResult[][]> {
  const { onProgress, observer, sanitize, ...job } = options;
  const jobs = profiles.flatMap((profile, i) =>
    pairs.map((pair) => ({ ...job, ...pair, profile, arrivalSeed: seed * count + i })),
  );
  const results = await diffAll(jobs, pool);
  return profiles.map((_, i) => results.slice(i * pairs.length, (i + 1) * pairs.length));
}

/** The figures of the result, each with what it lies between in the draws, of which `drawsOf` a side tells where. */
function withIntervals(
  { figures, epochs }: Pick<DiffResult | CompareResult | ReplayRunResult, "figures" | "epochs">,
  places: readonly SidePlace[],
  drawsOf: (side: number) => (readonly [DiffResult, SidePlace])[],
): Figures {
  const sampled: Figures = {};
  for (const [side, place] of places.entries()) {
    const draws = drawsOf(side);
    const add = (path: string, pathIn: (place: SidePlace) => string): void => {
      const values = draws.map(([result, drawnAs]) => numberAt(result, pathIn(drawnAs)));
      sampled[path] = { kind: figures![path]!.kind, interval: interval(values) };
    };
    for (const path of Object.keys(figures ?? {}))
      if (path.startsWith(`${place.path}.`)) add(path, (of) => of.path + path.slice(place.path.length));
    for (const index of epochs.keys())
      for (const name of ["makespanNs", "faults"])
        add(`${place.epochPath(index)}.${name}`, (of) => `${of.epochPath(index)}.${name}`);
  }
  return sampled;
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
    { label: "whole trace", of: (each, side) => each[side].makespanNs },
  ];
}

function interval(values: readonly number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] as number;
  return { low: at((1 - WITHIN) / 2), median: at(0.5), high: at((1 + WITHIN) / 2) };
}

/** The figure whose draws the change follows best, by rank; null where it follows none. */
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
