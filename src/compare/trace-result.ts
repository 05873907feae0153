/** What a trace came to: the one result that diff, compare and replay are kinds of. */

import { UsageError } from "../errors.js";
import { loadStrategy } from "../strategy/load.js";
import type { Strategy } from "../strategy/strategy.js";
import { type Ablation, ablationOf, ablationsOf } from "./ablation.js";
import { caveatsOf } from "./caveats.js";
import { figuresOf } from "./figures.js";
import { findingsOf } from "./findings.js";
import type { ResultKind, SidesOptions } from "./options.js";
import type {
  Caveat,
  DiffResult,
  Draws,
  Figure,
  ProfileSummary,
  ReplayResult,
  ResultFinding,
  SelfReplay,
  TraceSummary,
} from "./result.js";
import { replaySession, type Session } from "./session.js";
import {
  profileSummary,
  recordedRatio,
  resultOf,
  selfReplayOf,
  shownEpochs,
  traceSummary,
} from "./summary.js";

/** One trace replayed under one strategy or several, which are set against the first. Plain data. */
export interface TraceResult {
  readonly kind: ResultKind;
  readonly trace: TraceSummary;
  readonly profile: ProfileSummary;
  /** Null where the recording walker is unknown. */
  readonly selfReplay: SelfReplay | null;
  readonly sides: readonly ResultSide[];
  readonly epochs: readonly ResultEpoch[];
  /** Null where it was not asked for, as samples and findings are. */
  readonly ablation: Ablation | null;
  readonly samples: Samples | null;
  readonly caveats: readonly Caveat[];
  readonly findings: readonly ResultFinding[] | null;
}

interface ResultEpoch {
  readonly label: string;
  /** In the trace. */
  readonly startNs: number;
}

/** What `--samples` found; the interval of each figure is with the figure. */
export interface Samples {
  readonly draws: Draws;
  /** By side: its changes from the first one, which has none itself. */
  readonly changes: readonly (readonly SampledChange[])[];
}

/** What draws of the profile make of one figure's change. */
export type SampledChange = NonNullable<DiffResult["samples"]>["figures"][number];

/** One strategy's side of a result. */
export interface ResultSide {
  readonly replay: ReplayResult;
  /** Share of the stall time taken as recorded; the rest is modelled. */
  readonly recordedRatio: number;
  /** One for each epoch of the result. */
  readonly epochs: readonly EpochFigures[];
  /** What each number is, by its path in `replay`, as `stallNs.p50`, or in this side, as `epochs.0.makespanNs`. */
  readonly figures: Readonly<Record<string, Figure>>;
}

interface EpochFigures {
  readonly makespanNs: number;
  readonly faults: number;
}

/** Replays a trace under all `strategies` in one pass. Throws UsageError, TraceFormatError, UnsupportedTraceError, StrategyError. */
export async function replayUnder(options: SidesOptions): Promise<TraceResult> {
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
    sides: strategies.map((strategy) => sideOf(strategy, epochs, session)),
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

function sideOf(
  strategy: Strategy,
  epochs: readonly { readonly index: number }[],
  session: Session,
): ResultSide {
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
  };
}
