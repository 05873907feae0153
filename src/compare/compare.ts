import { UsageError } from "../errors.js";
import { loadStrategy } from "../strategy/load.js";
import type { Strategy } from "../strategy/strategy.js";
import { caveatsOf } from "./caveats.js";
import { comparePlace, figuresOf } from "./figures.js";
import { findingsOf } from "./findings.js";
import type { CompareOptions } from "./options.js";
import type { CompareResult } from "./result.js";
import { replaySession } from "./session.js";
import {
  profileSummary,
  recordedRatio,
  resultOf,
  selfReplayOf,
  shownEpochs,
  traceSummary,
} from "./summary.js";

/** Replays a trace under several strategies in one pass. Throws as diffTrace does. */
export async function compareTrace(options: CompareOptions): Promise<CompareResult> {
  const strategies: Strategy[] = [];
  for (const name of options.strategies) {
    const strategy = await loadStrategy(name);
    if (strategies.includes(strategy)) throw new UsageError(`${name} is named twice`);
    strategies.push(strategy);
  }
  const [first] = strategies;
  if (first === undefined) throw new UsageError("expected at least one strategy");
  const session = await replaySession(options, strategies);
  const counters = strategies.map((strategy) => session.replay.counters(strategy));
  const results = strategies.map((strategy, i) => resultOf(strategy, counters[i]!, session));
  return {
    schema: "s2replay-compare/1",
    trace: traceSummary(session),
    profile: profileSummary(session),
    selfReplay: selfReplayOf(session),
    sides: results.map((result, i) => ({ recordedRatio: recordedRatio(counters[i]!), result })),
    epochs: shownEpochs(counters[0]!, session).map(({ label, index }) => ({
      label,
      startNs: counters[0]!.epochs[index]!.recordedNs,
      sides: counters.map(({ epochs }) => {
        const { makespanNs, faults } = epochs[index]!;
        return { makespanNs, faults };
      }),
    })),
    figures: figuresOf(
      strategies.map((strategy, i) => ({ place: comparePlace(i), strategy, result: results[i]! })),
      session,
    ),
    caveats: caveatsOf(session, strategies),
    findings: findingsOf(session, strategies),
  };
}
