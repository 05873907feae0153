import type { TraceResult } from "../compare/trace-result.js";
import type { Observer } from "../replay/observer.js";

/** A report that grows while the replay runs. */
export interface WatchReport extends Observer {
  /** The replay is over: what is left is written. */
  finish(result: TraceResult): void | Promise<void>;
}
