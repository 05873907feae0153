/** Each kernel's figures predicted from the recordings of the others, beside what was measured on it. */

import { compareTrace } from "../compare/diff.js";
import { errorOf, type Range, rangeOf } from "../compare/range.js";
import type { FaultCause, ReplayResult } from "../compare/result.js";
import { strategyByName } from "../strategy/index.js";
import { type KernelSet, type Recording, walkerOf } from "./kernel-recordings.js";

/** The guest's code and its own tables lie below; the memory under test lies above. */
const TEST_MEMORY = { start: 16 * 2 ** 20, end: 2 ** 48 };
const EPOCH = "ADJUST";

/** Figures of the ADJUST epoch in the memory under test; times in ns. */
export const figures = [
  "adjustNs",
  "faults",
  "windowP50Ns",
  "windowMaxNs",
  "windowTotalNs",
  "lockWaitNs",
] as const;
export type KernelFigure = (typeof figures)[number];

/** A figure of several runs. */
export interface Measured extends Range {
  readonly mean: number;
  readonly runs: number;
  /** `figures`: a table of measurements; `recording`: read off the kernel's own recording. */
  readonly from: "figures" | "recording";
}

export interface PredictedFigure {
  readonly predicted: number;
  readonly measured: Measured | null;
  /** Relative to the nearest point of the measured range, 0 inside; null where nothing, or 0, was measured. */
  readonly error: number | null;
  /** The error that was aimed at; null = none was named. */
  readonly target: number | null;
}

type ByCause = Readonly<Partial<Record<FaultCause, number>>>;

/** One kernel predicted from one recording of another. */
export interface Prediction {
  readonly scenario: string;
  readonly from: string;
  readonly run: string;
  readonly to: string;
  readonly walker: string;
  /** One tree and one configuration, but for the patch. */
  readonly isStrictPair: boolean;
  readonly figures: Readonly<Record<KernelFigure, PredictedFigure>>;
  /** Change of ADJUST from the recording that was replayed, ns and as a share; measured: of the medians. */
  readonly gain: {
    readonly predictedNs: number;
    readonly measuredNs: number | null;
    readonly predictedRatio: number;
    readonly measuredRatio: number | null;
  };
  /** Faults by cause, those of none left out; `recorded`: in the kernel's own recording under its own walker. */
  readonly causes: { readonly predicted: ByCause; readonly recorded: ByCause | null };
}

const strictPairs: readonly (readonly [string, string])[] = [
  ["5.10.262-prepatch", "5.10.262-postpatch"],
  ["5.10.262-vanilla", "5.10.262-rfc"],
];

const isStrictPair = (from: string, to: string) =>
  strictPairs.some((pair) => from !== to && pair.includes(from) && pair.includes(to));

/** Largest error aimed at: in a strict pair, and elsewhere between kernels whose faults queue for the lock. */
const targets = {
  strict: { adjustNs: 0.02, faults: 0.03, windowP50Ns: 0.05, lockWaitNs: 0.05 },
  queueing: { adjustNs: 0.05, faults: 0.05 },
  /** To a kernel whose faults share it: inside the measured range. */
  sharing: { adjustNs: 0, faults: 0 },
} satisfies Record<string, Partial<Record<KernelFigure, number>>>;

function targetOf(from: string, to: string, figure: KernelFigure): number | null {
  const shares = (kernel: string) => strategyByName(walkerOf(kernel))?.lockRegime === "shared";
  // From a storm of retries nothing was aimed at.
  if (shares(from) || from === to) return null;
  const own: Partial<Record<KernelFigure, number>> = isStrictPair(from, to)
    ? targets.strict
    : shares(to)
      ? targets.sharing
      : targets.queueing;
  return own[figure] ?? null;
}

/** What one recording gives under each walker, and what it shows itself. */
interface Replayed {
  readonly recording: Recording;
  /** By walker. */
  readonly sides: ReadonlyMap<string, KernelSide>;
  readonly own: KernelSide;
}

interface KernelSide {
  readonly figures: Readonly<Record<KernelFigure, number>>;
  readonly causes: ByCause;
}

/**
 * Strict pairs first, then by scenario. Throws as compareTrace does.
 * @param onDone called at the start, and after each recording's replay
 */
