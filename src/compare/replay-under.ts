import { UsageError } from "../errors.js";
import { strategies, strategyByName } from "../strategy/index.js";
import { standInText } from "../strategy/kernel-release.js";
import { loadStrategy } from "../strategy/load.js";
import type { Strategy } from "../strategy/strategy.js";
import { ablationOf, ablationsOf } from "./ablation.js";
import { caveatsOf } from "./caveats.js";
import { figuresOf } from "./figures.js";
import { findingsOf } from "./findings.js";
import type { ResultKind, SidesOptions } from "./options.js";
import type { Caveat } from "./result.js";
import { replaySession, type Session } from "./session.js";
import {
  memslotsOf,
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

/**
 * Replays a trace under all `strategies` in one pass. Throws UsageError, TraceFormatError, UnsupportedTraceError,
 * StrategyError.
 */
export async function replayUnder(options: SidesOptions): Promise<TraceResult> {
  const result = await replayOnce(options);
  return options.explain === true ? explained(result, options) : result;
}

/** Adds to the verdict on a diff's candidate how much of the change is left without the cost that changes most. */
async function explained(result: TraceResult, options: SidesOptions): Promise<TraceResult> {
  const [base, side] = result.sides;
  const cost = side?.verdict?.cause?.cost;
  if (base === undefined || side === undefined || side.verdict === null || cost === undefined) return result;
  // A verdict that does not tell has nothing to explain.
  if (side.verdict.reasons.length > 0) return result;
  const { observer, ablate, sanitize, scale, ...job } = options;
  const { sides, epochs } = await replayOnce({ ...job, scale: { ...scale, [cost]: 0 } });
  const verdict = withCause(side.verdict, epochs, [sides[0]!, sides[1]!]);
  return { ...result, sides: [base, { ...side, verdict }] };
}

async function replayOnce(options: SidesOptions): Promise<TraceResult> {
  const asked = await askedOf(options);
  const ablations = ablationsOf(options.ablate ?? []);
  const session = await replaySession(options, (recorder) => chosenFor(options.kind, asked, recorder), {
    ablations: [...ablations.values()],
  });
  const { sides } = session;
  const [first] = sides as [Strategy, ...Strategy[]];
  const epochs = shownEpochs(session.replay.counters(first), session);
  return {
    kind: options.kind,
    trace: traceSummary(session),
    profile: profileSummary(session),
    selfReplay: selfReplayOf(session),
    sides: sidesOf(sides, epochs, session),
    epochs: epochs.map(({ label, startNs }) => ({ label, startNs })),
    ablation: ablationOf(session, ablations, sides),
    samples: null,
    caveats: [...standIns(asked), ...caveatsOf(session, sides)],
    findings: findingsOf(session, sides),
    memslots: memslotsOf(session),
  };
}

/** A side as requested: by a name or a module, or left to the trace. */
interface Asked {
  readonly name: string | undefined;
  readonly strategy: Strategy | undefined;
}

/** The defaults where the recording walker is unknown: the comparison that this program was written for. */
const USUAL_BASE = "pre-patch";
const USUAL_CANDIDATE = "post-patch";

async function askedOf({ strategies }: SidesOptions): Promise<Asked[]> {
  if (strategies.length === 0) throw new UsageError("expected at least one strategy");
  const asked: Asked[] = [];
  for (const name of strategies)
    asked.push({ name, strategy: name === undefined ? undefined : await loadStrategy(name) });
  return asked;
}

/** The requested strategies, with the defaults for those left open: the recording walker, then its successor. */
function chosenFor(kind: ResultKind, asked: readonly Asked[], recorder: Strategy | undefined): Strategy[] {
  const sides: Strategy[] = [];
  for (const [n, { strategy }] of asked.entries())
    sides.push(strategy ?? (n === 0 ? (recorder ?? strategyByName(USUAL_BASE)!) : successorOf(sides[0]!)));
  for (const [n, side] of sides.entries()) {
    const calls = (at: number) => asked[at]!.name ?? sides[at]!.name;
    const same = sides.indexOf(side);
    if (kind === "compare" && same < n)
      throw new UsageError(
        calls(same) === calls(n)
          ? `${calls(n)} is named twice`
          : `${calls(same)} and ${calls(n)} are one strategy, ${side.name}`,
      );
    const twin = sides.findIndex((other) => other !== side && other.name === side.name);
    // A result identifies its sides by their names.
    if (twin >= 0 && twin < n)
      throw new UsageError(
        `${calls(twin)} and ${calls(n)} both call themselves "${side.name}": a result tells its sides by their names`,
      );
  }
  return sides;
}

function successorOf({ name }: Strategy): Strategy {
  if (name === USUAL_BASE) return strategyByName(USUAL_CANDIDATE)!;
  const others = strategies.map((each) => each.name).filter((other) => other !== name);
  throw new UsageError(
    `--candidate: expected what ${name} is to be compared with: ${others.join(", ")}, a kernel release, or a module's file`,
  );
}

/** Caveats for kernel releases that a built-in strategy stands for. */
function standIns(asked: readonly Asked[]): Caveat[] {
  return asked.flatMap(({ name, strategy }) => {
    const text = name === undefined || strategy === undefined ? undefined : standInText(name, strategy);
    return text === undefined ? [] : [{ code: "stands-for", text }];
  });
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
