/** Compares recordings of two kernels, settings or VMMs: what each shows under its own walker, with no prediction. */

import { UsageError } from "../errors.js";
import type { RecordedMachine } from "../trace/header.js";
import { compared, LEAST_TESTED, type Measurement } from "./compared.js";
import { figurePaths, numberOf } from "./figures.js";
import type { TraceOptions } from "./options.js";
import { medianOf } from "./range.js";
import {
  type CountedMemory,
  checkSlots,
  epochCaveats,
  type Sides,
  sharedEpochs,
  unlikeReasons,
} from "./recordings-unlike.js";
import { type PoolOptions, type ReplayJob, replayAll } from "./replay-pool.js";
import type { Caveat } from "./result.js";
import type { Compared, RecordingsResult, RecordingsSide, RecordingsVerdict } from "./result-recordings.js";
import type { ResultSide, TraceResult } from "./trace-result.js";

/** One side: the runs of one kernel. */
export interface RecordedRuns {
  /** Files: traces, or recordings that import reads. */
  readonly inputs: readonly string[];
  /** What the caller knows of the machine that recorded these; overrides what is given for both sides. */
  readonly recording?: RecordedMachine;
}

export interface RecordingsOptions
  extends Omit<
      TraceOptions,
      "input" | "name" | "whatIf" | "sanitize" | "scale" | "arrivalSeed" | "observer" | "onProgress"
    >,
    Omit<PoolOptions, "nameOf"> {
  readonly before: RecordedRuns;
  readonly after: RecordedRuns;
}

/**
 * Replays every recording under its own walker, which reproduces the record, and compares the two sides.
 * Throws UsageError, TraceFormatError, UnsupportedTraceError.
 */
export async function compareRecordings(options: RecordingsOptions): Promise<RecordingsResult> {
  const own = { kind: "replay", strategies: [undefined] } as const;
  return besideEachOther(await replayedRuns(options, { before: own, after: own }), options);
}

/** How the runs of a side are replayed; the first strategy is the one of the recording. */
type Replaying = Pick<ReplayJob, "kind" | "strategies">;

/** Replays the runs of each side in that side's way. Throws as compareRecordings does. */
export async function replayedRuns(
  options: RecordingsOptions,
  replaying: { readonly before: Replaying; readonly after: Replaying },
): Promise<Sides<TraceResult>> {
  const { before, after, threads, onDone, ...shared } = options;
  const jobsOf = ({ inputs, recording }: RecordedRuns, how: Replaying): ReplayJob[] =>
    inputs.map((input) => ({
      ...shared,
      input,
      // Runs often have the same file name, each in its own folder.
      name: input,
      recording: { ...shared.recording, ...recording },
      ...how,
    }));
  checkInputs(before);
  checkInputs(after);
  const results = await replayAll([...jobsOf(before, replaying.before), ...jobsOf(after, replaying.after)], {
    ...(threads === undefined ? {} : { threads }),
    ...(onDone === undefined ? {} : { onDone }),
    nameOf: (job) => {
      const [side, { length }, n] =
        job < before.inputs.length
          ? (["before", before.inputs, job] as const)
          : (["after", after.inputs, job - before.inputs.length] as const);
      return length === 1 ? side : `${side}, run ${n + 1}`;
    },
  });
  for (const result of results) checkRecorder(result);
  return {
    before: results.slice(0, before.inputs.length),
    after: results.slice(before.inputs.length),
  };
}

function checkInputs({ inputs }: RecordedRuns): void {
  if (inputs.length === 0) throw new UsageError("expected a recording at least on either side");
  const twice = inputs.find((input, n) => inputs.indexOf(input) < n);
  if (twice !== undefined) throw new UsageError(`${twice}: is named twice on one side: it is one run`);
}

function checkRecorder({ trace, selfReplay }: TraceResult): void {
  if (selfReplay === null)
    throw new UsageError(
      `${trace.source}: nothing says which walker recorded it, under which it is to be read: --walker NAME tells`,
    );
  if (selfReplay.recordedFaults === 0) throw new UsageError(`${trace.source}: holds no recorded fault`);
}

/**
 * Compares the results of two sides: replays of recordings, each under its own walker. Throws UsageError where they
 * are too unlike.
 *
 * @param counted the memory that was counted
 */
