import type { CostProfile, FigureName } from "../cost/profile.js";
import { ZERO } from "../double.js";
import { Charge, type ChargeKind, chargeKinds } from "../stage2/meter.js";
import type { Strategy } from "../strategy/strategy.js";
import type { CostScale } from "./cost-scale.js";
import { Cost, costOf } from "./counters.js";

/** What a map-like operation turns out to do to the table. */
export const Shape = {
  /** The mapping is there already. */
  unchanged: 0,
  /** An invalid entry becomes a leaf. */
  install: 1,
  /** A block becomes a table. */
  split: 2,
  /** A table becomes a block. */
  coalesce: 3,
  /** Everything that is not a map. */
  other: 4,
} as const;
export type Shape = (typeof Shape)[keyof typeof Shape];

/** How long one operation takes, part by part: filled in before its walk. */
export class Plan {
  /** From the function's entry to the walk. */
  beforeNs = ZERO;
  /** When the entry is made invalid, from the function's entry on, in a walk that is not told apart; NaN = when it comes to it. */
  breakAtNs = Number.NaN;
  /** By how much a table is there before the leaves below it, in a walk that is not told apart. */
  tableLeadNs = ZERO;
  /** When the recording walker itself installed the block, from the function's entry on; NaN = it follows from the parts. */
  installAtNs = Number.NaN;
  /** One unit of each charge kind; 0 where the walk is not told apart. */
  readonly unitNs = new Float64Array(chargeKinds);

  /** Takes a profile's units. */
  set(units: Float64Array): void {
    this.unitNs.set(units);
  }

  /** Multiplies each part with its cost's factor. */
  scale(scale: CostScale, shape: Shape): void {
    this.beforeNs *= scale.of(Cost.walk);
    for (let kind = 0; kind < chargeKinds; kind++)
      this.unitNs[kind] = (this.unitNs[kind] as number) * scale.of(costOfCharge(kind, shape));
  }

  /** The whole walk takes `ns`, whatever it does: of a plan that has no units. */
  setFlat(ns: number): void {
    this.beforeNs = ns;
  }
}

/** The cost that an operation's charges belong to: nearly all visits of a coalesce are to the subtree that it detaches. */
export function costOfCharge(kind: number, shape: Shape): number {
  return kind === Charge.entryVisit && shape === Shape.coalesce ? Cost.teardown : costOf(kind);
}

/** By charge kind: the figure that a unit costs, and how much of it. */
export const figureOf: readonly (readonly [ChargeKind, FigureName, number])[] = [
  [Charge.entryVisit, "entryVisitNs", 1],
  [Charge.pteStore, "pteStoreNs", 1],
  [Charge.pageGet, "pagePutNs", 1],
  [Charge.pagePut, "pagePutNs", 1],
  [Charge.tableAlloc, "tableAllocNs", 1],
  [Charge.tableFree, "tableFreeNs", 1],
  [Charge.tlbiVmid, "tlbiVmidNs", 1],
  [Charge.tlbiIpa, "tlbiIpaNs", 1],
  [Charge.tlbiRange, "tlbiRangeNs", 1],
  [Charge.cleanByte, "cleanLineNs", 1 / 64],
  [Charge.icacheByte, "icacheLineNs", 1 / 64],
  [Charge.deferFree, "deferFreeNs", 1],
];

/** A profile's figures by charge kind, for one walker's compiled code. */
export function unitCosts(profile: CostProfile, { compiledAs, name: own }: Strategy): Float64Array {
  const units = new Float64Array(chargeKinds);
  for (const [kind, name, share] of figureOf) units[kind] = profile.figure(name, compiledAs ?? own) * share;
  return units;
}
