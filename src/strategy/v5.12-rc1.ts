/**
 * Models v5.11-rc6 with the "concurrent translation fault" series of January 2021: pre-patch without RFC 1/4 (pgtable.c
 * blob 4d177ce1d536).
 *
 * A coalesce is the same as pre-patch's, but the walker never cleans: the fault path cleans the whole block before the
 * walk, under the lock, and so does every vCPU that faulted meanwhile (`faultPathCleans`). The window is only the
 * teardown.
 *
 * Left out: the fault path around the walk; its clean is a declared fact that the replay honours.
 */
import { habits } from "./map-steps.js";
import { PrePatchMap, prePatch } from "./pre-patch.js";
import type { Strategy } from "./strategy.js";

export const v5_12_rc1: Strategy = {
  ...prePatch,
  name: "v5.12-rc1",
  compiledAs: "v5.12-rc1",
  models: "v5.11-rc6 + concurrent translation fault series v3 (merged for v5.12-rc1)",
  golden: "A",
  faultPathCleans: true,
  createMapWalker: (ops, map) => new PrePatchMap(ops, map, habits["v5.12-rc1"]),
};
