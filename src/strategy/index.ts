import { postPatch } from "./post-patch.js";
import { postPatchClean } from "./post-patch-clean.js";
import { prePatch } from "./pre-patch.js";
import { reorderOnly } from "./reorder-only.js";
import type { Strategy } from "./strategy.js";
import { v5_10 } from "./v5.10.js";
import { v5_10Rfc } from "./v5.10-rfc.js";
import { v5_11 } from "./v5.11.js";
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
  v5_11,
  reorderOnly,
  v6_1,
  v6_12,
  v7_2,
];

export function strategyByName(name: string): Strategy | undefined {
  return strategies.find((strategy) => strategy.name === name);
}

export interface KernelStrategy {
  /** May name a strategy that is not built in. */
  readonly name: string;
  readonly caveat?: string;
}

/** Release that a strategy is the walker of, up to and including the one named: major * 1000 + minor. */
const walkerUpTo: readonly { readonly release: number; readonly name: string; readonly caveat?: string }[] = [
  { release: 5_011, name: "v5.10" },
  { release: 5_013, name: "v5.11" },
  { release: 6_001, name: "v6.1" },
  { release: 6_003, name: "v6.12", caveat: "its walk does not read an entry again after TABLE_PRE" },
  { release: 6_005, name: "v6.12", caveat: "it has no TLBI by range" },
  { release: 6_012, name: "v6.12" },
  { release: Number.POSITIVE_INFINITY, name: "v7.2", caveat: "the nearest later walker that is modelled" },
];
const FIRST_RELEASE = 5_010;

/**
 * The walker that a mainline or stable kernel of this release has, as `uname -r` prints it; a distribution's
 * suffix is ignored, and with it every patch. Undefined for a release before v5.10 or text that is none.
 */
export function strategyOfKernel(kernelRelease: string): KernelStrategy | undefined {
  const match = /^v?(\d+)\.(\d+)/.exec(kernelRelease.trim());
  if (match === null) return undefined;
  const release = Number(match[1]) * 1000 + Number(match[2]);
  if (release < FIRST_RELEASE) return undefined;
  const found = walkerUpTo.find((walker) => release <= walker.release);
  if (found === undefined) return undefined;
  if (found.caveat === undefined || release === 7_002) return { name: found.name };
  return {
    name: found.name,
    caveat: `kernel ${kernelRelease.trim()} is replayed as ${found.name}: ${found.caveat}`,
  };
}
