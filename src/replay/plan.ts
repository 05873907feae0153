import type { CostProfile, FigureName } from "../cost/profile.js";
import { ZERO } from "../double.js";
import { Charge, type ChargeKind, chargeKinds } from "../stage2/meter.js";
import type { Strategy } from "../strategy/strategy.js";
import type { CostScale } from "./cost-scale.js";
import { Cost, costOf } from "./counters.js";

/** What a map-like operation does to the table. */
export const Shape = {
  /** The mapping already exists. */
  unchanged: 0,
  /** An invalid entry becomes a leaf. */
  install: 1,
  /** A block becomes a table. */
  split: 2,
  /** A table becomes a block. */
  coalesce: 3,
  /** Any operation other than map. */
  other: 4,
} as const;
export type Shape = (typeof Shape)[keyof typeof Shape];

/** The duration of one operation by its parts, set before its walk. */
export class Plan {
  /** From the function's entry to the walk. */
  beforeNs = ZERO;
  /**
   * When the entry is broken, from the function's entry on, in a walk without timed parts; NaN = when it gets there.
   */
  breakAtNs = Number.NaN;
  /** How much earlier than the leaves below it a table is stored, if the walk's parts are not timed. */
  tableLeadNs = ZERO;
  /** When the recording walker installed the block, from the function's entry on; NaN = derived from the parts. */
  installAtNs = Number.NaN;
  /** Time of one unit of each charge kind; 0 if the walk's parts are not timed. */
  readonly unitNs = new Float64Array(chargeKinds);

  /** Sets a profile's units. */
  set(units: Float64Array): void {
    this.unitNs.set(units);
  }

  /** Multiplies each part by its cost's factor. */
  scale(scale: CostScale, shape: Shape): void {
    this.beforeNs *= scale.of(Cost.walk);
    for (let kind = 0; kind < chargeKinds; kind++)
      this.unitNs[kind] = (this.unitNs[kind] as number) * scale.of(costOfCharge(kind, shape));
  }

  /** Makes any whole walk take `ns`, in a plan without units. */
  setFlat(ns: number): void {
    this.beforeNs = ns;
  }
}

/** The cost of an operation's charges: nearly all visits of a coalesce are to the subtree that it detaches. */
export function costOfCharge(kind: number, shape: Shape): number {
  return kind === Charge.entryVisit && shape === Shape.coalesce ? Cost.teardown : costOf(kind);
}

/** The figure for a unit of each charge kind, and how many of it a unit takes. */
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
