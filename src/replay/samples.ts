const CAPACITY = 256;

/**
 * Median of a stream in bounded memory: every n-th sample is kept, and n doubles when the store is full, so the kept
 * samples always cover the stream evenly. There is no randomness: the same stream gives the same median.
 */
export class StreamMedian {
  private readonly sorted = new Float64Array(CAPACITY);
  private readonly inOrder = new Float64Array(CAPACITY);
  private kept = 0;
  private stride = 1;
  private skip = 0;
  private smallest = Number.POSITIVE_INFINITY;

  add(sample: number): void {
    if (sample < this.smallest) this.smallest = sample;
    if (this.skip > 0) {
      this.skip--;
      return;
    }
    this.skip = this.stride - 1;
    if (this.kept === CAPACITY) this.thin();
    this.inOrder[this.kept] = sample;
    this.insert(sample);
  }

  /** The median; undefined without samples. */
  get median(): number | undefined {
    return this.kept === 0 ? undefined : (this.sorted[this.kept >> 1] as number);
  }

  /** The quantile at this share; undefined without samples. */
  quantile(share: number): number | undefined {
    return this.kept === 0 ? undefined : (this.sorted[Math.floor(this.kept * share)] as number);
  }

  /** The smallest sample of all; undefined without samples. */
  get least(): number | undefined {
    return this.kept === 0 ? undefined : this.smallest;
  }

  private insert(sample: number): void {
    let at = this.kept++;
    while (at > 0 && (this.sorted[at - 1] as number) > sample) {
      this.sorted[at] = this.sorted[at - 1] as number;
      at--;
    }
    this.sorted[at] = sample;
  }

  private thin(): void {
    const kept = this.kept;
    this.kept = 0;
    this.stride *= 2;
    this.skip = this.stride - 1;
    for (let i = 0; i < kept; i += 2) {
      const sample = this.inOrder[i] as number;
      this.inOrder[i >> 1] = sample;
      this.insert(sample);
    }
  }
}

/**
 * Extra time per extra byte of work done at two sizes; undefined if the trace does not have both. A disturbance (an
 * interrupt, the zeroing of a new page) only adds time, so the smallest samples are used.
 */
export function slope(
  small: StreamMedian,
  smallBytes: number,
  large: StreamMedian,
  largeBytes: number,
): number | undefined {
  const a = small.least;
  const b = large.least;
  if (a === undefined || b === undefined || largeBytes <= smallBytes) return undefined;
  return Math.max(0, (b - a) / (largeBytes - smallBytes));
}
