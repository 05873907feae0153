/** Why no machine should run a side: the memory that it exposes to guests, and the rules that its walker breaks. */

import { meanings } from "../stage2/finding.js";
import type { Strategy } from "../strategy/strategy.js";
import type { Verdict } from "./result.js";
import type { Session } from "./session.js";

type Hazard = Verdict["hazards"][number];

/** Pages that the replay itself sees exposed, and every rule that a sanitizer found broken, if one watched. */
export function hazardsOf({ replay }: Session, side: Strategy): Hazard[] {
  const atMost = replay.unknownSubtrees > 0;
  const found = replay
    .found(side)
    .map(({ rule, count, pages }): Hazard => ({ rule, count, pages, atMost, text: meanings[rule] }));
  const { uncleanBlocks, uncleanPages } = replay.counters(side);
  if (uncleanBlocks === 0 || found.some(({ rule }) => rule === "unclean-leaf")) return found;
  const exposed = { rule: "unclean-leaf", count: uncleanBlocks, pages: uncleanPages, atMost } as const;
  return [{ ...exposed, text: meanings["unclean-leaf"] }, ...found];
}
