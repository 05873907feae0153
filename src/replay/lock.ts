import type { ReplayThread } from "./replay-thread.js";

/**
 * One VM's MMU lock: first come, first served. Threads that share it (`sharesLock`: faults under the read lock)
 * hold it together; a thread that comes behind a waiting writer waits too, as in the kernel's queued rwlock.
 */
export class MmuLock {
  private hasWriter = false;
  private readers = 0;
  private readonly waiters: ReplayThread[] = [];
  /** Since when nobody has kept others from the lock; -Infinity where nobody ever did. */
  releasedNs = Number.NEGATIVE_INFINITY;

  /** @param isFree nobody excludes anybody */
  constructor(private readonly isFree: boolean) {}

  /** @returns whether the thread holds the lock now; else it is queued */
  request(thread: ReplayThread): boolean {
    if (this.isFree) return true;
    if (this.waiters.length === 0 && this.admits(thread)) {
      this.admit(thread);
      return true;
    }
    this.waiters.push(thread);
    return false;
  }

  /** @param grant called for each thread that holds the lock from now on */
  release(thread: ReplayThread, atNs: number, grant: (next: ReplayThread, atNs: number) => void): void {
    if (this.isFree) return;
    if (!thread.sharesLock || this.waiters.length > 0) this.releasedNs = atNs;
    if (thread.sharesLock) this.readers--;
    else this.hasWriter = false;
    for (let next = this.waiters[0]; next !== undefined && this.admits(next); next = this.waiters[0]) {
      this.waiters.shift();
      this.admit(next);
      grant(next, atNs);
    }
  }

  /** Adds what the lock's future depends on: who holds it, and who waits. */
  describe(state: number[]): void {
    state.push(this.hasWriter ? 1 : 0, this.readers);
    for (const { index } of this.waiters) state.push(index);
  }

  private admits(thread: ReplayThread): boolean {
    return !this.hasWriter && (thread.sharesLock || this.readers === 0);
  }

  private admit(thread: ReplayThread): void {
    if (thread.sharesLock) this.readers++;
    else this.hasWriter = true;
  }
}
