/** The page's data, unpacked, with the time axis that all figures share. */

import {
  type BinColumns,
  binLayout,
  type EpisodeColumns,
  episodeLayout,
  type PageFacts,
  type RepetitionColumns,
  repetitionLayout,
  type StallColumns,
  stallLayout,
} from "../page-data.js";
import { ByteSource, readColumns } from "../varint.js";

/** One strategy's replay. The rows of a lane are contiguous, in order of time. */
export interface PageSide {
  readonly name: string;
  readonly mark: string;
  readonly count: number;
  readonly episodes: EpisodeColumns;
  /** For each lane, the index of its first row; one more entry at the end. */
  readonly laneStarts: Uint32Array;
  readonly bins: BinColumns;
  readonly binStarts: Uint32Array;
  readonly repetitions: RepetitionColumns;
  readonly stalls: StallColumns;
  /** For each VM, the rows that held its lock, in the order in which they acquired it. */
  readonly holds: ReadonlyMap<number, Uint32Array>;
  /** Rows with a window, ordered by the time of the window. */
  readonly windows: Uint32Array;
  /** For each epoch, what is added to a time of this side's clock to give one of the axis. */
  readonly shiftNs: Float64Array;
}

/** An interval of the axis. */
export interface Stretch {
  readonly label: string;
  readonly fromNs: number;
  readonly toNs: number;
  /** Length of the epoch for each side. */
  readonly spanNs: readonly number[];
}

export class Model {
  readonly sides: readonly PageSide[];
  stretches: readonly Stretch[] = [];
  /** Whether each epoch begins at the same time for all strategies. */
  aligned = true;
  endNs = 1;

  constructor(
    readonly facts: PageFacts,
    bytes: Uint8Array,
  ) {
    const source = new ByteSource(bytes);
    this.sides = facts.counts.map((count, side): PageSide => {
      const episodes = readColumns(source, episodeLayout, count.episodes);
      const bins = readColumns(source, binLayout, count.bins);
      const repetitions = readColumns(source, repetitionLayout, count.repetitions);
      const stalls = readColumns(source, stallLayout, count.stalls);
      return {
        name: facts.strategies[side]!,
        mark: facts.modelled[side] === true ? "~" : "",
        count: count.episodes,
        episodes,
        laneStarts: startsOf(episodes.lane, facts.lanes.length),
        bins,
        binStarts: startsOf(bins.lane, facts.lanes.length),
        repetitions,
        stalls,
        holds: new Map(
          vmsOf(episodes).map((vm) => [
            vm,
            inTime(
              episodes,
              episodes.lockedAfter,
              (row) => episodes.lockedAfter[row]! >= 0 && episodes.vm[row] === vm,
            ),
          ]),
        ),
        windows: inTime(episodes, episodes.brokenAfter, (row) => episodes.windows[row]! > 0),
        shiftNs: new Float64Array(facts.epochs.length + 1),
      };
    });
    this.align(true);
  }

  /** Start on the axis, ns. */
  startOf(side: PageSide, row: number): number {
    return side.episodes.startNs[row]! + side.shiftNs[side.episodes.segment[row]!]!;
  }

  align(aligned: boolean): void {
    this.aligned = aligned;
    const { epochs } = this.facts;
    const stretches: Stretch[] = [];
    let fromNs = Math.min(...(epochs[0]?.startNs ?? [0]));
    epochs.forEach((epoch, index) => {
      const next = epochs[index + 1];
      for (const [side, of] of this.sides.entries())
        of.shiftNs[index] = aligned ? fromNs - epoch.startNs[side]! : 0;
      const start = aligned ? fromNs : epoch.startNs[0]!;
      stretches.push({
        label: epoch.label === "" ? `#${index + 1}` : epoch.label,
        fromNs: start,
        toNs: start + Math.max(...epoch.makespanNs),
        spanNs: epoch.makespanNs,
      });
      const apart = epoch.startNs.map((ns, side) =>
        next === undefined ? epoch.makespanNs[side]! : next.startNs[side]! - ns,
      );
      fromNs += Math.max(...apart);
    });
    this.stretches = stretches;
    this.endNs = Math.max(
      1,
      ...stretches.map(({ toNs }) => toNs),
      ...this.sides.map((side) => this.lastOf(side)),
    );
  }

  /** First row of the lane that ends at or after `ns`, by binary search; rows of a lane do not overlap. */
  firstAfter(side: PageSide, lane: number, ns: number): number {
    let low = side.laneStarts[lane]!;
    let high = side.laneStarts[lane + 1]!;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.startOf(side, middle) + side.episodes.spanNs[middle]! < ns) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private lastOf(side: PageSide): number {
    let last = 0;
    for (let row = 0; row < side.count; row++) {
      const ns = this.startOf(side, row) + side.episodes.spanNs[row]!;
      if (ns > last) last = ns;
    }
    return last;
  }
}

function vmsOf({ vm, lockedAfter }: EpisodeColumns): number[] {
  const vms = new Set<number>();
  let last = Number.NaN;
  for (let row = 0; row < vm.length; row++) {
    if (vm[row] === last || lockedAfter[row]! < 0) continue;
    last = vm[row]!;
    vms.add(last);
  }
  return [...vms].sort((a, b) => a - b);
}

/** The rows for which `is` holds, ordered by start plus `after`. */
function inTime({ startNs }: EpisodeColumns, after: Float64Array, is: (row: number) => boolean): Uint32Array {
  const rows: number[] = [];
  for (let row = 0; row < startNs.length; row++) if (is(row)) rows.push(row);
  const times = startNs.map((ns, row) => ns + after[row]!);
  // A plain array's sort makes use of the existing order within lanes, a typed array's does not.
  return Uint32Array.from(rows.sort((a, b) => times[a]! - times[b]!));
}

function startsOf(lane: Float64Array, lanes: number): Uint32Array {
  const starts = new Uint32Array(lanes + 1);
  for (const of of lane) starts[of + 1]!++;
  for (let at = 0; at < lanes; at++) starts[at + 1]! += starts[at]!;
  return starts;
}

/** Decompresses the data in the page. */
export async function unpack(text: string): Promise<Uint8Array> {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
