/** Collects how threads spend each epoch (stall, wait, hold, open window), in a fixed number of bins. */

/** Number of bins in an epoch; their width doubles whenever time runs beyond them. */
const BINS = 512;
/** Maximum number of lanes kept; the least interesting epochs are dropped first. */
const MOST_LANES = 4096;

/** How a thread's time is used. A window lies within a hold, and the wait and the hold of a fault within its stall. */
export const TimeUse = { stall: 0, wait: 1, hold: 2, window: 3, repeated: 4 } as const;
export type TimeUse = (typeof TimeUse)[keyof typeof TimeUse];
const spells = Object.keys(TimeUse).length;

/** One thread under one strategy. */
export class Lane {
  /** ns by bin and TimeUse. */
  readonly ns = new Float32Array(BINS * spells);
  stallNs = 0;
  windowNs = 0;

  constructor(readonly thread: number) {}

  /** Total time of a use in bins `[from, to)`. */
  sum(spell: TimeUse, from: number, to: number): number {
    let ns = 0;
    for (let bin = from; bin < Math.min(to, BINS); bin++) ns += this.ns[bin * spells + spell] as number;
    return ns;
  }

  add(bin: number, spell: TimeUse, ns: number): void {
    const at = bin * spells + spell;
    this.ns[at] = (this.ns[at] as number) + ns;
  }

  /** Merges every two bins into one, in the lower or in the upper half. */
  widen(isUpper: boolean): void {
    const { ns } = this;
    const half = BINS / 2;
    const merged = new Float32Array(half * spells);
    for (let bin = 0; bin < half; bin++)
      for (let spell = 0; spell < spells; spell++)
        merged[bin * spells + spell] =
          (ns[2 * bin * spells + spell] as number) + (ns[(2 * bin + 1) * spells + spell] as number);
    ns.fill(0);
    ns.set(merged, isUpper ? half * spells : 0);
  }
}

export class SideTimeline {
  /** Lanes by thread index. */
  readonly lanes = new Map<number, Lane>();
  /** Times of the first and the last activity since the epoch's start. */
  firstNs = Number.POSITIVE_INFINITY;
  lastNs = Number.NEGATIVE_INFINITY;
  windowNs = 0;
  stallNs = 0;
}

/** An epoch under all strategies, on one axis. Times are ns since its start. */
export class EpochTimeline {
  readonly sides: readonly SideTimeline[];
  binNs = 1;
  /** Start of bin 0. */
  originNs = Number.NaN;

  constructor(
    readonly number: number,
    readonly label: string | undefined,
    readonly startNs: number,
    sides: number,
  ) {
    this.sides = Array.from({ length: sides }, () => new SideTimeline());
  }

  get hasWindows(): boolean {
    return this.sides.some(({ windowNs }) => windowNs > 0);
  }

  /** The largest difference between the first strategy's length of the epoch and another's. */
  get changeNs(): number {
    const [first, ...others] = this.sides.map(lengthOf) as [number, ...number[]];
    return Math.max(0, ...others.map((ns) => Math.abs(ns - first)));
  }

  get stallNs(): number {
    return Math.max(...this.sides.map(({ stallNs }) => stallNs));
  }

  get lanes(): number {
    return this.sides.reduce((sum, { lanes }) => sum + lanes.size, 0);
  }

  lane(side: number, thread: number): Lane {
    const { lanes } = this.sides[side] as SideTimeline;
    let lane = lanes.get(thread);
    if (lane === undefined) {
      lane = new Lane(thread);
      lanes.set(thread, lane);
    }
    return lane;
  }

  add(side: number, lane: Lane, spell: TimeUse, fromNs: number, toNs: number): void {
    if (!(toNs > fromNs)) return;
    this.reach(fromNs, toNs);
    const of = this.sides[side] as SideTimeline;
    if (fromNs < of.firstNs) of.firstNs = fromNs;
    if (toNs > of.lastNs) of.lastNs = toNs;
    const { binNs, originNs } = this;
    let atNs = fromNs;
    for (let bin = Math.floor((fromNs - originNs) / binNs); atNs < toNs; bin++) {
      const untilNs = Math.min(toNs, originNs + (bin + 1) * binNs);
      lane.add(bin, spell, untilNs - atNs);
      atNs = untilNs;
    }
  }

  private reach(fromNs: number, toNs: number): void {
    if (Number.isNaN(this.originNs)) this.originNs = Math.floor(fromNs);
    while (toNs > this.originNs + BINS * this.binNs) this.widen(false);
    while (fromNs < this.originNs) {
      this.originNs -= BINS * this.binNs;
      this.widen(true);
    }
  }

  private widen(isUpper: boolean): void {
    for (const { lanes } of this.sides) for (const lane of lanes.values()) lane.widen(isUpper);
    this.binNs *= 2;
  }
}

function lengthOf({ firstNs, lastNs }: SideTimeline): number {
  return lastNs > firstNs ? lastNs - firstNs : 0;
}

/** The timelines of the epochs of a replay. */
export class Timelines {
  private readonly epochs = new Map<number, EpochTimeline>();
  /** The epoch that each side has reached. */
  private readonly under: number[];

  constructor(private readonly sides: number) {
    this.under = Array.from({ length: sides }, () => Number.NEGATIVE_INFINITY);
  }

  /** Notes that `side` has reached this epoch, and returns the epoch's timeline. */
  epoch(side: number, number: number, label: string | undefined, startNs: number): EpochTimeline {
    this.under[side] = number;
    let epoch = this.epochs.get(number);
    if (epoch === undefined) {
      epoch = new EpochTimeline(number, label, startNs, this.sides);
      this.epochs.set(number, epoch);
      this.keepWithin();
    }
    return epoch;
  }

  /** The epoch where the strategies differ most, or then where most is stalled; epochs with windows take precedence. */
  mostTelling(): EpochTimeline | undefined {
    return [...this.epochs.values()].sort(moreTelling)[0];
  }

  private keepWithin(): void {
    let kept = [...this.epochs.values()].reduce((sum, { lanes }) => sum + lanes, 0);
    if (kept <= MOST_LANES) return;
    // An epoch is complete only when all strategies are past it.
    const known = Math.min(...this.under);
    const over = [...this.epochs.values()].filter(({ number }) => number < known).sort(moreTelling);
    // Halving the number avoids doing this at every epoch.
    while (kept > MOST_LANES / 2 && over.length > 1) {
      const { number, lanes } = over.pop() as EpochTimeline;
      this.epochs.delete(number);
      kept -= lanes;
    }
  }
}

function moreTelling(a: EpochTimeline, b: EpochTimeline): number {
  return (
    Number(b.hasWindows) - Number(a.hasWindows) ||
    b.changeNs - a.changeNs ||
    b.stallNs - a.stallNs ||
    a.number - b.number
  );
}
