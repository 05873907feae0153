import type { ReplayThread } from "./replay-thread.js";

/** Threads by the time of their next event; ties by trace order. A binary heap. */
export class EventQueue {
  private readonly heap: ReplayThread[] = [];

  get size(): number {
    return this.heap.length;
  }

  peek(): ReplayThread | undefined {
    return this.heap[0];
  }

  push(thread: ReplayThread): void {
    this.heap.push(thread);
    this.siftUp(thread, this.heap.length - 1);
  }

  /** The thread, which is queued, has become due earlier than it was. */
  moveUp(thread: ReplayThread): void {
    this.siftUp(thread, this.heap.indexOf(thread));
  }

  /** Everything is due so much later. */
  delay(byNs: number): void {
    for (const thread of this.heap) thread.dueNs += byNs;
  }

  private siftUp(thread: ReplayThread, from: number): void {
    const { heap } = this;
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as ReplayThread;
      if (!isBefore(thread, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = thread;
  }

  pop(): ReplayThread {
    const { heap } = this;
    const first = heap[0] as ReplayThread;
    const last = heap.pop() as ReplayThread;
    const size = heap.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= size) break;
      if (down + 1 < size && isBefore(heap[down + 1] as ReplayThread, heap[down] as ReplayThread)) down++;
      const child = heap[down] as ReplayThread;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: ReplayThread, b: ReplayThread): boolean {
  return a.dueNs < b.dueNs || (a.dueNs === b.dueNs && a.sequence < b.sequence);
}
