import { Cost, costs } from "./counters.js";

/** What can be scaled: each cost of a stall, and how much vCPUs that read memory in parallel slow each other down. */
export const scalableCosts = [...costs, "contention"] as const;
export type ScalableCost = (typeof scalableCosts)[number];

/** Factor by cost; default 1 = unchanged. */
export type CostFactors = Readonly<Partial<Record<ScalableCost, number>>>;

/** Costs that can only be kept or removed: the queue determines how long a wait is. */
const waits: readonly ScalableCost[] = ["lockWait", "cpuWait"];

/**
 * The factors of a replay's costs: 1 = unchanged, 0 = free. A free lockWait means that holders of an MMU lock do not
 * exclude each other (an entry that is being replaced stays taken); a free cpuWait means one CPU for each vCPU; a free
 * retry means that a vCPU continues as soon as the entry that it hit is free.
 */
export class CostScale {
  /** The scale of a self-replay. */
  static readonly whole = new CostScale({});
  private readonly factors: Float64Array;
  private readonly contentionFactor: number;

  /** All costs are unchanged. */
  readonly isWhole: boolean;

  constructor(factors: CostFactors) {
    this.factors = Float64Array.from(costs, (cost) => factors[cost] ?? 1);
    this.contentionFactor = factors.contention ?? 1;
    this.isWhole = this.contentionFactor === 1 && this.factors.every((factor) => factor === 1);
  }

  of(cost: number): number {
    return this.factors[cost] as number;
  }

  get locksAreFree(): boolean {
    return this.of(Cost.lockWait) === 0;
  }

  get cpusAreFree(): boolean {
    return this.of(Cost.cpuWait) === 0;
  }

  /** A read's time while `vcpus` read: the time of a single reader, plus the scaled extra time. */
  guestReadNs(readNs: (vcpus: number) => number, vcpus: number): number {
    if (this.contentionFactor === 1) return readNs(vcpus);
    const aloneNs = readNs(1);
    return aloneNs + this.contentionFactor * (readNs(vcpus) - aloneNs);
  }
}

/** Whether a cost can only be kept or made free. */
export function isWait(cost: ScalableCost): boolean {
  return waits.includes(cost);
}
