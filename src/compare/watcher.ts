import type { ActivityFold } from "../activity/fold.js";
import type { CostProfile } from "../cost/profile.js";
import type { Observer } from "../replay/run-config.js";
import type { Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import type { TraceSource } from "../trace/event.js";

/** What is known when a replay begins, and who is who in it as far as it has come. */
export interface ReplayStart {
  readonly source: TraceSource;
  readonly stage2: Stage2Config;
  /** An episode's `side` is an index of these. */
  readonly sides: readonly Strategy[];
  readonly fold: ActivityFold;
  readonly profile: CostProfile;
}

/** Who watches the replay of a trace. */
export interface Watcher extends Observer {
  /** A replay begins. Where one needs more IPA bits than were tried, another follows: what the first told is void. */
  begins?(start: ReplayStart): void;
}
