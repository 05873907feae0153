import type { Activity } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import type { Baseline } from "../record/baseline.js";
import type { Replayer } from "../record/record-host.js";
import type { Simulation } from "./simulation.js";

/** A simulation of recorded activities on another machine than the recording one. */
export class SimulatedSide implements Replayer {
  private readonly baselines = new Map<Activity, Baseline>();

  private readonly simulation: Simulation;

  constructor(
    simulate: (side: SimulatedSide) => Simulation,
    private readonly ended: (baseline: Baseline) => void,
  ) {
    this.simulation = simulate(this);
  }

  feed(baseline: Baseline): void {
    this.baselines.set(baseline.activity, baseline);
    this.simulation.feed(baseline.activity);
  }

  feedBarrier(barrier: Barrier): void {
    this.simulation.feed(barrier);
  }

  pump(frontierNs: number): void {
    while (!this.simulation.pump(frontierNs));
  }

  /** The baseline of an activity that was fed and is not finished. */
  readonly baselineOf = (activity: Activity): Baseline => this.baselines.get(activity) as Baseline;

  /** The simulation no longer needs the activity. */
  done(activity: Activity): void {
    const baseline = this.baselineOf(activity);
    this.baselines.delete(activity);
    this.ended(baseline);
  }
}
