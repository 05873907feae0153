/** Rows of episodes as Parquet, one row group after the other: no more than one is held. */

import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { type Cell, type Column, episodeColumns, episodeSchema } from "./episode-columns.js";
import type { EpisodeRows } from "./episodes.js";
import { type AnyResult, sidesOf } from "./rows.js";

/** Rows of a group. */
const groupRows = 32_768;

const typeOf = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  hex32: { type: "INT64" },
  hex64: { type: "INT64" },
} as const;

/** Hands each row group on as it is full. */
class PieceWriter extends ByteWriter {
  constructor(private readonly write: (piece: Uint8Array) => void) {
    super();
  }

  flush(): void {
    this.write(this.getBytes());
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }
}

export function parquetRows(write: (piece: Uint8Array) => void): EpisodeRows {
  const parquet = new ParquetWriter({
    writer: new PieceWriter(write),
    createdBy: "s2replay",
    schema: [
      { name: "episode", num_children: episodeColumns.length },
      ...episodeColumns.map(({ name, type, isNullable }) => ({
        name,
        ...typeOf[type],
        repetition_type: isNullable ? ("OPTIONAL" as const) : ("REQUIRED" as const),
      })),
    ],
  });
  let cells: Cell[][] = episodeColumns.map(() => []);
  let rows = 0;
  const flush = () => {
    if (rows === 0) return;
    const columnData = episodeColumns.map((column, i) => ({
      name: column.name,
      data: valuesOf(column, cells[i] as Cell[]),
    }));
    parquet.write({ columnData, rowGroupSize: groupRows });
    cells = episodeColumns.map(() => []);
    rows = 0;
  };
  return {
    add: (episode, row) => {
      for (const [i, { of }] of episodeColumns.entries()) (cells[i] as Cell[]).push(of(episode, row));
      if (++rows === groupRows) flush();
    },
    finish: (result) => {
      flush();
      parquet.kvMetadata = [{ key: "s2replay", value: JSON.stringify(describeFile(result)) }];
      parquet.finish();
    },
  };
}

function valuesOf({ type }: Column, cells: Cell[]) {
  return typeOf[type].type === "INT64"
    ? cells.map((cell) => (typeof cell === "number" ? BigInt(cell) : null))
    : cells;
}

/** What pandas and DuckDB show of a file that they were not told about. */
function describeFile(result: AnyResult) {
  return {
    schema: episodeSchema.meta()?.title,
    trace: result.trace.source,
    profile: result.profile.name,
    strategies: sidesOf(result).map(({ replay }) => replay.strategy),
    columns: Object.fromEntries(episodeColumns.map(({ name, describe }) => [name, describe])),
  };
}
