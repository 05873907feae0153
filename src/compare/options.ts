/** What a caller requests of the replayer; the command line fills these in from its arguments. */

import type { ProfileDocument } from "../cost/profile.js";
import type { ImportOptions } from "../import/recording-source.js";
import type { CostFactors, ScalableCost } from "../replay/cost-scale.js";
import type { RecordedMachine } from "../trace/header.js";
import type { DescribedWorkload } from "../workload/workload.js";
import type { Watcher } from "./watcher.js";

/** Progress of a run. `totalBytes` is absent where the input's size is unknown (standard input). */
export interface Progress {
  readonly doneBytes: number;
  readonly totalBytes?: number;
}

/** Guest-physical range `[start, end)`, bytes. */
export interface IpaRange {
  readonly start: number;
  readonly end: number;
}

/** A machine other than the recording one, given by the facts in which it differs. */
export type WhatIf = Pick<RecordedMachine, "pcpus" | "lock_wait">;

/** What `diffTrace` and `replayTrace` have in common. */
export interface TraceOptions {
  /** A trace, or a recording that import reads, plain or compressed; `-` is standard input. Or a described workload. */
  readonly input: string | DescribedWorkload;
  /** A name for the input, instead of its path. */
  readonly name?: string;
  /** How a recording of another format is read. */
  readonly import?: ImportOptions;
  /**
   * A built-in profile's name, a JSON file or its contents, or `fit`, which fits one on the trace and reads that twice.
   * Default: `emulated` where the trace's waiters sleep, else `kunpeng920`.
   */
  readonly profile?: string | ProfileDocument;
  /** Skip and count malformed lines instead of refusing the trace. */
  readonly lenient: boolean;
  /** What the caller knows of the recording machine; overrides the header. Its walker may also be an ES module. */
  readonly recording?: RecordedMachine;
  /** What differs from the recording machine; all sides are then simulated. */
  readonly whatIf?: WhatIf;
  /** Count only what happens in the VM of this name, which is its table's pointer or the events' own `vm`. */
  readonly vm?: string;
  /** Count only what happens in this memslot. */
  readonly slot?: number;
  /** Count only what happens in this range. */
  readonly ipa?: IpaRange;
  /** Count only this epoch. */
  readonly epoch?: string;
  /** A silence of at least this length starts a new epoch. */
  readonly epochGapNs?: number;
  /** How far events of different CPUs may be out of order in the file. */
  readonly reorderWindowNs?: number;
  /** Whether a sanitizer watches the tables and finds what would be wrong on a machine. */
  readonly sanitize?: boolean;
  /** Factors for the costs of the strategies, recorded or modelled. Default: 1. */
  readonly scale?: CostFactors;
  /** Seed of a draw of access times, each within one exit path of the recorded time. Default: the recorded times. */
  readonly arrivalSeed?: number;
  /** Is told of each replayed fault and operation of every side. */
  readonly observer?: Watcher;
  readonly onProgress?: (progress: Progress) => void;
}

/** The command that a result is of; it determines the document and the names of its columns. */
export type ResultKind = "diff" | "compare" | "replay";

/** The options that every kind of replay is reduced to. */
export interface SidesOptions extends TraceOptions {
  readonly kind: ResultKind;
  /**
   * Names, kernel releases and modules; all are compared with the first. An undefined first one is the recording walker
   * if that is known, else pre-patch. An undefined later one is post-patch, if the first is pre-patch.
   */
  readonly strategies: readonly (string | undefined)[];
  /** Costs to run all strategies without, one at a time. */
  readonly ablate?: readonly ScalableCost[];
  /** For a diff: reads the input again without the cost that changes most, to say in the verdict what it explains. */
  readonly explain?: boolean;
}

export interface DiffOptions extends TraceOptions {
  /** A built-in strategy's name, a kernel release, or an ES module. Default: the recording walker, else pre-patch. */
  readonly base?: string;
  /** Default, only against pre-patch: post-patch. */
  readonly candidate?: string;
  /** Costs to run both strategies without, one at a time. */
  readonly ablate?: readonly ScalableCost[];
  /** Reads the input again without the cost that changes most, to say in the verdict what it explains. */
  readonly explain?: boolean;
}

export interface CompareOptions extends TraceOptions {
  /** Names, kernel releases and modules; all are compared with the first. */
  readonly strategies: readonly string[];
}

export interface ReplayOptions extends TraceOptions {
  readonly strategy: string;
}
