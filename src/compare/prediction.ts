/** Compares what recordings of one kernel predict of another with recordings of that other kernel. */

import { loadStrategy } from "../strategy/load.js";
import { figureOf } from "./compared.js";
import { figurePaths } from "./figures.js";
import { errorOf, rangeOf } from "./range.js";
import { besideEachOther, measurementOf, type RecordingsOptions, replayedRuns } from "./recordings.js";
import { type CountedMemory, type Sides, sharedEpochs } from "./recordings-unlike.js";
import type { Caveat, Verdict } from "./result.js";
import type { PredictionResult, PredictionRow } from "./result-prediction.js";
import type { RecordingsResult } from "./result-recordings.js";
import type { TraceResult } from "./trace-result.js";

export interface PredictionOptions extends RecordingsOptions {
  /** The walker that `after` ran: a name, a kernel release, or an ES module. */
  readonly candidate: string;
}

/**
 * Replays each run of `before` under its own walker and the candidate, and each of `after` under the candidate.
 * Throws as compareRecordings does.
 */
export async function validatePrediction(options: PredictionOptions): Promise<PredictionResult> {
  const { candidate, ...recordings } = options;
  // This reports a misspelt name before any recording is read.
  await loadStrategy(candidate);
  const after = { ...options.after, recording: { walker: candidate, ...options.after.recording } };
  const runs = await replayedRuns(
    { ...recordings, after },
    {
      before: { kind: "diff", strategies: [undefined, candidate] },
      after: { kind: "replay", strategies: [undefined] },
    },
  );
  return predictionOf(runs, options);
}

/**
 * Makes the prediction from results; those of `before` are diffs whose base is the recording. Throws UsageError where
 * the recordings are too unlike.
 *
 * @param counted the memory that was counted
 */
function predictionOf(runs: Sides<TraceResult>, counted: CountedMemory = {}): PredictionResult {
  const measured = besideEachOther(runs, counted);
  const { shared } = sharedEpochs(runs);
  const rowOf = (pathIn: (run: number) => string): PredictionRow => {
    const of = (results: readonly TraceResult[], side: number, first: number) =>
      results.map(({ sides }, n) => measurementOf(sides[side]!, pathIn(first + n)));
    return rowFrom({
      before: of(runs.before, 0, 0),
      predicted: of(runs.before, 1, 0),
      after: of(runs.after, 0, runs.before.length),
    });
  };
  const epochs = shared.map(({ label, at }) => ({
    label,
    makespanNs: rowOf((run) => `epochs.${at[run]}.makespanNs`),
    faults: rowOf((run) => `epochs.${at[run]}.faults`),
  }));
  const [first] = runs.before as [TraceResult, ...TraceResult[]];
  const [base, candidate] = first.sides.map(({ replay }) => replay.strategy) as [string, string];
  const figures = Object.fromEntries(
    figurePaths(first.sides[0]!.replay).map((path) => [path, rowOf(() => path)] as const),
  );
  return {
    schema: "s2replay-prediction/1",
    verdict: verdictOf(runs, measured, { epochs, figures }),
    before: { strategy: base, runs: runs.before.map(({ trace }) => trace) },
    after: { strategy: runs.after[0]!.sides[0]!.replay.strategy, runs: runs.after.map(({ trace }) => trace) },
    candidate,
    profile: first.profile,
    epochs,
    figures,
    caveats: [...measured.caveats, ...otherWalker(runs.after, candidate)],
  };
}

type Measurements = Readonly<Record<"before" | "predicted" | "after", Parameters<typeof figureOf>[0]>>;

function rowFrom({ before, predicted, after }: Measurements): PredictionRow {
  const figures = { before: figureOf(before), predicted: figureOf(predicted), after: figureOf(after) };
  const hasNone = before.some(({ value }) => value === 0);
  return {
    ...figures,
    error: errorOf(figures.predicted.median, figures.after),
    change: {
      predicted: hasNone ? null : rangeOf(predicted.map(({ value }, n) => value / before[n]!.value - 1)),
      measured: figures.before.median === 0 ? null : figures.after.median / figures.before.median - 1,
    },
  };
}

function verdictOf(
  runs: Sides<TraceResult>,
  { verdict }: RecordingsResult,
  { epochs, figures }: Pick<PredictionResult, "epochs" | "figures">,
): PredictionResult["verdict"] {
  const { epoch, p } = verdict.change;
  const verdicts = runs.before.flatMap(({ sides: [, candidate] }) => candidate?.verdict ?? []);
  return {
    epoch,
    makespanNs: epochs.find(({ label }) => label === epoch)?.makespanNs ?? figures.makespanNs!,
    predicted: outcomesOf(verdicts),
    measured: verdict.outcome,
    p,
    reasons: verdict.reasons,
    unsafe: verdicts.some(({ unsafe }) => unsafe),
  };
}

function outcomesOf(verdicts: readonly Verdict[]): PredictionResult["verdict"]["predicted"] {
  const counts = new Map<Verdict["outcome"], number>();
  for (const { outcome } of verdicts) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => ({ outcome, runs: count })).sort((a, b) => b.runs - a.runs);
}

function otherWalker(after: readonly TraceResult[], candidate: string): Caveat[] {
  const others = [...new Set(after.map(({ sides: [side] }) => side!.replay.strategy))].filter(
    (name) => name !== candidate,
  );
  if (others.length === 0) return [];
  return [
    {
      code: "unlike-walkers",
      text: `what is predicted is ${candidate}; the recordings held against it ran ${others.join(" or ")}`,
    },
  ];
}
