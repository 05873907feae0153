/** Draws other possible times of the accesses: of a recorded access only its abort's time is known. */
export class Arrivals {
  /**
   * @param seed number of the draw
   * @param withinNs largest shift of an access, earlier or later than recorded: its exit path
   */
  constructor(
    private readonly seed: number,
    private readonly withinNs: number,
  ) {}

  /**
   * Returns the same shift for an activity under every strategy.
   * @param sequence the activity's sequence, see Activity
   * @param thinkNs the thread's time before it: the shift is never larger, so the mean over the draws is 0
   * @returns whole ns
   */
  offsetNs(sequence: number, thinkNs: number): number {
    let mixed = Math.imul((sequence | 0) ^ Math.imul(this.seed, 0x9e3779b1), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
    return Math.round((mixed / 2 ** 31) * Math.max(0, Math.min(this.withinNs, thinkNs)));
  }
}
