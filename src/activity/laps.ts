/**
 * Retried accesses. If the walker returns -EAGAIN, the guest faults again: all these episodes are laps of one access.
 * And an abort without a map is on memory if the next abort maps there.
 */

import { NO_RET } from "../trace/event.js";
import type { AbortCount } from "./abort-count.js";
import { type Activity, ActivityKind, type ActivityPool } from "./activity.js";
import { MmioRule } from "./mmio.js";
import type { Thread } from "./thread.js";

/** Errno that a walker returns to let the guest fault again. */
const EAGAIN = -11;
/** The next lap of a retried access begins within this time after the previous one. */
const LAP_WITHIN_NS = 1_000_000;

/** Holds back each thread's last episode while the next one may be a retry of the same access. */
export class Laps {
  /** No episode that is held back can be released before this time. */
  private dueNs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly pool: ActivityPool,
    private readonly aborts: AbortCount,
    private readonly deliver: (activity: Activity) => void,
  ) {}

  /** The thread's activity has ended. `isBare` means an abort without a map that is not counted yet. */
  add(thread: Thread, activity: Activity, isBare: boolean): void {
    const pending = thread.pending;
    if (pending !== undefined) {
      const isAgain = isNextLap(pending, activity);
      if (isAgain && !thread.isPendingBare) {
        if (isBare) this.aborts.countFault(activity);
        this.merge(pending, activity);
        if (lastRet(pending) !== EAGAIN) this.end(thread);
        return;
      }
      this.end(thread, isAgain && activity.operationCount > 0);
    }
    if (isBare || (activity.kind === ActivityKind.fault && lastRet(activity) === EAGAIN)) {
      thread.pending = activity;
      thread.isPendingBare = isBare;
      this.dueNs = Math.min(this.dueNs, activity.endNs + LAP_WITHIN_NS);
    } else this.deliver(activity);
  }

  /** The thread's next abort is known: if it is another access, the laps end. */
  meet(thread: Thread, activity: Activity): void {
    if (thread.pending !== undefined && !isNextLap(thread.pending, activity)) this.end(thread);
  }

  /** Releases episodes that can have no further lap at `nowNs`, the time of the next event of any thread. */
  expire(threads: readonly Thread[], nowNs: number): void {
    if (nowNs <= this.dueNs) return;
    this.dueNs = Number.POSITIVE_INFINITY;
    const late: Thread[] = [];
    for (const thread of threads) {
      const { pending, open } = thread;
      if (pending === undefined) continue;
      const untilNs = pending.endNs + LAP_WITHIN_NS;
      // The next lap may have begun.
      if (open !== undefined && open.startNs <= untilNs) continue;
      if (nowNs > untilNs) late.push(thread);
      else this.dueNs = Math.min(this.dueNs, untilNs);
    }
    late.sort((a, b) => (a.pending as Activity).endNs - (b.pending as Activity).endNs);
    for (const thread of late) this.end(thread);
  }

  /** No lap follows. `wasMemory` means that the access of an abort without a map was retried and mapped. */
  end(thread: Thread, wasMemory = false): void {
    const { pending } = thread;
    if (pending === undefined) return;
    thread.pending = undefined;
    if (thread.isPendingBare) this.aborts.countBare(pending, wasMemory ? MmioRule.none : MmioRule.noMap);
    thread.isPendingBare = false;
    this.deliver(pending);
  }

  /** `again` is a retry of `first`'s access: only its operation is kept. */
  private merge(first: Activity, again: Activity): void {
    first.laps += again.laps;
    first.lapSinceNs.push(first.endNs);
    first.lapNs.push(again.startNs);
    first.lapOffNs.push(again.abortOffNs - first.abortOffNs);
    first.abortOffNs = again.abortOffNs;
    first.beforeOffNs = again.beforeOffNs;
    first.beforeSleptNs = again.beforeSleptNs;
    first.afterOffNs = again.afterOffNs;
    first.afterSleptNs = again.afterSleptNs;
    first.preemptedNs += again.preemptedNs;
    first.cameNs = again.cameNs;
    first.endNs = again.endNs;
    first.afterCpuNs = again.afterCpuNs;
    first.incomplete ||= again.incomplete;
    if (again.operationCount > 0) {
      const swap = first.operation(0);
      first.operations[0] = again.operation(0);
      again.operations[0] = swap;
    }
    again.holders = 1;
    this.pool.release(again);
  }
}

function lastRet(activity: Activity): number {
  return activity.operationCount === 0 ? NO_RET : activity.operation(activity.operationCount - 1).ret;
}

/** Whether `next` is soon after `first` and the same abort on the same page: class, level and address agree. */
function isNextLap(first: Activity, next: Activity): boolean {
  if (next.kind !== ActivityKind.fault || next.startNs - first.endNs > LAP_WITHIN_NS) return false;
  return first.ipa === next.ipa && first.esr % 64 === next.esr % 64;
}
