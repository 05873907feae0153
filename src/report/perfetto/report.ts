/**
 * `--perfetto FILE`: a trace that Perfetto's UI (ui.perfetto.dev) opens. A process for each strategy; below it a track
 * for each vCPU and host thread with its episodes, for each VM's MMU lock with its holds, for windows and tear-downs,
 * and counters of faults. Each strategy's times are its own replay's, ns since the trace's first event.
 */

import type { ReplayStart } from "../../compare/watcher.js";
import { UsageError } from "../../errors.js";
import { EpisodeRow } from "../episodes/columns.js";
import type { WatchReport } from "../watch-report.js";
import { PerfettoSide } from "./side.js";
import { PerfettoWriter } from "./writer.js";

/** Throws UsageError where the name is that of another format. */
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
