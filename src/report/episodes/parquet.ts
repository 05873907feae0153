/** Writes episodes as Parquet, one row group at a time; only one group is kept in memory. */

import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { TraceResult } from "../../compare/trace-result.js";
import { type Cell, episodeColumns, episodeSchema } from "./columns.js";
import type { EpisodeRows } from "./rows.js";

/** Number of rows in a group. */
const groupRows = 16_384;

const typeOf = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  hex32: { type: "INT64" },
  hex64: { type: "INT64" },
} as const;

/** Passes each row group on when it is full. */
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
  let rows: (readonly Cell[])[] = [];
  const flush = () => {
    if (rows.length === 0) return;
    const columnData = episodeColumns.map(({ name, type }, i) => ({
      name,
      data: rows.map((cells) => {
        const cell = cells[i] as Cell;
        return typeOf[type].type === "INT64" && typeof cell === "number" ? BigInt(cell) : cell;
      }),
    }));
    parquet.write({ columnData, rowGroupSize: groupRows });
    rows = [];
  };
  return {
    add: (cells) => {
      rows.push(cells);
      if (rows.length === groupRows) flush();
    },
    finish: (result) => {
      flush();
      parquet.kvMetadata = [{ key: "s2replay", value: JSON.stringify(describeFile(result)) }];
      parquet.finish();
    },
  };
}

/** A description that pandas and DuckDB show with the file. */
function describeFile(result: TraceResult) {
  return {
    schema: episodeSchema.meta()?.title,
    trace: result.trace.source,
    profile: result.profile.name,
    strategies: result.sides.map(({ replay }) => replay.strategy),
    columns: Object.fromEntries(episodeColumns.map(({ name, describe }) => [name, describe])),
  };
}
