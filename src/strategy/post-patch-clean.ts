/**
 * Models post-patch with the lost clean put back inside the window, just before the block is stored: this separates the
 * patch's two changes. No kernel had it; v6.2 adopted the order with the clean.
 *
 * Left out: the same as in post-patch.
 */
import type { Visit } from "../stage2/visit.js";
import { habits } from "./map-steps.js";
import { PostPatchMap, postPatch } from "./post-patch.js";
import { type Strategy, skipsAfterBlock } from "./strategy.js";

class PostPatchCleanMap extends PostPatchMap {
  override makeBlock(visit: Visit): void {
    if (this.map.isCacheable) this.ops.cleanDcache(this.map.phys, visit.bytes);
    super.makeBlock(visit);
  }
}

const { golden: _, ...asPosted } = postPatch;

export const postPatchClean: Strategy = {
  ...asPosted,
  name: "post-patch+clean",
  compiledAs: "post-patch+clean",
  models: "post-patch with the D-cache clean kept inside the window",
  deviations: [skipsAfterBlock],
  createMapWalker: (ops, map) => new PostPatchCleanMap(ops, map, habits["rfc-1/4"]),
};
