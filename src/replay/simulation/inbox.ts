import { Activity } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";

/** Items that have been read but not begun: activities in trace order, separated by barriers. */
export class Inbox {
  private readonly items: (Activity | Barrier)[] = [];
  private head = 0;
  private readonly barriers: Barrier[] = [];

  get size(): number {
    return this.items.length - this.head;
  }

  /** The barrier that ends the current epoch; undefined if it has not been read yet. */
  get barrier(): Barrier | undefined {
    return this.barriers[0];
  }

  add(item: Activity | Barrier): void {
    this.items.push(item);
    if (!(item instanceof Activity)) this.barriers.push(item);
  }

  /** Hands out the activities before the next barrier. */
  drain(take: (activity: Activity) => void): void {
    for (; this.head < this.items.length; this.head++) {
      const item = this.items[this.head] as Activity | Barrier;
      if (!(item instanceof Activity)) break;
      take(item);
    }
    if (this.head > 4096 || this.head === this.items.length) {
      this.items.splice(0, this.head);
      this.head = 0;
    }
  }

  /** Takes the barrier, once the activities before it are drained. */
  passBarrier(): void {
    this.head++;
    this.barriers.shift();
  }
}
