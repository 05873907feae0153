/**
 * Models v5.12-rc1 with RFC 2/4 and 3/4 but without 1/4: the pure change of order.
 *
 * A coalesce is post-patch's; memory is cleaned by the fault path before the walk, as in v5.12-rc1, so nothing is
 * lost: against v5.12-rc1 it shows what the order alone gains.
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
