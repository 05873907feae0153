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
  /** The strategy's numbers among the sides of the result; NO_SIDE if it is none. */
  readonly sides: readonly number[];
  readonly fwb: boolean;
  readonly profile: CostProfile;
  /** The cost factors, also of recorded costs. */
  readonly scale: CostScale;
  /** Physical CPUs that the threads share; Infinity = one for each. */
  readonly pcpus: number;
  /** A waiter for the MMU lock gives up its CPU: an emulated machine (see EmulatedTurns). */
  readonly waitersSleep: boolean;
  /** CPUs of the emulated machine, which the threads use in turns, if waiters sleep. */
  readonly emulatedCpus: number;
  /** The head of the MMU lock's queue excludes others only once it has had a CPU (see MmuLock). */
  readonly claimsLate: boolean;
  /** Undefined = accesses come when the trace has them. */
  readonly arrivals: Arrivals | undefined;
  /** Exit from the guest and re-entry, ns. */
  readonly exitNs: number;
  /** From an unlock until the next waiter runs, if waiters spin; ns. */
  readonly handoffNs: number;
  /** From one return to the guest with -EAGAIN to the next, while the entry is still taken; ns. */
  readonly retryLapNs: number;
  /** The same without its cost factor: time still passes while the entry's owner has no CPU. */
  readonly wholeLapNs: number;
  readonly stage2: Stage2Config;
  /** Receives the sanitizer of each VM's table; undefined if there is none. */
  readonly sanitizers: Sanitizer[] | undefined;
  readonly counters: Counters;
  /** Whether the result counts what happens in the VM. */
  readonly countsVm: (vm: number) => boolean;
  readonly epochs: Epochs;
  readonly observer: Observer | undefined;
  /** Whether the result counts this activity. */
  readonly counts: (activity: Activity, epoch: string | undefined, memory: VmMemory) => boolean;
  /** The simulation no longer needs the activity. */
  readonly release: (activity: Activity) => void;
}
