/** `--events FILE`: every replayed fault and operation as a line of NDJSON, in order of their ends. */

import { once } from "node:events";
import ndjson from "ndjson";
import { causes } from "../replay/counters.js";
import type { Episode } from "../replay/episode.js";
import { className } from "./episodes/columns.js";
import { Pieces } from "./pieces.js";
import type { WatchReport } from "./watch-report.js";

/** A replayed fault or operation as a plain object. Times: whole ns since the trace's first event. */
export function eventOf(episode: Episode): Readonly<Record<string, unknown>> {
  const { isFault, startNs, thread, vm, line, ipa, faultClass, faultLevel, cause, endNs } = episode;
  return {
    ts_ns: Math.round(startNs),
    event: isFault ? "fault" : "operation",
    thread,
    vm,
    line,
    ipa: `0x${ipa.toString(16)}`,
    ...(isFault
      ? {
          class: className(faultClass),
          level: faultLevel,
          cause: causes[cause],
          wait_ns: Math.round(episode.lockWaitNs),
        }
      : {}),
    end_ns: Math.round(endNs),
  };
}

/** Reports the episodes of the first side. */
export function eventReport(write: (piece: string | Uint8Array) => void): WatchReport {
  const pieces = new Pieces(write);
  const lines = ndjson.stringify();
  lines.on("data", (line: string) => pieces.add(line));
  return {
    ended: (episode) => {
      if (episode.side === 0 && episode.counted) lines.write(eventOf(episode));
    },
    finish: async () => {
      lines.end();
      await once(lines, "end");
      pieces.flush();
    },
  };
}
