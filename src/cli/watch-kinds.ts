/** The files that commands write beside their results. */

import { thisProgram } from "./this-program.js";
import type { WatchFileKind } from "./watch-files.js";

const episodesFile: WatchFileKind = {
  option: "episodes",
  describe:
    "write every replayed fault and operation of every strategy to this file: .ndjson, .csv (both also .gz) or .parquet; columns: s2replay schema episodes",
  hearsRepetitions: false,
  load: async () => (await import("../report/episodes/report.js")).episodeReport,
};

const htmlFile: WatchFileKind = {
  option: "html",
  describe:
    "write the result as one page to this file: figures, timeline, address map; opens in a browser, offline",
  hearsRepetitions: true,
  load: async () => {
    const { htmlReport } = await import("../report/html/report.js");
    return (start, write) => htmlReport(start, write, thisProgram());
  },
};

const perfettoFile: WatchFileKind = {
  option: "perfetto",
  describe: "write a trace of the replayed episodes to this file, for Perfetto's UI (ui.perfetto.dev)",
  hearsRepetitions: false,
  load: async () => (await import("../report/perfetto/report.js")).perfettoReport,
};

/** Those of every command that replays a trace. */
export const watchKinds: readonly WatchFileKind[] = [htmlFile, episodesFile, perfettoFile];

export const eventsFile: WatchFileKind = {
  option: "events",
  describe: "write every replayed fault and operation to this NDJSON file",
  hearsRepetitions: false,
  load: async () => {
    const { eventReport } = await import("../report/events.js");
    return (_start, write) => eventReport(write);
  },
};
