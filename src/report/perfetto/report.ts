/**
 * `--perfetto FILE`: a trace for Perfetto's UI (ui.perfetto.dev). It has a process for each strategy; below it tracks
 * with the episodes of each vCPU and host thread, the holds of each VM's MMU lock, windows and tear-downs, and counters
 * of faults. The times are those of each strategy's own replay, in ns since the trace's first event.
 */

import type { ReplayStart } from "../../compare/watcher.js";
import { UsageError } from "../../errors.js";
import { EpisodeRow } from "../episodes/columns.js";
import type { WatchReport } from "../watch-report.js";
import { PerfettoSide } from "./side.js";
import { PerfettoWriter } from "./writer.js";

/** Throws UsageError if the name has the ending of another format. */
export function perfettoReport(
  start: ReplayStart,
  write: (piece: Uint8Array) => void,
  name: string,
): WatchReport {
  if (/\.(json|gz)$/.test(name))
    throw new UsageError(
      `--perfetto ${name}: expected a name such as trace.pftrace: it is protobuf, not packed`,
    );
  const writer = new PerfettoWriter(write);
  const row = new EpisodeRow(start);
  const sides = start.sides.map((_, side) => new PerfettoSide(writer, row, start, side));
  return {
    ended: (episode) => {
      if (!episode.counted || episode.side < 0) return;
      row.take(episode);
      sides[episode.side]?.add(episode);
    },
    finish: (result) => {
      for (const side of sides) side.finish(result);
      writer.flush();
    },
  };
}
