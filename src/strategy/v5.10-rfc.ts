/**
 * Models v5.10 with the RFC's two walker patches (2/4 and 3/4): the kernel of the 5.10.262-rfc recordings.
 *
 * A coalesce is the same as post-patch's, but the fault path cleans memory before the walk; a map that finds an
 * existing mapping behaves as in v5.10.
 *
 * Left out: the fault path around the walk; its clean is a declared fact that the replay honours.
 */
import { habits } from "./map-steps.js";
import { PostPatchMap } from "./post-patch.js";
import type { Strategy } from "./strategy.js";
import { v5_10 } from "./v5.10.js";

export const v5_10Rfc: Strategy = {
  ...v5_10,
  name: "v5.10-rfc",
  compiledAs: "v5.10-rfc",
  models: "v5.10 + RFC 2/4 and 3/4",
  createMapWalker: (ops, map) => new PostPatchMap(ops, map, habits["v5.10"]),
};
