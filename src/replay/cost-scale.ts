import { Cost, costs } from "./counters.js";

/** What can be scaled: each cost of a stall, and how much vCPUs that read memory at once slow each other down. */
export const scalableCosts = [...costs, "contention"] as const;
export type ScalableCost = (typeof scalableCosts)[number];

/** By cost: 1 = as it is, which is also what is left out. */
export type CostFactors = Readonly<Partial<Record<ScalableCost, number>>>;

/** Costs that are there or not: a wait is what the queue makes it. */
const waits: readonly ScalableCost[] = ["lockWait", "cpuWait"];

/**
 * What a replay's costs are multiplied with: 1 = as they are, 0 = free. A free lockWait means that the holders of an
 * MMU lock do not exclude each other (an entry that somebody is replacing stays taken); a free cpuWait, a CPU for
 * each vCPU; a free retry, that a vCPU goes on as soon as the entry that it met is free.
 */
export class CostScale {
  /** The scale of a self-replay. */
  static readonly whole = new CostScale({});
  private readonly factors: Float64Array;
  private readonly contentionFactor: number;

  /** All costs are as they are. */
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

  /** A read's time among `vcpus` that read: from what one alone takes, the scaled part of the way. */
  guestReadNs(readNs: (vcpus: number) => number, vcpus: number): number {
    if (this.contentionFactor === 1) return readNs(vcpus);
    const aloneNs = readNs(1);
    return aloneNs + this.contentionFactor * (readNs(vcpus) - aloneNs);
  }
}

/** Whether a cost can only be left as it is, or made free. */
export function isWait(cost: ScalableCost): boolean {
  return waits.includes(cost);
}
