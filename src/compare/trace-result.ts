/** The result of a replay, common to diff, compare and replay. */

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

/** One trace replayed under one or more strategies, all compared with the first. Plain data. */
export interface TraceResult {
  readonly kind: ResultKind;
  readonly trace: TraceSummary;
  readonly profile: ProfileSummary;
  /** Null where the recording walker is unknown. */
  readonly selfReplay: SelfReplay | null;
  readonly sides: readonly ResultSide[];
  readonly epochs: readonly ResultEpoch[];
  /** Null where not requested; the same holds for samples and findings. */
  readonly ablation: Ablation | null;
  readonly samples: Samples | null;
  readonly caveats: readonly Caveat[];
  readonly findings: readonly ResultFinding[] | null;
  /** Null where the result was read from a document, which has no memslots. */
  readonly memslots: readonly SeenSlot[] | null;
}

/** A memslot of a VM that faulted, as last set. */
export interface SeenSlot {
  readonly slot: number;
  readonly bytes: number;
}

interface ResultEpoch {
  readonly label: string;
  /** Start in the trace. */
  readonly startNs: number;
}

/** What `--samples` found; the interval of each figure is stored with the figure. */
export interface Samples {
  readonly draws: Draws;
  /** For each side, its changes from the first side, whose own list is empty. */
  readonly changes: readonly (readonly SampledChange[])[];
}

/** What the draws of the profile give for the change of one figure. */
export type SampledChange = NonNullable<DiffResult["samples"]>["figures"][number];

/** One strategy's side of a result. */
export interface ResultSide {
  readonly replay: ReplayResult;
  /** Share of the stall time taken as recorded; the rest is modelled. */
  readonly recordedRatio: number;
  /** One for each epoch of the result. */
  readonly epochs: readonly EpochFigures[];
  /** The kind of each number, by its path in `replay`, as `stallNs.p50`, or in this side, as `epochs.0.makespanNs`. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** The verdict against the first side; null for the first. */
  readonly verdict: Verdict | null;
}

interface EpochFigures {
  readonly makespanNs: number;
  readonly faults: number;
}
