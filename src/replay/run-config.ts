import type { Activity } from "../activity/activity.js";
import type { VmMemory } from "../activity/vm.js";
import type { CostProfile } from "../cost/profile.js";
import type { Sanitizer } from "../stage2/sanitizer.js";
import type { Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import type { Arrivals } from "./arrivals.js";
import type { CostScale } from "./cost-scale.js";
import type { Counters } from "./counters.js";
import type { Episode } from "./episode.js";
import type { Mismatch } from "./mismatch.js";
import type { EndedEpoch } from "./simulation/epoch-clock.js";
import type { TraceTiming } from "./simulation/trace-timing.js";

/** What one run replays, and on what machine. */
export interface RunConfig {
  readonly strategy: Strategy;
  /** Where the strategy stands among those of the result; NO_SIDE where it does not. */
  readonly sides: readonly number[];
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
  /** A waiter for the MMU lock gives up its CPU: an emulated machine (see EmulatedTurns). */
  readonly waitersSleep: boolean;
  /** CPUs of the emulated machine whose turns the threads take, where waiters sleep. */
  readonly emulatedCpus: number;
  /** The first in the MMU lock's queue keeps others off only once it has had a CPU (see MmuLock). */
  readonly claimsLate: boolean;
  /** Undefined = accesses come when the trace has them. */
  readonly arrivals: Arrivals | undefined;
  /** Exit from the guest and re-entry, ns. */
  readonly exitNs: number;
  /** From an unlock to the next waiter's running, where waiters spin; ns. */
  readonly handoffNs: number;
  /** From a return to the guest with -EAGAIN to the next one, where the entry is still taken; ns. */
  readonly retryLapNs: number;
  /** The same as it is, whatever it is taken to cost: time passes all the same while who has the entry has no CPU. */
  readonly wholeLapNs: number;
  readonly stage2: () => Stage2Config;
  /** Takes the sanitizer of each VM's table; undefined where none watches. */
  readonly sanitizers: Sanitizer[] | undefined;
  readonly counters: Counters;
  /** Whether the result shall count this activity. */
  readonly counts: (activity: Activity, epoch: string | undefined, memory: VmMemory) => boolean;
  /** The run needs the activity no more. */
  readonly release: (activity: Activity) => void;
}

/** A stretch of a replay that was not replayed: its faults are counted, and were like those just before. */
export interface Repetition {
  /** As of an episode. */
  readonly side: number;
  readonly epoch: string | undefined;
  readonly epochNumber: number;
  readonly epochStartNs: number;
  /** Indices of the threads that it is of. */
  readonly threads: readonly number[];
  readonly startNs: number;
  readonly endNs: number;
  /** Faults by Cause, and where their stall went by Cost. */
  readonly byCause: Float64Array;
  readonly costNs: Float64Array;
  /** Stalls: each length, ns, and how often it came. */
  readonly stalls: readonly (readonly [ns: number, count: number])[];
}

/** Who watches a replay, event by event. */
export interface Observer {
  /** A fault or host operation ended. The episode and the activity may be used again afterwards. */
  ended?(episode: Episode, activity: Activity): void;
  /**
   * What repeats was taken as done, not replayed (see Lockstep). Who listens to `ended` and not to this is told of
   * each fault: then all are replayed.
   */
  repeated?(repetition: Repetition): void;
  /** An epoch is over, and all of its episodes have been told: in the order of the result's epochs. */
  closed?(side: number, epoch: EndedEpoch): void;
  /** A recorded fault did not come out of the table as it was recorded. The activity may be used again afterwards. */
  mismatched?(mismatch: Mismatch, activity: Activity): void;
}

/** Somebody is told of each fault: none may be taken as done. */
export function hearsEach(observer: Observer | undefined): boolean {
  return observer?.ended !== undefined && observer.repeated === undefined;
}
