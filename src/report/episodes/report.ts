/** `--episodes FILE`: every counted episode of every side as a row, in order of their ends for each strategy. */

import { once } from "node:events";
import ndjson from "ndjson";
import type { ReplayStart } from "../../compare/watcher.js";
import { UsageError } from "../../errors.js";
import { csvRow } from "../csv.js";
import { Pieces } from "../pieces.js";
import type { WatchReport } from "../watch-report.js";
import { type Cell, EpisodeRow, episodeColumns, textCells } from "./columns.js";
import { EndOrder } from "./end-order.js";
import { parquetRows } from "./parquet.js";
import type { EpisodeRows } from "./rows.js";

type Write = (piece: string | Uint8Array) => void;

/** The formats by the ending of the file name. */
const formats: Readonly<Record<string, (write: Write) => EpisodeRows>> = {
  ".ndjson": (write) => ndjsonRows(new Pieces(write)),
  ".ndjson.gz": (write) => ndjsonRows(new Pieces(write, true)),
  ".csv": (write) => csvRows(new Pieces(write)),
  ".csv.gz": (write) => csvRows(new Pieces(write, true)),
  ".parquet": parquetRows,
};

/** Throws UsageError if the ending of `name` is not that of a format. */
export function episodeReport(start: ReplayStart, write: Write, name: string): WatchReport {
  const ending = Object.keys(formats).find((known) => name.endsWith(known));
  if (ending === undefined)
    throw new UsageError(
      `--episodes ${name}: expected a name that ends in ${Object.keys(formats).join(", ")}`,
    );
  const rows = (formats[ending] as (write: Write) => EpisodeRows)(write);
  const row = new EpisodeRow(start);
  const orders = start.sides.map(() => new EndOrder<readonly Cell[]>((cells) => rows.add(cells)));
  return {
    ended: (episode) => {
      if (episode.side < 0 || !episode.counted) return;
      row.take(episode);
      const cells = episodeColumns.map(({ of }) => of(episode, row));
      orders[episode.side]?.add(episode, cells);
    },
    finish: (result) => {
      for (const order of orders) order.finish();
      return rows.finish(result);
    },
  };
}

function csvRows(pieces: Pieces): EpisodeRows {
  pieces.add(csvRow(episodeColumns.map(({ name }) => name)));
  return {
    add: (cells) => pieces.add(csvRow(textCells(cells))),
    finish: () => pieces.flush(),
  };
}

function ndjsonRows(pieces: Pieces): EpisodeRows {
  const lines = ndjson.stringify();
  lines.on("data", (line: string) => pieces.add(line));
  return {
    add: (cells) => {
      const text = textCells(cells);
      lines.write(Object.fromEntries(episodeColumns.map(({ name }, i) => [name, text[i]])));
    },
    finish: async () => {
      lines.end();
      await once(lines, "end");
      pieces.flush();
    },
  };
}