export function besideEachOther(runs: Sides<TraceResult>, counted: CountedMemory = {}): RecordingsResult {
  checkSlots(counted.slot, runs);
  const alike = sharedEpochs(runs);
  const compare = (pathIn: (run: number) => string): Compared => {
    const measured = (side: readonly TraceResult[], first: number) =>
      side.map(({ sides: [own] }, n) => measurementOf(own!, pathIn(first + n)));
    return compared(measured(runs.before, 0), measured(runs.after, runs.before.length));
  };
  const epochs = alike.shared.map(({ label, at }) => ({
    label,
    makespanNs: compare((run) => `epochs.${at[run]}.makespanNs`),
    faults: compare((run) => `epochs.${at[run]}.faults`),
  }));
  const figures = Object.fromEntries(
    figurePaths(runs.before[0]!.sides[0]!.replay).map((path) => [path, compare(() => path)] as const),
  );
  const unlike = unlikeReasons(runs, counted);
  const unsafe = hasUnclean(runs.after) && !hasUnclean(runs.before);
  return {
    schema: "s2replay-recordings/1",
    verdict: verdictOf(epochs, figures, runs, unlike, unsafe),
    before: sideOf(runs.before),
    after: sideOf(runs.after),
    epochs,
    figures,
    caveats: [...unlike, ...epochCaveats(alike, runs), ...profileCaveats(runs), ...runCaveats(runs)],
  };
}

/** The value and the kind of the number at a path of a side. */
export function measurementOf(side: ResultSide, path: string): Measurement {
  return { value: numberOf(side, path), kind: side.figures[path]?.kind ?? "modelled" };
}

function sideOf(runs: readonly TraceResult[]): RecordingsSide {
  return {
    runs: runs.map(({ trace }) => trace),
    profile: runs[0]!.profile,
    recordedRatio: medianOf(runs.map(({ sides: [side] }) => side!.recordedRatio)),
  };
}

function verdictOf(
  epochs: RecordingsResult["epochs"],
  figures: RecordingsResult["figures"],
  runs: Sides<TraceResult>,
  unlike: readonly Caveat[],
  unsafe: boolean,
): RecordingsVerdict {
  const times = epochs.map(({ label, makespanNs }) => ({ epoch: label as string | null, ...makespanNs }));
  const whole = { epoch: null, ...figures.makespanNs! };
  // Significant changes come before all others.
  const rank = ({ significant }: Compared) => (significant === true ? 1 : 0);
  const [change = whole] = times.sort((a, b) => rank(b) - rank(a) || Math.abs(b.change) - Math.abs(a.change));
  const reasons = unlike.map(({ text }) => text);
  const isUntested = change.significant === null && change.ranges === "apart";
  if (isUntested) reasons.push(untestedText(runs));
  const outcome = (): RecordingsVerdict["outcome"] => {
    if (reasons.length > 0) return "does not tell";
    if (change.significant !== true) return "no significant change";
    return change.change < 0 ? "gain" : "loss";
  };
  return { outcome: outcome(), change, reasons, unsafe };
}

function untestedText({ before, after }: Sides<TraceResult>): string {
  if (before.length === 1 && after.length === 1)
    return `one run a side shows no significant change: how much runs differ is not known, and a test needs ${LEAST_TESTED} a side`;
  return `${before.length} and ${after.length} runs are too few for a test, which needs ${LEAST_TESTED} a side; their ranges lie apart`;
}

const UNCLEAN = "unclean-pages";

function hasUnclean(runs: readonly TraceResult[]): boolean {
  return runs.some(({ caveats }) => caveats.some(({ code }) => code === UNCLEAN));
}

function profileCaveats({ before, after }: Sides<TraceResult>): Caveat[] {
  const [one, other] = [before[0]!.profile.name, after[0]!.profile.name];
  if (one === other) return [];
  return [
    {
      code: "unlike-profiles",
      text: `what is modelled has times of profile ${one} before and of ${other} after: --profile gives both the same`,
    },
  ];
}

/** The caveats of the runs themselves, each once per side. */
function runCaveats(runs: Sides<TraceResult>): Caveat[] {
  const own = (["before", "after"] as const).flatMap((side) => {
    const seen = new Map<string, Caveat>();
    for (const caveat of runs[side].flatMap(({ caveats }) => caveats))
      if (!seen.has(caveat.code + caveat.text)) seen.set(caveat.code + caveat.text, caveat);
    return [...seen.values()].map((caveat) => ({ side, ...caveat }));
  });
  const isOfBoth = ({ code, text }: Caveat) =>
    own.filter((of) => of.code === code && of.text === text).length === 2;
  return own
    .filter((caveat) => caveat.side === "before" || !isOfBoth(caveat))
    .map(({ side, code, text }) => ({
      code,
      text: isOfBoth({ code, text })
        ? text
        : `${runs[side].length === 1 ? side : `a run of ${side}`}: ${text}`,
    }));
}
