import { type Activity, ActivityKind } from "../../activity/activity.js";
import { StreamMedian } from "../samples.js";

/** So many faults in a row are needed before the least of them is believed. */
const FEWEST = 32;
/** The time from one fault to the next is no exit path where the handler takes less than so much of it. */
const OF_HANDLER = 2;
/** The least of many, the odd one apart. */
const LEAST = 0.01;

/**
 * How long before its abort an access was made. No trace has the access; but a vCPU that goes from page to page has next
 * to nothing to do in the guest, so the shortest times from one fault's end to the next abort are the way into the guest
 * and out again. It is learnt in the order of the record.
 */
export class ExitPath {
  private readonly backs = new StreamMedian();
  private readonly handlers = new StreamMedian();
  /** By thread: when its last fault ended. */
  private readonly endsNs: number[] = [];
  private samples = 0;

  constructor(
    /** What a profile says, where the trace does not tell; ns. */
    private readonly profileNs: number,
  ) {}

  /** Of this activity, which is the host's next in the order of the record; ns. */
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

  /** As far as is known. */
  get ns(): number {
    if (this.samples < FEWEST) return this.profileNs;
    const backNs = this.backs.quantile(LEAST) as number;
    const handlerNs = this.handlers.quantile(0.1);
    return Math.round(handlerNs === undefined ? backNs : Math.min(backNs, OF_HANDLER * handlerNs));
  }
}
