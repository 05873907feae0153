/** What a caller of the replayer asks for; the command line fills these in from its arguments. */

import type { ProfileDocument } from "../cost/profile.js";
import type { ImportOptions } from "../import/recording-source.js";
import type { CostFactors, ScalableCost } from "../replay/cost-scale.js";
import type { RecordedMachine } from "../trace/header.js";
import type { DescribedWorkload } from "../workload/workload.js";
import type { Watcher } from "./watcher.js";

/** How far a run has come. `totalBytes` is absent where the input's size is unknown (standard input). */
export interface Progress {
  readonly doneBytes: number;
  readonly totalBytes?: number;
}

/** Guest-physical range `[start, end)`, bytes. */
export interface IpaRange {
  readonly start: number;
  readonly end: number;
}

/** A machine that did not record the trace, as far as it differs from the one that did. */
export type WhatIf = Pick<RecordedMachine, "pcpus" | "lock_wait">;

/** What `diffTrace` and `replayTrace` have in common. */
export interface TraceOptions {
  /** A trace or a recording that import reads, plain or compressed; `-` is standard input. Or a described workload. */
  readonly input: string | DescribedWorkload;
  /** What to call the input, in place of its path. */
  readonly name?: string;
  /** How a recording of another format is read. */
  readonly import?: ImportOptions;
  /** A built-in profile's name, a JSON file or what it holds, or `fit`: fitted on the trace, which is read twice. Default: `emulated` where the trace's waiters sleep, else `kunpeng920`. */
  readonly profile?: string | ProfileDocument;
  /** Skip and count malformed lines instead of refusing the trace. */
  readonly lenient: boolean;
  /** What the caller knows of the machine that recorded the trace: wins over the header. Its walker may be an ES module, too. */
  readonly recording?: RecordedMachine;
  /** What of the machine is to be another than it was: all sides are then simulated. */
  readonly whatIf?: WhatIf;
  /** Count only what happens in the VM of this name: its table's pointer, or the events' own `vm`. */
  readonly vm?: string;
  /** Count only what happens in this memslot. */
  readonly slot?: number;
  /** Count only what happens in this range. */
  readonly ipa?: IpaRange;
  /** Count only this epoch. */
  readonly epoch?: string;
  /** A silence of this length or more cuts the trace into epochs. */
  readonly epochGapNs?: number;
  /** How far events of different CPUs may be out of order in the file. */
  readonly reorderWindowNs?: number;
  /** Whether a sanitizer watches the tables: it finds what would be wrong on a machine. */
  readonly sanitize?: boolean;
  /** What the costs of the strategies are multiplied with, recorded or modelled. Default: they are as they are. */
  readonly scale?: CostFactors;
  /** Replays this draw of the accesses' times, each within its exit path of the recorded one. Default: as recorded. */
  readonly arrivalSeed?: number;
  /** Told of each replayed fault and operation of every side. */
  readonly observer?: Watcher;
  readonly onProgress?: (progress: Progress) => void;
}

/** Which command a result is of: its document, and what its columns are called, hang on it. */
export type ResultKind = "diff" | "compare" | "replay";

/** What every kind of replay comes down to. */
export interface SidesOptions extends TraceOptions {
  readonly kind: ResultKind;
  /**
   * Names, kernel releases and modules; the others are set against the first. Undefined: the first is the recording walker
   * where that is known, else pre-patch; and against pre-patch another is post-patch.
   */
  readonly strategies: readonly (string | undefined)[];
  /** Costs to run all strategies without, each in turn. */
  readonly ablate?: readonly ScalableCost[];
  /** Of a diff: reads the input once more, without the cost that changes most, for the verdict to say what it explains. */
  readonly explain?: boolean;
}

export interface DiffOptions extends TraceOptions {
  /** A built-in strategy's name, a kernel release, or an ES module. Default: the recording walker; where it is not known, pre-patch. */
  readonly base?: string;
  /** Default, against pre-patch alone: post-patch. */
  readonly candidate?: string;
  /** Costs to run both strategies without, each in turn. */
  readonly ablate?: readonly ScalableCost[];
  /** Reads the input once more, without the cost that changes most, for the verdict to say what that explains. */
  readonly explain?: boolean;
}

export interface CompareOptions extends TraceOptions {
  /** Names and modules; the others are set against the first. */
  readonly strategies: readonly string[];
}

export interface ReplayOptions extends TraceOptions {
  readonly strategy: string;
}
