import { UsageError } from "../errors.js";
import type { Counters } from "../replay/counters.js";
import { loadStrategy } from "../strategy/load.js";
import { ablationResult, ablationsOf } from "./ablation.js";
import { caveatsOf } from "./caveats.js";
import { basePlace, candidatePlace, figuresOf, replayPlace } from "./figures.js";
import { findingsOf } from "./findings.js";
import type { DiffOptions, ReplayOptions } from "./options.js";
import type { DiffResult, ReplayRunResult } from "./result.js";
import { replaySession } from "./session.js";
import {
  profileSummary,
  recordedRatio,
  resultOf,
  selfReplayOf,
  shownEpochs,
  traceSummary,
} from "./summary.js";

/** Replays a trace under two strategies. Throws UsageError, TraceFormatError, UnsupportedTraceError, StrategyError. */
export async function diffTrace(options: DiffOptions): Promise<DiffResult> {
  const base = await loadStrategy(options.base);
  const candidate = await loadStrategy(options.candidate);
  if (base !== candidate && base.name === candidate.name)
    throw new UsageError(
      `${options.base} and ${options.candidate} both call themselves "${base.name}": a result tells its sides by their names`,
    );
  const ablations = ablationsOf(options.ablate ?? []);
  const session = await replaySession(options, [base, candidate], { ablations: [...ablations.values()] });
  const ofBase = session.replay.counters(base);
  const ofCandidate = session.replay.counters(candidate);
  const sides = {
    base: resultOf(base, ofBase, session),
    candidate: resultOf(candidate, ofCandidate, session),
  };
  return {
    schema: "s2replay-diff/1",
    trace: traceSummary(session),
    profile: profileSummary(session),
    timing: { baseRecordedRatio: recordedRatio(ofBase), candidateRecordedRatio: recordedRatio(ofCandidate) },
    selfReplay: selfReplayOf(session),
    ...sides,
    epochs: shownEpochs(ofBase, session).map(({ label, index }) => {
      const b = ofBase.epochs[index] as Counters["epochs"][number];
      const c = ofCandidate.epochs[index] as Counters["epochs"][number];
      return {
        label,
        startNs: b.recordedNs,
        base: { makespanNs: b.makespanNs, faults: b.faults },
        candidate: { makespanNs: c.makespanNs, faults: c.faults },
      };
    }),
    figures: figuresOf(
      [
        { place: basePlace, strategy: base, result: sides.base },
        { place: candidatePlace, strategy: candidate, result: sides.candidate },
      ],
      session,
    ),
    ablation: ablationResult(session, ablations, base, candidate),
    samples: null,
    caveats: caveatsOf(session, [base, candidate]),
    findings: findingsOf(session, [base, candidate]),
  };
}

/** Replays a trace under one strategy. Throws as diffTrace does. */
export async function replayTrace(options: ReplayOptions): Promise<ReplayRunResult> {
  const strategy = await loadStrategy(options.strategy);
  const session = await replaySession(options, [strategy]);
  const counters = session.replay.counters(strategy);
  const result = resultOf(strategy, counters, session);
  return {
    schema: "s2replay-replay/1",
    trace: traceSummary(session),
    profile: profileSummary(session),
    timing: { recordedRatio: recordedRatio(counters) },
    selfReplay: selfReplayOf(session),
    result,
    epochs: shownEpochs(counters, session).map(({ label, index }) => {
      const { recordedNs, makespanNs, faults } = counters.epochs[index] as Counters["epochs"][number];
      return { label, startNs: recordedNs, makespanNs, faults };
    }),
    figures: figuresOf([{ place: replayPlace, strategy, result }], session),
    caveats: caveatsOf(session, [strategy]),
    findings: findingsOf(session, [strategy]),
  };
}
