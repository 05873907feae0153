import type { Strategy } from "../strategy/strategy.js";
import type { Counters } from "./counters.js";
import { Shape } from "./plan.js";

/** Notes memory that a walk exposes, regardless of which part of the trace is counted. */
export function noteExposed(
  {
    counters,
    fwb,
    strategy,
  }: { readonly counters: Counters; readonly fwb: boolean; readonly strategy: Strategy },
  shape: number,
  work: Float64Array,
  bytes: number,
  pageBytes: number,
): void {
  if (shape === Shape.coalesce && !fwb && !strategy.faultPathCleans)
    counters.noteUnclean(work, bytes, pageBytes);
}
