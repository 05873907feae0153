import type { ActivityFold } from "../activity/fold.js";
import type { CostProfile } from "../cost/profile.js";
import type { Observer } from "../replay/observer.js";
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

/** An observer of the replay of a trace. */
export interface Watcher extends Observer {
  /** A replay begins. Where one needs more IPA bits than were tried, another follows: what the first told is void. */
  begins?(start: ReplayStart): void;
}

/** All of them as one; undefined where there is none. Unless all hear of repetitions, nobody does. */
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
