import type { Thread } from "./thread.js";

/**
 * The physical CPUs that the threads share. A thread keeps its CPU until it waits or its turn ends; other ready threads
 * get CPUs in the order in which they became ready. With a CPU for each thread nobody waits.
 */
export class Cpus {
  private free: number;
  private readonly ready: Thread[] = [];
  private head = 0;

  /**
   * @param count physical CPUs; Infinity = enough
   * @param dispatch called when a thread gets a CPU
   */
  constructor(
    count: number,
    private readonly dispatch: (thread: Thread, atNs: number) => void,
  ) {
    this.free = count;
  }

  get hasReady(): boolean {
    return this.head < this.ready.length;
  }

  /** Asks for a CPU: `dispatch` follows, at once or later. */
  acquire(thread: Thread, atNs: number): void {
    if (this.free > 0) {
      this.free--;
      thread.onCpu = true;
      this.dispatch(thread, atNs);
    } else this.ready.push(thread);
  }

  release(thread: Thread, atNs: number): void {
    if (!thread.onCpu) return;
    thread.onCpu = false;
    const next = this.ready[this.head];
    if (next === undefined) {
      this.free++;
      return;
    }
    this.head++;
    if (this.head > 64) {
      this.ready.splice(0, this.head);
      this.head = 0;
    }
    next.onCpu = true;
    this.dispatch(next, atNs);
  }
}
