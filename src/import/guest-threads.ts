/**
 * Which sched events a trace needs: those of the vCPU and VMM threads, which a recording of the whole host has among all
 * others'. A thread is known from its first event of another kind on; what was switched before says nothing of it yet.
 */

/** Far more than a host has vCPUs; beyond, and until they come again, none is known. */
const MAX_THREADS = 1 << 16;

export function isSched(event: string): boolean {
  return event === "sched_switch" || event === "sched_waking";
}

export class GuestThreads {
  private readonly pids = new Set<number>();
  /** The one added last: most often the next one too. */
  private last = -1;

  add(pid: number): void {
    if (pid === this.last) return;
    this.last = pid;
    if (this.pids.size === MAX_THREADS) this.pids.clear();
    // The idle tasks are all 0: what interrupts them is no thread's.
    if (pid !== 0) this.pids.add(pid);
  }

  /** Whether a sched event is of such a thread. `other`: who comes, or who is woken: who wakes does not matter. */
  concerns(event: string, pid: number, other: number): boolean {
    return this.pids.has(other) || (event === "sched_switch" && this.pids.has(pid));
  }
}
