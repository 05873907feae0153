import type { Episode } from "../../replay/episode.js";

/**
 * Puts the episodes of one strategy in order of their ends. They are reported as they leave the lock, and a vCPU may
 * overtake another one on the way back to the guest. Episodes reported later leave the lock later, so they end after
 * the latest unlock.
 */
export class EndOrder<T> {
  private readonly waiting: { readonly endNs: number; readonly item: T }[] = [];

  constructor(private readonly pass: (item: T) => void) {}

  add({ endNs, unlockedNs }: Episode, item: T): void {
    const { waiting } = this;
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1] as { endNs: number }).endNs > endNs) at--;
    waiting.splice(at, 0, { endNs, item });
    if (!Number.isNaN(unlockedNs)) this.release(unlockedNs);
  }

  /** Called after the strategy's last episode. */
  finish(): void {
    this.release(Number.POSITIVE_INFINITY);
  }

  private release(untilNs: number): void {
    let done = 0;
    for (const { endNs, item } of this.waiting) {
      if (endNs > untilNs) break;
      this.pass(item);
      done++;
    }
    if (done > 0) this.waiting.splice(0, done);
  }
}
