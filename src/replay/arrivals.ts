/** Other times at which the accesses may well have been made: of a recorded one only its abort's time is known. */
export class Arrivals {
  /**
   * @param seed which draw
   * @param withinNs an access comes up to so much earlier or later than the record lets it: its exit path
   */
  constructor(
    private readonly seed: number,
    private readonly withinNs: number,
  ) {}

  /**
   * The same for an activity under every strategy.
   * @param sequence of the activity, see Activity
   * @param thinkNs what the thread does before it: the offset is no more, either way, so that the draws' mean is 0
   * @returns whole ns
   */
  offsetNs(sequence: number, thinkNs: number): number {
    let mixed = Math.imul((sequence | 0) ^ Math.imul(this.seed, 0x9e3779b1), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
    return Math.round((mixed / 2 ** 31) * Math.max(0, Math.min(this.withinNs, thinkNs)));
  }
}
