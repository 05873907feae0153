import type { Observer } from "../replay/observer.js";
import type { AnyResult } from "./rows.js";

/** A report that grows while the replay runs. */
export interface WatchReport extends Observer {
  /** The replay is over: what is left is written. */
  finish(result: AnyResult): void | Promise<void>;
}
