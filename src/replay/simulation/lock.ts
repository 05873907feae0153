import type { SimulationConfig } from "./config.js";
import type { Thread } from "./thread.js";

/**
 * One VM's MMU lock: first come, first served. Threads that share it (`sharesLock`: faults under the read lock) hold it
 * together; a thread that comes after a waiting writer also waits, as in the kernel's qrwlock.
 *
 * The waiters of a qrwlock queue for its internal spinlock, and only the one that has it marks the lock as wanted. If
 * waiters share CPUs, it must get one first: until then any thread that finds the lock free takes it.
 */
export class MmuLock {
  private hasWriter = false;
  private readers = 0;
  private readonly waiters: Thread[] = [];
  /** The head of the queue has marked the lock as wanted: nobody passes it. */
  private isClaimed = true;
  /** Since when the lock has excluded nobody; -Infinity if it never did. */
  releasedNs = Number.NEGATIVE_INFINITY;

  /**
   * @param isFree holders do not exclude each other
   * @param claimsLate it is an rwlock whose waiters share CPUs
   */
  constructor(
    private readonly isFree: boolean,
    private readonly claimsLate: boolean,
  ) {}

  /** @returns whether the thread holds the lock now; else it is queued */
  request(thread: Thread): boolean {
    if (this.isFree) return true;
    if ((this.waiters.length === 0 || !this.isClaimed) && this.admits(thread)) {
      this.admit(thread);
      return true;
    }
    // The internal spinlock is free, and the thread has a CPU.
    if (this.waiters.length === 0) this.isClaimed = true;
    this.waiters.push(thread);
    return false;
  }

  /** The head of the queue has a CPU. @returns whether it holds the lock now; else nobody passes it */
  claim(head: Thread): boolean {
    this.isClaimed = !this.admits(head);
    if (this.isClaimed) return false;
    this.waiters.shift();
    this.admit(head);
    return true;
  }

  /** The first waiter. */
  get head(): Thread | undefined {
    return this.waiters[0];
  }

  /** @param grant called for each thread that now holds the lock, or may claim it */
  release(thread: Thread, atNs: number, grant: (next: Thread, atNs: number) => void): void {
    if (this.isFree) return;
    if (!thread.sharesLock || this.waiters.length > 0) this.releasedNs = atNs;
    if (thread.sharesLock) this.readers--;
    else this.hasWriter = false;
    let next = this.waiters[0];
    if (this.claimsLate) {
      if (next !== undefined && this.isClaimed && this.admits(next)) grant(next, atNs);
      return;
    }
    for (; next !== undefined && this.admits(next); next = this.waiters[0]) {
      this.waiters.shift();
      this.admit(next);
      grant(next, atNs);
    }
  }

  /** Adds what the lock's future depends on: its holders and waiters. */
  describe(state: number[]): void {
    state.push(this.hasWriter ? 1 : 0, this.readers);
    for (const { index } of this.waiters) state.push(index);
  }

  private admits(thread: Thread): boolean {
    return !this.hasWriter && (thread.sharesLock || this.readers === 0);
  }

  private admit(thread: Thread): void {
    if (thread.sharesLock) this.readers++;
    else this.hasWriter = true;
  }
}

/** The MMU locks of one replay, by VM. */
export class Locks {
  /** By VM index + 1: activities of unknown VMs share the first. */
  private readonly locks: MmuLock[] = [];

  constructor(private readonly config: SimulationConfig) {}

  of(vm: number): MmuLock {
    const { locks, config } = this;
    for (let known = locks.length; known <= vm + 1; known++)
      locks.push(new MmuLock(config.scale.locksAreFree, config.claimsLate));
    return locks[vm + 1] as MmuLock;
  }
}
