import { type Activity, ActivityKind } from "../../activity/activity.js";
import { StreamMedian } from "../samples.js";

/** Fewest consecutive faults before their minimum is trusted. */
const FEWEST = 32;
/** The exit path takes at most this many times the handler's time: a longer time to the next fault has other causes. */
const OF_HANDLER = 2;
/** The quantile used as the minimum, to ignore outliers. */
const LEAST = 0.01;

/**
 * Estimates how long before its abort an access was made. No trace has the access; but a vCPU that goes from page to
 * page does almost nothing in the guest, so the shortest times from one fault's end to the next abort are the entry
 * into the guest and the exit. It is learnt in record order.
 */
export class ExitPath {
  private readonly backs = new StreamMedian();
  private readonly handlers = new StreamMedian();
  /** By thread: when its last fault ended. */
  private readonly endsNs: number[] = [];
  private samples = 0;

  constructor(
    /** The profile's value, used if the trace does not show it; ns. */
    private readonly profileNs: number,
  ) {}

  /** The exit path of this activity, the host's next in record order; ns. */
  of(activity: Activity): number {
    const { kind, thread, startNs, endNs, laps, operationCount, thinkOffNs, beforeOffNs } = activity;
    const sinceNs = this.endsNs[thread];
    this.endsNs[thread] = kind === ActivityKind.fault && operationCount > 0 ? endNs : Number.NaN;
    if (kind !== ActivityKind.fault || operationCount === 0) return this.ns;
    if (laps === 1) this.handlers.add(activity.operation(0).startNs - startNs - beforeOffNs);
    if (sinceNs !== undefined && startNs > sinceNs) {
      this.backs.add(startNs - sinceNs - thinkOffNs);
      this.samples++;
    }
    return this.ns;
  }

  /** The current estimate. */
  get ns(): number {
    if (this.samples < FEWEST) return this.profileNs;
    const backNs = this.backs.quantile(LEAST) as number;
    const handlerNs = this.handlers.quantile(0.1);
    return Math.round(handlerNs === undefined ? backNs : Math.min(backNs, OF_HANDLER * handlerNs));
  }
}
