import type { ReplayThread } from "./replay-thread.js";

/** One VM's MMU lock, exclusive: first come, first served. */
export class MmuLock {
  private holder: ReplayThread | undefined;
  private readonly waiters: ReplayThread[] = [];
  /** When the last holder let go; -Infinity before the first. */
  releasedNs = Number.NEGATIVE_INFINITY;

  /** @returns whether the thread holds the lock now; else it is queued */
  request(thread: ReplayThread): boolean {
    if (this.holder === undefined) {
      this.holder = thread;
      return true;
    }
    this.waiters.push(thread);
    return false;
  }

  /** @returns the thread that holds the lock now */
  release(atNs: number): ReplayThread | undefined {
    this.releasedNs = atNs;
    this.holder = this.waiters.shift();
    return this.holder;
  }
}
