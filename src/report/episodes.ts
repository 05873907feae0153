/** `--episodes FILE`: every counted episode of every side as a row, in the order in which the replay has done with them. */

import { once } from "node:events";
import ndjson from "ndjson";
import type { ReplayStart } from "../compare/watcher.js";
import { UsageError } from "../errors.js";
import type { Episode } from "../replay/episode.js";
import { csvRow } from "./csv.js";
import { cellOf, EpisodeRow, episodeColumns } from "./episode-columns.js";
import { parquetRows } from "./episodes-parquet.js";
import { Pieces } from "./pieces.js";
import type { AnyResult } from "./rows.js";
import type { WatchReport } from "./watch-report.js";

/** Rows of one format. */
export interface EpisodeRows {
  add(episode: Episode, row: EpisodeRow): void;
  finish(result: AnyResult): void | Promise<void>;
}

type Write = (piece: string | Uint8Array) => void;

/** By the end of a file's name. */
const formats: Readonly<Record<string, (write: Write) => EpisodeRows>> = {
  ".ndjson": (write) => ndjsonRows(new Pieces(write)),
  ".ndjson.gz": (write) => ndjsonRows(new Pieces(write, true)),
  ".csv": (write) => csvRows(new Pieces(write)),
  ".csv.gz": (write) => csvRows(new Pieces(write, true)),
  ".parquet": parquetRows,
};

/** Throws UsageError where `name` tells no format. */
export function episodeReport(start: ReplayStart, write: Write, name: string): WatchReport {
  const ending = Object.keys(formats).find((known) => name.endsWith(known));
  if (ending === undefined)
    throw new UsageError(
      `--episodes ${name}: expected a name that ends in ${Object.keys(formats).join(", ")}`,
    );
  const rows = (formats[ending] as (write: Write) => EpisodeRows)(write);
  const row = new EpisodeRow(start);
  return {
    ended: (episode) => {
      if (episode.side < 0 || !episode.counted) return;
      row.take(episode);
      rows.add(episode, row);
    },
    finish: (result) => rows.finish(result),
  };
}

function csvRows(pieces: Pieces): EpisodeRows {
  pieces.add(csvRow(episodeColumns.map(({ name }) => name)));
  return {
    add: (episode, row) => pieces.add(csvRow(episodeColumns.map((column) => cellOf(column, episode, row)))),
    finish: () => pieces.flush(),
  };
}

function ndjsonRows(pieces: Pieces): EpisodeRows {
  const lines = ndjson.stringify();
  lines.on("data", (line: string) => pieces.add(line));
  return {
    add: (episode, row) => {
      lines.write(
        Object.fromEntries(episodeColumns.map((column) => [column.name, cellOf(column, episode, row)])),
      );
    },
    finish: async () => {
      lines.end();
      await once(lines, "end");
      pieces.flush();
    },
  };
}
