import type { ActivityFold } from "../activity/fold.js";
import type { CostProfile } from "../cost/profile.js";
import type { Observer } from "../replay/observer.js";
import type { Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import type { TraceSource } from "../trace/event.js";

/** What is known when a replay begins. The fold identifies VMs and threads as the replay proceeds. */
export interface ReplayStart {
  readonly source: TraceSource;
  readonly stage2: Stage2Config;
  /** The strategies that an episode's `side` is an index into. */
  readonly sides: readonly Strategy[];
  readonly fold: ActivityFold;
  readonly profile: CostProfile;
}

/** An observer of the replay of a trace. */
export interface Watcher extends Observer {
  /** Called when a replay begins. If the trace needs more IPA bits, another one follows and voids the first. */
  begins?(start: ReplayStart): void;
}

/** Combines watchers; undefined if there is none. Repetitions are reported only if all with `ended` take them. */
export function together(watchers: readonly Watcher[]): Watcher | undefined {
  if (watchers.length < 2) return watchers[0];
  return {
    begins: (start) => {
      for (const watcher of watchers) watcher.begins?.(start);
    },
    ended: (episode, activity) => {
      for (const watcher of watchers) watcher.ended?.(episode, activity);
    },
    closed: (side, epoch) => {
      for (const watcher of watchers) watcher.closed?.(side, epoch);
    },
    ...(watchers.every(({ ended, repeated }) => ended === undefined || repeated !== undefined)
      ? {
          repeated: (repetition) => {
            for (const watcher of watchers) watcher.repeated?.(repetition);
          },
        }
      : {}),
  };
}
