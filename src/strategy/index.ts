import { postPatch } from "./post-patch.js";
import { postPatchClean } from "./post-patch-clean.js";
import { prePatch } from "./pre-patch.js";
import { reorderOnly } from "./reorder-only.js";
import type { Strategy } from "./strategy.js";
import { v5_10 } from "./v5.10.js";
import { v5_10Rfc } from "./v5.10-rfc.js";
import { v5_12_rc1 } from "./v5.12-rc1.js";
import { v6_1 } from "./v6.1.js";
import { v6_12 } from "./v6.12.js";
import { v7_2 } from "./v7.2.js";

/** The built-in strategies. */
export const strategies: readonly Strategy[] = [
  prePatch,
  postPatch,
  postPatchClean,
  v5_10,
  v5_10Rfc,
  v5_12_rc1,
  reorderOnly,
  v6_1,
  v6_12,
  v7_2,
];

/** Former names of strategies. -EAGAIN came with v5.12-rc1; the v5.11 release does not have that walker. */
export const formerNames: ReadonlyMap<string, string> = new Map([["v5.11", "v5.12-rc1"]]);

export function strategyByName(name: string): Strategy | undefined {
  return strategies.find((strategy) => strategy.name === name);
}
