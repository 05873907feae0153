/**
 * Models v7.2 (v7.2.13, pgtable.c blob b74dd5ce1efd): v6.12's walk with another bit for a locked entry; the entry of a
 * table that is torn down is cleared afterwards.
 *
 * Left out: the same as in v6.12.
 */
import { v7_2 as generation } from "./generation.js";
import type { Strategy } from "./strategy.js";
import { LockingMap, v6_12 } from "./v6.12.js";

const LOCKED = { lo: 0, hi: 1 << 28 };

export const v7_2: Strategy = {
  ...v6_12,
  name: "v7.2",
  compiledAs: "v7.2",
  models: "v7.2 (v7.2.13)",
  golden: "E",
  generation,
  createMapWalker: (ops, map) => new LockingMap(ops, map, LOCKED),
};
