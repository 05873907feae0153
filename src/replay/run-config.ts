import type { Activity } from "../activity/activity.js";
import type { VmMemory } from "../activity/vm.js";
import type { CostProfile } from "../cost/profile.js";
import type { Sanitizer } from "../stage2/sanitizer.js";
import type { Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import type { CostScale } from "./cost-scale.js";
import type { Counters } from "./counters.js";
import type { Mismatch } from "./mismatch.js";
import type { ReplayThread } from "./replay-thread.js";
import type { TraceTiming } from "./trace-timing.js";

/** What one run replays, and on what machine. */
export interface RunConfig {
  readonly strategy: Strategy;
  /** The strategy is the one that recorded the trace: what it gives is held against the record. */
  readonly isRecorder: boolean;
  /**
   * Every step begins when the trace has it, shifted by the work that this strategy has saved or added so far.
   * True for the recording strategy (no shift), and, where one CPU ran everything and faults queue for the lock, for
   * all: then the trace is one stream of work whose order is known, and what is cut out or put in moves the rest.
   */
  readonly followsRecord: boolean;
  /** The recording walker's fault path cleaned before the map: that time is in the recorded handler. */
  readonly recorderCleans: boolean;
  readonly fwb: boolean;
  readonly timing: TraceTiming;
  readonly profile: CostProfile;
  /** What the costs of this run are multiplied with, the recorded ones too. */
  readonly scale: CostScale;
  /** The profile's unit costs for this strategy's walker, by charge kind. */
  readonly units: Float64Array;
  /** Physical CPUs that the threads share; Infinity = one for each. */
  readonly pcpus: number;
  /** A waiter for the MMU lock gives up its CPU. */
  readonly waitersSleep: boolean;
  /** Exit from the guest and re-entry, ns. */
  readonly exitNs: number;
  /** From an unlock to the next waiter's running, where waiters spin; ns. */
  readonly handoffNs: number;
  /** From a return to the guest with -EAGAIN to the next one, where the entry is still taken; ns. */
  readonly retryLapNs: number;
  readonly stage2: () => Stage2Config;
  /** Takes the sanitizer of each VM's table; undefined where none watches. */
  readonly sanitizers: Sanitizer[] | undefined;
  readonly counters: Counters;
  /** Whether the result shall count this activity. */
  readonly counts: (activity: Activity, epoch: string | undefined, memory: VmMemory) => boolean;
  /** The run needs the activity no more. */
  readonly release: (activity: Activity) => void;
}

/** Who watches a replay, event by event. */
export interface Observer {
  /** A fault or host operation ended at `endNs`. */
  ended?(strategy: string, thread: ReplayThread, activity: Activity, endNs: number): void;
  /** A recorded fault did not come out of the table as it was recorded. The activity may be used again afterwards. */
  mismatched?(mismatch: Mismatch, activity: Activity): void;
}
