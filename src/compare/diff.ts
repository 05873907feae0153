/** The library's replay functions. They return documents instead of results. */

import { compareDocument, diffDocument, replayDocument, resultOfDocument } from "./documents.js";
import type { CompareOptions, DiffOptions, ReplayOptions, SidesOptions } from "./options.js";
import { replayUnder } from "./replay-under.js";
import type { CompareResult, DiffResult, ReplayRunResult } from "./result.js";
import { type SampleOptions, sampled } from "./samples.js";

/** A diff of two named sides that another thread can run. */
export type DiffJob = Omit<DiffOptions, "onProgress" | "observer"> &
  Required<Pick<DiffOptions, "base" | "candidate">>;

/** The options of a diff in the form that every kind of replay uses. */
export function sidesOfDiff({ base, candidate, ...options }: DiffOptions): SidesOptions {
  return { ...options, kind: "diff", strategies: [base, candidate] };
}

function sidesOfReplay({ strategy, ...options }: ReplayOptions): SidesOptions {
  return { ...options, kind: "replay", strategies: [strategy] };
}

/** Replays a trace under two strategies. Throws UsageError, TraceFormatError, UnsupportedTraceError, StrategyError. */
export async function diffTrace(options: DiffOptions): Promise<DiffResult> {
  return diffDocument(await replayUnder(sidesOfDiff(options)));
}

/** Replays a trace under several strategies in one pass. Throws as diffTrace does. */
export async function compareTrace(options: CompareOptions): Promise<CompareResult> {
  return compareDocument(await replayUnder({ ...options, kind: "compare" }));
}

/** Replays a trace under one strategy. Throws as diffTrace does. */
export async function replayTrace(options: ReplayOptions): Promise<ReplayRunResult> {
  return replayDocument(await replayUnder(sidesOfReplay(options)));
}

/** The result of `diffTrace(options)` with what the draws of the profile give: see `sampled`. */
export async function sampleDiff(
  result: DiffResult,
  options: DiffOptions,
  sampling: SampleOptions,
): Promise<DiffResult> {
  return diffDocument(await sampled(resultOfDocument(result), sidesOfDiff(options), sampling));
}

/** The result of `compareTrace(options)`, each figure with its interval in the draws. */
export async function sampleCompare(
  result: CompareResult,
  options: CompareOptions,
  sampling: SampleOptions,
): Promise<CompareResult> {
  return compareDocument(await sampled(resultOfDocument(result), { ...options, kind: "compare" }, sampling));
}

/** The result of `replayTrace(options)`, each figure with its interval in the draws. */
export async function sampleReplay(
  result: ReplayRunResult,
  options: ReplayOptions,
  sampling: SampleOptions,
): Promise<ReplayRunResult> {
  return replayDocument(await sampled(resultOfDocument(result), sidesOfReplay(options), sampling));
}
