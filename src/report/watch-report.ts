import type { TraceResult } from "../compare/trace-result.js";
import type { Observer } from "../replay/observer.js";

/** A report that is written while the replay runs. */
export interface WatchReport extends Observer {
  /** Called when the replay is over; writes the rest. */
  finish(result: TraceResult): void | Promise<void>;
}
