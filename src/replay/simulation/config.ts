import type { Activity } from "../../activity/activity.js";
import type { VmMemory } from "../../activity/vm.js";
import type { CostProfile } from "../../cost/profile.js";
import type { Sanitizer } from "../../stage2/sanitizer.js";
import type { Stage2Config } from "../../strategy/stage2.js";
import type { Strategy } from "../../strategy/strategy.js";
import type { Arrivals } from "../arrivals.js";
import type { CostScale } from "../cost-scale.js";
import type { Counters } from "../counters.js";
import type { Epochs } from "../epochs.js";
import type { Observer } from "../observer.js";

/** What one simulation replays, and on what machine. */
export interface SimulationConfig {
  readonly strategy: Strategy;
  /** Where the strategy stands among those of the result; NO_SIDE where it does not. */
  readonly sides: readonly number[];
  readonly fwb: boolean;
  readonly profile: CostProfile;
  /** What the costs are multiplied with, the recorded ones too. */
  readonly scale: CostScale;
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
  readonly stage2: Stage2Config;
  /** Takes the sanitizer of each VM's table; undefined where none watches. */
  readonly sanitizers: Sanitizer[] | undefined;
  readonly counters: Counters;
  /** Whether the result counts what happens in the VM. */
  readonly countsVm: (vm: number) => boolean;
  readonly epochs: Epochs;
  readonly observer: Observer | undefined;
  /** Whether the result shall count this activity. */
  readonly counts: (activity: Activity, epoch: string | undefined, memory: VmMemory) => boolean;
  /** The simulation needs the activity no more. */
  readonly release: (activity: Activity) => void;
}
