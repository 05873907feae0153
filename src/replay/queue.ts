/** Something whose next event is due at a time. */
export interface Due {
  dueNs: number;
  /** Ties between equal times: the lower rank comes first; for equal ranks, the earlier in the trace. */
  readonly rank: number;
  readonly sequence: number;
}

/** A binary heap of threads by the time of their next event. */
export class EventQueue<T extends Due> {
  private readonly heap: T[] = [];

  get size(): number {
    return this.heap.length;
  }

  peek(): T | undefined {
    return this.heap[0];
  }

  push(thread: T): void {
    this.heap.push(thread);
    this.siftUp(thread, this.heap.length - 1);
  }

  /** The queued thread has become due earlier. */
  moveUp(thread: T): void {
    this.siftUp(thread, this.heap.indexOf(thread));
  }

  /** Delays everything by `byNs`. */
  delay(byNs: number): void {
    for (const thread of this.heap) thread.dueNs += byNs;
  }

  private siftUp(thread: T, from: number): void {
    const { heap } = this;
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as T;
      if (!isBefore(thread, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = thread;
  }

  pop(): T {
    const { heap } = this;
    const first = heap[0] as T;
    const last = heap.pop() as T;
    const size = heap.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= size) break;
      if (down + 1 < size && isBefore(heap[down + 1] as T, heap[down] as T)) down++;
      const child = heap[down] as T;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  if (a.dueNs !== b.dueNs) return a.dueNs < b.dueNs;
  return a.rank < b.rank || (a.rank === b.rank && a.sequence < b.sequence);
}