export async function kernelMatrix(
  { recordings, measured }: KernelSet,
  onDone?: (done: number, total: number) => void,
): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  let done = 0;
  onDone?.(done, recordings.length);
  for (const scenario of [...new Set(recordings.map((one) => one.scenario))].sort()) {
    const ofScenario = recordings.filter((one) => one.scenario === scenario);
    const runs = measured.filter((one) => one.scenario === scenario);
    const kernels = [...new Set([...ofScenario, ...runs].map(({ kernel }) => kernel))].sort();
    if (kernels.length < 2) {
      done += ofScenario.length;
      continue;
    }
    const walkers = [...new Set(kernels.map(walkerOf))];
    const replayed: Replayed[] = [];
    for (const recording of ofScenario) {
      replayed.push(await replay(recording, walkers));
      onDone?.(++done, recordings.length);
    }
    for (const from of replayed)
      for (const to of kernels)
        predictions.push(
          predict(
            from,
            to,
            runs,
            replayed.filter(({ recording }) => recording.kernel === to),
          ),
        );
  }
  const parts = [
    (one: Prediction) => one.isStrictPair,
    (one: Prediction) => one.from === one.to,
    (one: Prediction) => !one.isStrictPair && one.from !== one.to,
  ];
  return parts.flatMap((part) => predictions.filter(part));
}

async function replay(recording: Recording, walkers: readonly string[]): Promise<Replayed> {
  const { file, header } = recording;
  const { sides, epochs } = await compareTrace({
    input: file,
    lenient: false,
    strategies: walkers,
    epoch: EPOCH,
    ipa: TEST_MEMORY,
    ...(header === undefined ? {} : { recording: header }),
  });
  const byWalker = new Map(
    sides.map(({ result }, n) => [result.strategy, sideOf(result, epochs[0]?.sides[n]?.makespanNs ?? 0)]),
  );
  return { recording, sides: byWalker, own: byWalker.get(walkerOf(recording.kernel)) as KernelSide };
}

function sideOf({ faults, windows, costNs }: ReplayResult, adjustNs: number): KernelSide {
  return {
    figures: {
      adjustNs,
      faults: faults.total,
      windowP50Ns: windows.p50Ns,
      windowMaxNs: windows.maxNs,
      windowTotalNs: windows.totalNs,
      lockWaitNs: costNs.lockWait,
    },
    causes: Object.fromEntries(Object.entries(faults.byCause).filter(([, count]) => count > 0)) as ByCause,
  };
}

function predict(
  { recording, sides, own }: Replayed,
  to: string,
  runs: KernelSet["measured"],
  recordings: readonly Replayed[],
): Prediction {
  const { scenario, kernel: from, run } = recording;
  const walker = walkerOf(to);
  const predicted = sides.get(walker) as KernelSide;
  const recorded = recordings.map((one) => one.own);
  const measuredAs = (kernel: string, figure: KernelFigure, shown: readonly KernelSide[]) =>
    tabled(runs, kernel, figure) ??
    measuredOf(
      shown.map((side) => side.figures[figure]),
      "recording",
    );
  const adjust = measuredAs(to, "adjustNs", recorded);
  const before = measuredAs(from, "adjustNs", [own]) as Measured;
  return {
    scenario,
    from,
    run,
    to,
    walker,
    isStrictPair: isStrictPair(from, to),
    figures: Object.fromEntries(
      figures.map((figure) => {
        const measured = measuredAs(to, figure, recorded);
        const value = predicted.figures[figure];
        const error = measured && errorOf(value, measured);
        return [figure, { predicted: value, measured, error, target: targetOf(from, to, figure) }];
      }),
    ) as Record<KernelFigure, PredictedFigure>,
    gain: {
      predictedNs: predicted.figures.adjustNs - own.figures.adjustNs,
      measuredNs: adjust && adjust.median - before.median,
      predictedRatio: predicted.figures.adjustNs / own.figures.adjustNs - 1,
      measuredRatio: adjust && adjust.median / before.median - 1,
    },
    causes: { predicted: predicted.causes, recorded: recorded[0]?.causes ?? null },
  };
}

/** What the table of measurements has of a figure; null where it has nothing. */
function tabled(runs: KernelSet["measured"], kernel: string, figure: KernelFigure): Measured | null {
  if (figure === "windowTotalNs" || figure === "lockWaitNs") return null;
  const values = runs.filter((run) => run.kernel === kernel).map((run) => run[figure]);
  return measuredOf(
    values.filter((value) => !Number.isNaN(value)),
    "figures",
  );
}

function measuredOf(values: readonly number[], from: Measured["from"]): Measured | null {
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, ...rangeOf(values), runs: values.length, from };
}
