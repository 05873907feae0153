import { UsageError } from "../errors.js";
import { loadStrategy } from "../strategy/load.js";
import type { Strategy } from "../strategy/strategy.js";
import { ablationOf, ablationsOf } from "./ablation.js";
import { caveatsOf } from "./caveats.js";
import { figuresOf } from "./figures.js";
import { findingsOf } from "./findings.js";
import type { SidesOptions } from "./options.js";
import { replaySession, type Session } from "./session.js";
import {
  profileSummary,
  recordedRatio,
  resultOf,
  type ShownEpoch,
  selfReplayOf,
  shownEpochs,
  traceSummary,
} from "./summary.js";
import type { ResultSide, TraceResult } from "./trace-result.js";
import { verdictOf, withCause } from "./verdict.js";

/** Replays a trace under all `strategies` in one pass. Throws UsageError, TraceFormatError, UnsupportedTraceError, StrategyError. */
export async function replayUnder(options: SidesOptions): Promise<TraceResult> {
  const result = await replayOnce(options);
  return options.explain === true ? explained(result, options) : result;
}

/** The verdict on a diff's candidate says how much of the change is left without the cost that changes most. */
async function explained(result: TraceResult, options: SidesOptions): Promise<TraceResult> {
  const [base, side] = result.sides;
  const cost = side?.verdict?.cause?.cost;
  if (base === undefined || side === undefined || side.verdict === null || cost === undefined) return result;
  const { observer, onProgress, ablate, sanitize, scale, ...job } = options;
  const { sides, epochs } = await replayOnce({ ...job, scale: { ...scale, [cost]: 0 } });
  const verdict = withCause(side.verdict, epochs, [sides[0]!, sides[1]!]);
  return { ...result, sides: [base, { ...side, verdict }] };
}

async function replayOnce(options: SidesOptions): Promise<TraceResult> {
  const strategies = await loadSides(options);
  const ablations = ablationsOf(options.ablate ?? []);
  const session = await replaySession(options, strategies, { ablations: [...ablations.values()] });
  const [first] = strategies as [Strategy, ...Strategy[]];
  const epochs = shownEpochs(session.replay.counters(first), session);
  return {
    kind: options.kind,
    trace: traceSummary(session),
    profile: profileSummary(session),
    selfReplay: selfReplayOf(session),
    sides: sidesOf(strategies, epochs, session),
    epochs: epochs.map(({ label, startNs }) => ({ label, startNs })),
    ablation: ablationOf(session, ablations, strategies),
    samples: null,
    caveats: caveatsOf(session, strategies),
    findings: findingsOf(session, strategies),
  };
}

/** A result tells its sides by their names. */
async function loadSides({ kind, strategies: names }: SidesOptions): Promise<Strategy[]> {
  const strategies: Strategy[] = [];
  for (const [n, name] of names.entries()) {
    const strategy = await loadStrategy(name);
    if (kind === "compare" && strategies.includes(strategy)) throw new UsageError(`${name} is named twice`);
    const twin = strategies.findIndex((other) => other !== strategy && other.name === strategy.name);
    if (twin >= 0)
      throw new UsageError(
        `${names[twin]} and ${names[n]} both call themselves "${strategy.name}": a result tells its sides by their names`,
      );
    strategies.push(strategy);
  }
  if (strategies.length === 0) throw new UsageError("expected at least one strategy");
  return strategies;
}

function sidesOf(
  strategies: readonly Strategy[],
  epochs: readonly ShownEpoch[],
  session: Session,
): ResultSide[] {
  const sides = strategies.map((strategy) => sideOf(strategy, epochs, session));
  return sides.map((side, n) =>
    n === 0
      ? side
      : { ...side, verdict: verdictOf(session, [strategies[0]!, strategies[n]!], [sides[0]!, side], epochs) },
  );
}

function sideOf(strategy: Strategy, epochs: readonly ShownEpoch[], session: Session): ResultSide {
  const counters = session.replay.counters(strategy);
  const replay = resultOf(strategy, counters, session);
  return {
    replay,
    recordedRatio: recordedRatio(counters),
    epochs: epochs.map(({ index }) => {
      const { makespanNs, faults } = counters.epochs[index]!;
      return { makespanNs, faults };
    }),
    figures: figuresOf(strategy, replay, epochs, session),
    verdict: null,
  };
}
