/** The verdict on a side against the first one: no difference, gain, loss, or that the replay does not tell. */

import type { Strategy } from "../strategy/strategy.js";
import { reasonsOf, SIGN_IS_ASSUMED, signUnknown } from "./cannot-tell.js";
import { changeInterval } from "./change-interval.js";
import { changePath, numberOf } from "./figures.js";
import { hazardsOf } from "./hazards.js";
import type { TraceOptions } from "./options.js";
import type { StallCost, Verdict } from "./result.js";
import type { Session } from "./session.js";
import type { ResultSide } from "./trace-result.js";

type Change = NonNullable<Verdict["change"]>;

interface ShownEpoch {
  readonly label: string;
}

/** The costs of a stall that are the walker's own work. */
const works = ["walk", "tlbi", "clean", "teardown"] as const satisfies readonly StallCost[];

/**
 * The verdict on a side. It is about the epoch whose time changes most, or the requested one; if no time changes it is
 * about the guest's stall, and if no stall does, about the faults.
 */
export function verdictOf(
  session: Session,
  [base, side]: readonly [Strategy, Strategy],
  [before, after]: readonly [ResultSide, ResultSide],
  epochs: readonly ShownEpoch[],
): Verdict {
  const { replay, options } = session;
  const hazards = hazardsOf(session, side);
  const safety = {
    unsafe: hazards.length > 0,
    hazards,
    baseUnsafe: hazardsOf(session, base).length > 0,
  };
  const change = changeOf(before, after, epochs, options);
  if (change === null)
    return withReasons(
      { outcome: "no difference", change, reasons: [], cause: null, ...safety },
      reasonsOf(session, base, side, change),
    );
  const interval = changeInterval(session, replay.counters(base), replay.counters(side), change.change);
  const told = { ...change, ...(interval === null ? {} : { interval }) };
  const cause = leadingCost(before, after);
  return withReasons({ outcome: "no difference", change: told, reasons: [], cause, ...safety }, [
    ...reasonsOf(session, base, side, told),
    ...signUnknown(told),
  ]);
}

/** The change to judge; null where no time, stall or number of faults changes. */
function changeOf(
  before: ResultSide,
  after: ResultSide,
  epochs: readonly ShownEpoch[],
  { epoch: asked, slot, ipa }: TraceOptions,
): Change | null {
  const of = (metric: Change["of"], epochIndex: number | null): Change => {
    const path = changePath({ of: metric, epochIndex });
    const [base, candidate] = [numberOf(before, path), numberOf(after, path)];
    const change = candidate - base;
    const epoch = epochIndex === null ? null : epochs[epochIndex]!.label;
    return {
      of: metric,
      epoch,
      epochIndex,
      base,
      candidate,
      change,
      ratio: base === 0 ? null : change / base,
    };
  };
  const times = epochs.map((_, n) => of("time", n));
  const whole = of("time", null);
  const [most = whole] = times.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  // A time covers everything that happens in it, so for a part of memory the stall is used instead.
  if (slot === undefined && ipa === undefined) {
    if (most.change !== 0) return most;
    if (whole.change !== 0 && asked === undefined) return whole;
  }
  return [of("stall", null), of("faults", null)].find(({ change }) => change !== 0) ?? null;
}

/** The cost of the walker's own work that changes most; null where none does and only the order of steps differs. */
function leadingCost(before: ResultSide, after: ResultSide): Verdict["cause"] {
  const changes = works.map((cost) => ({
    cost,
    change: after.replay.costNs[cost] - before.replay.costNs[cost],
  }));
  const [most] = changes.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  return most === undefined || most.change === 0 ? null : { cost: most.cost, remaining: null };
}

/** The verdict with the interval that its change has in the draws. */
export function withInterval(verdict: Verdict, interval: Change["interval"]): Verdict {
  const { change, reasons } = verdict;
  if (change === null || interval === undefined) return verdict;
  // The draws do not vary everything, such as a clean that nothing shows; that part stays as uncertain as it was.
  const low = Math.min(interval.low, change.interval?.low ?? interval.low);
  const high = Math.max(interval.high, change.interval?.high ?? interval.high);
  const told = { ...change, interval: { low, high } };
  return withReasons({ ...verdict, change: told }, [
    ...reasons.filter((reason) => reason !== SIGN_IS_ASSUMED),
    ...signUnknown(told),
  ]);
}

function withReasons(verdict: Verdict, reasons: string[]): Verdict {
  const { change } = verdict;
  const told = change === null ? "no difference" : change.change < 0 ? "gain" : "loss";
  return { ...verdict, outcome: reasons.length > 0 ? "does not tell" : told, reasons };
}

/** The verdict with the share of its change that is left without its leading cost. */
export function withCause(
  verdict: Verdict,
  epochs: readonly ShownEpoch[],
  [before, after]: readonly [ResultSide, ResultSide],
): Verdict {
  const { change, cause } = verdict;
  if (change === null || cause === null || change.change === 0) return verdict;
  // Without a cost the same epochs are shown, unless nothing is left in one of them.
  if (change.epochIndex !== null && epochs[change.epochIndex]?.label !== change.epoch) return verdict;
  const path = changePath(change);
  const remaining = (numberOf(after, path) - numberOf(before, path)) / change.change;
  return { ...verdict, cause: { ...cause, remaining } };
}
