/**
 * Models v5.12-rc1 with RFC 2/4 and 3/4 but without 1/4: only the change of order.
 *
 * A coalesce is the same as post-patch's, but the fault path cleans memory before the walk, as in v5.12-rc1, so no
 * clean is lost: a comparison with v5.12-rc1 shows the gain of the order alone.
 *
 * Left out: the fault path around the walk; its clean is a declared fact that the replay honours.
 */
import { habits } from "./map-steps.js";
import { PostPatchMap } from "./post-patch.js";
import type { Strategy } from "./strategy.js";
import { v5_12_rc1 } from "./v5.12-rc1.js";

export const reorderOnly: Strategy = {
  ...v5_12_rc1,
  name: "reorder-only",
  compiledAs: "reorder-only",
  models: "v5.12-rc1 + RFC 2/4 and 3/4 without 1/4: the change of order alone",
  golden: "B0",
  createMapWalker: (ops, map) => new PostPatchMap(ops, map, habits["v5.12-rc1"]),
};
