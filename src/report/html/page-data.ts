/**
 * The data for a page's script: a JSON text (PageFacts) and packed columns of whole numbers (varint.ts). Both the
 * program and the script include this file, so it and its imports must use neither Node's nor a browser's API.
 */

/** A thread of the host. */
export interface PageLane {
  readonly name: string;
  /** comm and pid of the thread. */
  readonly thread: string;
  readonly isVcpu: boolean;
  /** Index of its VM; -1 = unknown. */
  readonly vm: number;
}

/** The interval between two barriers; times for each side, on the side's own clock. */
export interface PageEpoch {
  readonly label: string;
  readonly startNs: readonly number[];
  readonly makespanNs: readonly number[];
}

interface PageSlot {
  readonly slot: number;
  readonly start: number;
  readonly end: number;
}

/** Numbers of rows in the tables of one side. */
interface PageCounts {
  readonly episodes: number;
  readonly bins: number;
  readonly repetitions: number;
  readonly stalls: number;
}

export interface PageFacts {
  readonly strategies: readonly string[];
  /** Whether some of the strategy's times are modelled. */
  readonly modelled: readonly boolean[];
  readonly causes: readonly string[];
  readonly costs: readonly string[];
  readonly operations: readonly string[];
  readonly lanes: readonly PageLane[];
  readonly vms: readonly string[];
  readonly epochs: readonly PageEpoch[];
  /** The only epoch that is counted; absent = all are. */
  readonly only?: string;
  readonly slots: readonly PageSlot[];
  readonly counts: readonly PageCounts[];
}

/** Column names; columns with `delta` are stored as differences between rows. */
export type Layout = readonly (readonly [name: string, delta?: "delta"])[];

/** One row per episode. Times are whole ns; `..After` is relative to the start, -1 = it did not happen. */
export const episodeLayout = [
  ["lane", "delta"],
  ["segment", "delta"],
  ["startNs", "delta"],
  ["spanNs"],
  ["line", "delta"],
  ["vm", "delta"],
  ["ipa", "delta"],
  ["esr", "delta"],
  ["isFault", "delta"],
  ["counted", "delta"],
  ["faultClass", "delta"],
  ["faultLevel", "delta"],
  ["cause", "delta"],
  ["laps", "delta"],
  ["operation", "delta"],
  ["operationOffset", "delta"],
  ["operationBytes", "delta"],
  ["operations", "delta"],
  ["splits"],
  ["windows"],
  ["lockedAfter"],
  ["heldNs"],
  ["brokenAfter"],
  ["windowNs"],
  ["teardownAfter"],
  ["teardownNs"],
  ["exit", "delta"],
  ["handler", "delta"],
  ["lockWait"],
  ["retry", "delta"],
  ["cpuWait"],
  ["walk", "delta"],
  ["tlbi", "delta"],
  ["clean", "delta"],
  ["teardown"],
] as const satisfies Layout;

/** Merged faults of one thread, cause and interval. */
export const binLayout = [
  ["lane", "delta"],
  ["segment", "delta"],
  ["startNs", "delta"],
  ["spanNs"],
  ["cause"],
  ["faults"],
  ["stallNs"],
  ["lockWait"],
] as const satisfies Layout;

/** Faults that were counted as repetitions of earlier ones instead of being replayed. */
export const repetitionLayout = [
  ["segment", "delta"],
  ["startNs", "delta"],
  ["spanNs"],
  ["faults"],
  ["stallNs"],
  ["cause"],
] as const satisfies Layout;

/** The stalls that the result counts: a length, and the number of stalls of that length. */
export const stallLayout = [["ns", "delta"], ["count"]] as const satisfies Layout;

type Columns<L extends Layout> = Readonly<Record<L[number][0], Float64Array>>;
export type EpisodeColumns = Columns<typeof episodeLayout>;
export type BinColumns = Columns<typeof binLayout>;
export type RepetitionColumns = Columns<typeof repetitionLayout>;
export type StallColumns = Columns<typeof stallLayout>;
