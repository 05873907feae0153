import type { Episode } from "../../replay/episode.js";

/**
 * Puts episodes of one strategy in order of their ends. They are told as they leave the lock, and a vCPU on its way
 * back into the guest may be overtaken by another one's; yet whatever is told later leaves the lock later, and ends
 * later still.
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

  /** The strategy's last episode was told. */
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
