/** The episodes of one side that a page shows: single ones up to a limit; beyond it the shorter stalls become sums. */

import { Cause, Cost, causes, costs } from "../../replay/counters.js";
import type { Episode } from "../../replay/episode.js";
import type { Repetition } from "../../replay/observer.js";
import { FaultBins, Repetitions } from "./merged-faults.js";
import { episodeLayout } from "./page-data.js";
import { GrowingColumns } from "./rows.js";
import { StallCounts } from "./stall-counts.js";

/** Added to the score of episodes that are kept before all others. */
const ALWAYS = 2 ** 44;
const GOLDEN = 0.618033988749895;

export class EpisodeTable {
  readonly rows = new GrowingColumns([...episodeLayout, ["score"]] as const);
  readonly bins = new FaultBins();
  readonly repetitions = new Repetitions();
  readonly stalls = new StallCounts();
  /** Number of episodes that are only in the bins, and of faults that are only in repetitions. */
  merged = 0;
  repeated = 0;
  private told = 0;
  /** Episodes with at most this score are merged. */
  private leastScore = Number.NEGATIVE_INFINITY;

  constructor(private readonly limit: number) {}

  add(episode: Episode): void {
    if (episode.isFault && episode.counted) this.stalls.add(Math.round(episode.stallNs), 1);
    // The added fraction makes the ones kept among equal episodes spread over the trace.
    const score = scoreOf(episode) + ((GOLDEN * ++this.told) % 1);
    if (score <= this.leastScore) {
      this.merge(
        episode.thread,
        episode.epochNumber,
        Math.round(episode.startNs),
        causeOf(episode),
        Math.round(episode.stallNs),
        Math.round(episode.lockWaitNs),
      );
      return;
    }
    if (this.rows.count === this.limit) this.thin();
    this.put(episode, score);
  }

  repeat({ epochNumber, startNs, endNs, byCause, stalls }: Repetition): void {
    let stallNs = 0;
    let faults = 0;
    for (const [ns, count] of stalls) {
      this.stalls.add(ns, count);
      stallNs += ns * count;
    }
    let cause = 0;
    byCause.forEach((count, at) => {
      faults += count;
      if (count > byCause[cause]!) cause = at;
    });
    if (faults === 0) return;
    this.repeated += faults;
    this.repetitions.add(epochNumber, Math.round(startNs), Math.round(endNs), faults, stallNs, cause);
  }

  private put(episode: Episode, score: number): void {
    const row = this.rows.append();
    const { columns } = this.rows;
    const startNs = Math.round(episode.startNs);
    const after = (ns: number) => (Number.isNaN(ns) ? -1 : Math.max(0, Math.round(ns) - startNs));
    const between = (from: number, to: number) =>
      Number.isNaN(from) || Number.isNaN(to) ? 0 : Math.max(0, Math.round(to) - Math.round(from));
    columns.score[row] = score;
    columns.lane[row] = episode.thread;
    columns.segment[row] = episode.epochNumber;
    columns.startNs[row] = startNs;
    columns.spanNs[row] = Math.round(episode.endNs) - startNs;
    columns.line[row] = episode.line;
    columns.vm[row] = episode.vm;
    columns.ipa[row] = episode.ipa;
    columns.esr[row] = episode.esr;
    columns.isFault[row] = Number(episode.isFault);
    columns.counted[row] = Number(episode.counted);
    columns.faultClass[row] = episode.faultClass;
    columns.faultLevel[row] = episode.faultLevel;
    columns.cause[row] = causeOf(episode);
    columns.laps[row] = episode.laps;
    columns.operation[row] = episode.operation;
    columns.operationOffset[row] = Number.isNaN(episode.operationIpa)
      ? 0
      : episode.operationIpa - episode.ipa;
    columns.operationBytes[row] = Number.isNaN(episode.operationBytes) ? 0 : episode.operationBytes;
    columns.operations[row] = episode.operations;
    columns.splits[row] = episode.splits;
    columns.windows[row] = episode.windows;
    columns.lockedAfter[row] = after(episode.lockedNs);
    columns.heldNs[row] = between(episode.lockedNs, episode.unlockedNs);
    columns.brokenAfter[row] = after(episode.brokenNs);
    columns.windowNs[row] = between(episode.brokenNs, episode.installedNs);
    columns.teardownAfter[row] = after(episode.teardownNs);
    columns.teardownNs[row] = between(episode.teardownNs, episode.tornDownNs);
    for (const cost of costs) columns[cost][row] = Math.round(episode.costNs[Cost[cost]] as number);
  }

  /** Merges at least half of the rows into sums. */
  private thin(): void {
    const { columns, count } = this.rows;
    this.leastScore = columns.score.slice(0, count).sort()[count >> 1]!;
    this.rows.retain((row) => {
      if (columns.score[row]! > this.leastScore) return true;
      this.merge(
        columns.lane[row]!,
        columns.segment[row]!,
        columns.startNs[row]!,
        columns.cause[row]!,
        columns.spanNs[row]!,
        columns.lockWait[row]!,
      );
      return false;
    });
  }

  private merge(
    thread: number,
    segment: number,
    startNs: number,
    cause: number,
    stallNs: number,
    lockWaitNs: number,
  ): void {
    this.merged++;
    this.bins.add({ thread, segment, startNs, cause, faults: 1, stallNs, lockWaitNs });
  }
}

/** The cause of a fault; a host operation, which has none, gets the number after the last cause. */
function causeOf(episode: Episode): number {
  return episode.isFault ? episode.cause : causes.length;
}

/** Windows and their effects on others are kept longest, then the longest stalls; uncounted episodes go first. */
function scoreOf({ counted, isFault, windows, cause, startNs, endNs }: Episode): number {
  if (!counted) return -1;
  const isRare = !isFault || windows > 0 || cause === Cause.coalesceTrigger || cause === Cause.brokenWindow;
  return Math.round(endNs - startNs) + (isRare ? ALWAYS : 0);
}
