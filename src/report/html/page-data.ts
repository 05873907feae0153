/**
 * What a page's script is told: a JSON text (PageFacts) and packed columns of whole numbers (varint.ts). Both sides of
 * it read this file, so it and what it imports use nothing of Node's and nothing of a browser's.
 */

/** A thread of the host. */
export interface PageLane {
  readonly name: string;
  /** Its thread: comm and pid. */
  readonly thread: string;
  readonly isVcpu: boolean;
  /** Index of its VM; -1 = unknown. */
  readonly vm: number;
}

/** A stretch between two barriers, by side: times on each side's own clock. */
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

/** Rows of each table, by side. */
interface PageCounts {
  readonly episodes: number;
  readonly bins: number;
  readonly repetitions: number;
  readonly stalls: number;
}

export interface PageFacts {
  readonly strategies: readonly string[];
  /** Of whose times some are modelled. */
  readonly modelled: readonly boolean[];
  readonly causes: readonly string[];
  readonly costs: readonly string[];
  readonly operations: readonly string[];
  readonly lanes: readonly PageLane[];
  readonly vms: readonly string[];
  readonly epochs: readonly PageEpoch[];
  /** The epoch that alone is counted; absent = all are. */
  readonly only?: string;
  readonly slots: readonly PageSlot[];
  readonly counts: readonly PageCounts[];
}

/** Columns by name; those of `delta` are stored as differences from row to row. */
export type Layout = readonly (readonly [name: string, delta?: "delta"])[];

/** One row an episode. Times are ns, whole; `..After` counts from the start, -1 = there was none. */
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

/** Faults of one thread, cause and stretch of time, merged. */
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

/** Faults that were counted as like those before them, not replayed. */
export const repetitionLayout = [
  ["segment", "delta"],
  ["startNs", "delta"],
  ["spanNs"],
  ["faults"],
  ["stallNs"],
  ["cause"],
] as const satisfies Layout;

/** The stalls that the result counts: a length, and how many were that long. */
export const stallLayout = [["ns", "delta"], ["count"]] as const satisfies Layout;

type Columns<L extends Layout> = Readonly<Record<L[number][0], Float64Array>>;
export type EpisodeColumns = Columns<typeof episodeLayout>;
export type BinColumns = Columns<typeof binLayout>;
export type RepetitionColumns = Columns<typeof repetitionLayout>;
export type StallColumns = Columns<typeof stallLayout>;
