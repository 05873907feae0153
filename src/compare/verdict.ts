/** What a side of a result comes to against the first one, and whether the replay can tell: one of four. */

import { costs } from "../replay/counters.js";
import type { Strategy } from "../strategy/strategy.js";
import { reasonsOf, SIGN_IS_ASSUMED, signUnknown } from "./cannot-tell.js";
import { changeInterval } from "./change-interval.js";
import { hazardsOf } from "./hazards.js";
import type { Verdict } from "./result.js";
import type { Session } from "./session.js";
import type { ResultSide } from "./trace-result.js";

type Change = NonNullable<Verdict["change"]>;

interface ShownEpoch {
  readonly label: string;
}

/** Of the costs of a stall those that are no wait: what changes them is the walker's work. */
const works = costs.filter((cost) => cost !== "lockWait" && cost !== "cpuWait");

/**
 * The verdict on a side. It is about the epoch whose time changes most, or the one that was asked for; about the guest's
 * stall where no time changes, and about the faults where no stall does.
 */
export function verdictOf(
  session: Session,
  [base, side]: readonly [Strategy, Strategy],
  [before, after]: readonly [ResultSide, ResultSide],
  epochs: readonly ShownEpoch[],
): Verdict {
  const hazards = hazardsOf(session, side);
  const unsafe = hazards.length > 0;
  const change = changeOf(before, after, epochs, session.options.epoch !== undefined);
  if (change === null) return { outcome: "no difference", change, reasons: [], cause: null, unsafe, hazards };
  const { replay } = session;
  const interval = changeInterval(session, replay.counters(base), replay.counters(side), change.change);
  const told = { ...change, ...(interval === null ? {} : { interval }) };
  const cause = leadingCost(before, after);
  return withReasons({ outcome: "no difference", change: told, reasons: [], cause, unsafe, hazards }, [
    ...reasonsOf(session, base, side, told),
    ...signUnknown(told),
  ]);
}

/** Null where nothing changes that anybody waits for. */
function changeOf(
  before: ResultSide,
  after: ResultSide,
  epochs: readonly ShownEpoch[],
  isAsked: boolean,
): Change | null {
  const of = (metric: Change["of"], epoch: string | null, base: number, candidate: number): Change => ({
    of: metric,
    epoch,
    base,
    candidate,
    change: candidate - base,
    ratio: base === 0 ? null : (candidate - base) / base,
  });
  const times = epochs.map(({ label }, n) =>
    of("time", label, before.epochs[n]!.makespanNs, after.epochs[n]!.makespanNs),
  );
  const whole = of("time", null, before.replay.makespanNs, after.replay.makespanNs);
  const [most = whole] = times.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  if (most.change !== 0) return most;
  if (whole.change !== 0 && !isAsked) return whole;
  const rest = [
    of("stall", null, before.replay.stallNs.total, after.replay.stallNs.total),
    of("faults", null, before.replay.faults.total, after.replay.faults.total),
  ];
  return rest.find(({ change }) => change !== 0) ?? null;
}

/** The cost of the walker's own work that changes most; null where none does: then the order of the steps is all. */
function leadingCost(before: ResultSide, after: ResultSide): Verdict["cause"] {
  const changes = works.map((cost) => ({
    cost,
    change: after.replay.costNs[cost] - before.replay.costNs[cost],
  }));
  const [most] = changes.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  return most === undefined || most.change === 0 ? null : { cost: most.cost, remaining: null };
}

/** The verdict where draws tell between what its change lies. */
export function withInterval(verdict: Verdict, interval: Change["interval"]): Verdict {
  const { change, reasons } = verdict;
  if (change === null || interval === undefined) return verdict;
  const told = { ...change, interval };
  return withReasons({ ...verdict, change: told }, [
    ...reasons.filter((reason) => reason !== SIGN_IS_ASSUMED),
    ...signUnknown(told),
  ]);
}

function withReasons(verdict: Verdict, reasons: string[]): Verdict {
  const { change } = verdict;
  if (change === null) return verdict;
  const outcome = reasons.length > 0 ? "does not tell" : change.change < 0 ? "gain" : "loss";
  return { ...verdict, outcome, reasons };
}

/** The verdict with the share of its change that is left without its leading cost. */
export function withCause(
  verdict: Verdict,
  epochs: readonly ShownEpoch[],
  [before, after]: readonly [ResultSide, ResultSide],
): Verdict {
  const { change, cause } = verdict;
  if (change === null || cause === null || change.change === 0) return verdict;
  const valueIn = ({ replay, epochs: own }: ResultSide): number => {
    if (change.of === "faults") return replay.faults.total;
    if (change.of === "stall") return replay.stallNs.total;
    const n = epochs.findIndex(({ label }) => label === change.epoch);
    return n < 0 ? replay.makespanNs : (own[n]?.makespanNs ?? Number.NaN);
  };
  const remaining = (valueIn(after) - valueIn(before)) / change.change;
  return Number.isFinite(remaining) ? { ...verdict, cause: { ...cause, remaining } } : verdict;
}
