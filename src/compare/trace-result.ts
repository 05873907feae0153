/** What a trace came to: the one result that diff, compare and replay are kinds of. */

import type { Ablation } from "./ablation.js";
import type { ResultKind } from "./options.js";
import type {
  Caveat,
  DiffResult,
  Draws,
  Figure,
  ProfileSummary,
  ReplayResult,
  ResultFinding,
  SelfReplay,
  TraceSummary,
  Verdict,
} from "./result.js";

/** One trace replayed under one strategy or several, which are set against the first. Plain data. */
export interface TraceResult {
  readonly kind: ResultKind;
  readonly trace: TraceSummary;
  readonly profile: ProfileSummary;
  /** Null where the recording walker is unknown. */
  readonly selfReplay: SelfReplay | null;
  readonly sides: readonly ResultSide[];
  readonly epochs: readonly ResultEpoch[];
  /** Null where it was not asked for, as samples and findings are. */
  readonly ablation: Ablation | null;
  readonly samples: Samples | null;
  readonly caveats: readonly Caveat[];
  readonly findings: readonly ResultFinding[] | null;
  /** Null where a document tells the result: none has them. */
  readonly memslots: readonly SeenSlot[] | null;
}

/** A memslot of a VM that faulted, as last set. */
export interface SeenSlot {
  readonly slot: number;
  readonly bytes: number;
}

interface ResultEpoch {
  readonly label: string;
  /** In the trace. */
  readonly startNs: number;
}

/** What `--samples` found; the interval of each figure is with the figure. */
export interface Samples {
  readonly draws: Draws;
  /** By side: its changes from the first one, which has none itself. */
  readonly changes: readonly (readonly SampledChange[])[];
}

/** What draws of the profile make of one figure's change. */
export type SampledChange = NonNullable<DiffResult["samples"]>["figures"][number];

/** One strategy's side of a result. */
export interface ResultSide {
  readonly replay: ReplayResult;
  /** Share of the stall time taken as recorded; the rest is modelled. */
  readonly recordedRatio: number;
  /** One for each epoch of the result. */
  readonly epochs: readonly EpochFigures[];
  /** What each number is, by its path in `replay`, as `stallNs.p50`, or in this side, as `epochs.0.makespanNs`. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** Against the first side; null of the first. */
  readonly verdict: Verdict | null;
}

interface EpochFigures {
  readonly makespanNs: number;
  readonly faults: number;
}
