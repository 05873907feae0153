/** The library: what the command line is built on. */

export { type CalibrateOptions, calibrateTraces } from "./compare/calibrate.js";
export {
  compareTrace,
  diffTrace,
  replayTrace,
  sampleCompare,
  sampleDiff,
  sampleReplay,
} from "./compare/diff.js";
export { type Expression, parseExpression } from "./compare/expression.js";
export type {
  CompareOptions,
  DiffOptions,
  IpaRange,
  Progress,
  ReplayOptions,
  TraceOptions,
  WhatIf,
} from "./compare/options.js";
export { type PredictionOptions, validatePrediction } from "./compare/prediction.js";
export { compareRecordings, type RecordedRuns, type RecordingsOptions } from "./compare/recordings.js";
export {
  type Caveat,
  type CompareResult,
  compareSchema,
  type DiffResult,
  diffSchema,
  type FaultCause,
  type Figure,
  type FigureKind,
  jsonSchemaOf,
  type ProfileSummary,
  type ReplayResult,
  type ReplayRunResult,
  replaySchema,
  type SelfReplay,
  type StallCost,
  type TraceSummary,
} from "./compare/result.js";
export { type PredictionResult, type PredictionRow, predictionSchema } from "./compare/result-prediction.js";
export { type Compared, type RecordingsResult, recordingsSchema } from "./compare/result-recordings.js";
export { type SelfReplayResult, selfReplaySchema } from "./compare/result-self-replay.js";
export { type SweepPoint, sweepSchema } from "./compare/result-sweep.js";
export { type ValidateResult, validateSchema } from "./compare/result-validate.js";
export type { SampleOptions } from "./compare/samples.js";
export { selfReplayTrace } from "./compare/self-replay.js";
export { type SweepAxis, type SweepOptions, type SweepResult, sweep } from "./compare/sweep.js";
export type { SweepValue } from "./compare/sweep-parameter.js";
export { validateTrace } from "./compare/validate.js";
export type { ReplayStart, Watcher } from "./compare/watcher.js";
export type { Calibration } from "./cost/calibrate.js";
export { type CostProfile, type FigureName, loadProfile } from "./cost/profile.js";
export { ModelError, StrategyError, TraceFormatError, UnsupportedTraceError, UsageError } from "./errors.js";
export { Aliases } from "./import/aliases.js";
export { ImportedTraces } from "./import/import-traces.js";
export { type OpenTraceOptions, openTrace } from "./import/open-trace.js";
export type { ImportOptions } from "./import/recording-source.js";
export type { Episode } from "./replay/episode.js";
export type { Observer, Repetition } from "./replay/observer.js";
export { renderJson, renderMarkdown, renderText } from "./report/published.js";
export type { Visit, Visitor } from "./stage2/visit.js";
export { strategies, strategyByName } from "./strategy/index.js";
export { strategyOfKernel } from "./strategy/kernel-release.js";
export { loadStrategy } from "./strategy/load.js";
export { Stage2 } from "./strategy/stage2.js";
export type { Strategy } from "./strategy/strategy.js";
export {
  type Contradiction,
  EventBatch,
  eventNames,
  Kind,
  type ReaderReport,
  type StringTable,
  type TraceHeader,
  type TraceSource,
} from "./trace/event.js";
export type { HeaderFields, RecordedMachine } from "./trace/header.js";
export type { DescribedWorkload } from "./workload/workload.js";
