import { UsageError } from "../errors.js";
import { loadStrategy } from "../strategy/load.js";
import type { Strategy } from "../strategy/strategy.js";
import { caveatsOf } from "./caveats.js";
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
  return {
    schema: "s2replay-compare/1",
    trace: traceSummary(session),
    profile: profileSummary(session),
    selfReplay: selfReplayOf(session),
    sides: strategies.map((strategy, i) => ({
      recordedRatio: recordedRatio(counters[i]!),
      result: resultOf(strategy, counters[i]!, session),
    })),
    epochs: shownEpochs(counters[0]!, session).map(({ label, index }) => ({
      label,
      startNs: counters[0]!.epochs[index]!.recordedNs,
      sides: counters.map(({ epochs }) => {
        const { makespanNs, faults } = epochs[index]!;
        return { makespanNs, faults };
      }),
    })),
    caveats: caveatsOf(session, strategies),
    findings: findingsOf(session, strategies),
  };
}
