import type { Counters } from "../replay/counters.js";
import type { Strategy } from "../strategy/strategy.js";
import type { Caveat } from "./result.js";
import type { Session } from "./session.js";

/** What a reader of the result must know before he believes it. */
export function caveatsOf(session: Session, sides: readonly Strategy[]): Caveat[] {
  const { replay, recorder, profile, source } = session;
  const caveats: Caveat[] = [...session.recorderCaveats];
  for (const strategy of new Set(sides)) caveats.push(...uncleanPages(strategy, replay.counters(strategy)));
  if (recorder !== undefined && !sides.some((side) => side.name === recorder.name))
    caveats.push({
      code: "other-walker-recorded",
      text: `recorded under ${recorder.name}: both sides are predictions, neither is the record`,
    });
  const walkers = Object.keys(profile.document.walkers ?? {});
  if (recorder !== undefined && sides.some((side) => side !== recorder) && walkers.length > 0)
    caveats.push({
      code: "compiled-walk",
      text: `profile ${profile.name} has its own time for a leaf visit of each walker, measured on one compiler's builds; another build's may differ`,
    });
  if (replay.reference.unknownSubtrees > 0)
    caveats.push({
      code: "unknown-population",
      text: `${replay.reference.unknownSubtrees} coalesced subtrees were populated while nothing was recorded: their walk is as recorded under ${recorder?.name ?? "the recording walker"}, and the number of their pages is not known`,
    });
  for (const [name, count] of source.report.unknown)
    caveats.push({ code: "unknown-event", text: `unknown event ${name}: ${count} lines ignored` });
  return caveats;
}

function uncleanPages(strategy: Strategy, counters: Counters): Caveat[] {
  if (counters.uncleanBlocks === 0) return [];
  return [
    {
      code: "unclean-pages",
      text: `${strategy.name} omits the D-cache clean on coalesce; this machine has no FWB: ${counters.uncleanBlocks} blocks exposed ${counters.uncleanPages} unclean pages to the guest`,
    },
  ];
}
