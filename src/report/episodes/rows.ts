import type { TraceResult } from "../../compare/trace-result.js";
import type { Cell } from "./columns.js";

/** Writes rows in one format. */
export interface EpisodeRows {
  add(cells: readonly Cell[]): void;
  finish(result: TraceResult): void | Promise<void>;
}
