import type { Operation } from "../../activity/activity.js";
import { ZERO } from "../../double.js";
import { Charge } from "../../stage2/meter.js";
import { Shape } from "../plan.js";
import type { Learnt } from "./learnt.js";

/**
 * The parts of a recorded operation's time, if its shape and work are known. They are set once its window has been
 * learnt from, and are the same for all sides. The parts sum to the time; ns.
 */
export class HoldParts {
  /** From the entry to the break; NaN if this is no coalesce and has no line for it. */
  breakNs = ZERO;
  flushNs = ZERO;
  /** Walk and tear-down of a coalesce. */
  bodyNs = ZERO;
  cleanNs = ZERO;
  restNs = ZERO;
  /** Whether the cost of a clean was known from the trace by then. */
  knowsClean = false;

  set(operation: Operation, ns: number, learnt: Learnt): void {
    if (operation.shape === Shape.coalesce) this.setCoalesce(operation, ns, learnt);
    else this.setPlain(operation, ns, learnt);
  }

  private setPlain(operation: Operation, ns: number, learnt: Learnt): void {
    this.breakNs = operation.toBreakNs;
    this.flushNs = this.bodyNs = 0;
    this.cleanNs = learnt.cleanPart(operation, ns);
    this.restNs = ns - this.cleanNs;
  }

  private setCoalesce(operation: Operation, ns: number, learnt: Learnt): void {
    const { toBreakNs, toFlushedNs } = operation;
    const work = operation.work as Float64Array;
    const { recorderUnits } = learnt;
    this.bodyNs = learnt.bodyNs(operation, ns);
    // Without a line of its own, the break is at the flush's return, as in the reference.
    const flushNs = Number.isNaN(toBreakNs)
      ? (learnt.usualFlushNs ?? (recorderUnits[Charge.tlbiVmid] as number))
      : toFlushedNs - toBreakNs;
    const fixedNs = Math.min(ns - this.bodyNs, learnt.fixedNs(operation));
    this.flushNs = Math.min(
      fixedNs,
      Number.isNaN(flushNs)
        ? (work[Charge.tlbiVmid] as number) * (recorderUnits[Charge.tlbiVmid] as number)
        : flushNs,
    );
    this.breakNs = firstKnown(toBreakNs, toFlushedNs, fixedNs - this.flushNs);
    this.cleanNs = (work[Charge.cleanByte] as number) > 0 ? Math.max(0, ns - fixedNs - this.bodyNs) : 0;
    this.restNs = ns - this.flushNs - this.bodyNs - this.cleanNs;
  }
}

function firstKnown(...times: readonly number[]): number {
  return times.find((ns) => !Number.isNaN(ns)) as number;
}
