/**
 * Models v5.10 and its stable releases: v5.12-rc1 without the "concurrent translation fault" series.
 *
 * A coalesce is the same as v5.12-rc1's. A map that finds an existing mapping differs: v5.12-rc1 returns -EAGAIN if
 * only permissions would change; v5.10 leaves an identical leaf alone and returns 0, and breaks, flushes and replaces
 * any other valid leaf, even if only its permissions change.
 *
 * Left out: the fault path around the walk; its clean is a declared fact that the replay honours.
 */
import { habits } from "./map-steps.js";
import { PrePatchMap } from "./pre-patch.js";
import type { Strategy } from "./strategy.js";
import { v5_12_rc1 } from "./v5.12-rc1.js";

export const v5_10: Strategy = {
  name: "v5.10",
  compiledAs: "v5.10",
  models: "v5.10 to v5.11 and v5.10 stable",
  lockRegime: "exclusive",
  faultPathCleans: true,
  deferredFrees: false,
  generation: v5_12_rc1.generation,
  deviations: [
    ...v5_12_rc1.deviations,
    {
      law: "same-answer",
      reason: "a mapping that is there already is tolerated or replaced, never answered -EAGAIN",
    },
    {
      law: "same-table",
      reason:
        "a mapping that is there already takes the permissions asked for, and the walk goes on behind it",
    },
  ],
  createMapWalker: (ops, map) => new PrePatchMap(ops, map, habits["v5.10"]),
};
