/** The files that commands write beside their results. */

import { eventReport } from "../report/events.js";
import type { WatchFileKind } from "./watch-files.js";

/** Those of every command that replays a trace. */
export const watchKinds: readonly WatchFileKind[] = [];

export const eventsFile: WatchFileKind = {
  option: "events",
  describe: "write every replayed fault and operation to this NDJSON file",
  hearsRepetitions: false,
  report: (_start, write) => eventReport(write),
};
