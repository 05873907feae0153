import { partlyIgnored } from "../activity/event-effects.js";
import { MmioRule } from "../activity/mmio.js";
import { plural } from "../stage2/address-text.js";
import { meanings } from "../stage2/finding.js";
import { findingHeadline } from "../stage2/finding-text.js";
import type { Strategy } from "../strategy/strategy.js";
import { hasAccesses } from "./accesses.js";
import { cannotTell, untoldClean } from "./cannot-tell.js";
import type { Caveat } from "./result.js";
import type { Machine, Session } from "./session.js";
import { namesOf } from "./side-names.js";

/** What a reader must know before believing the result. */
export function caveatsOf(session: Session, sides: readonly Strategy[]): Caveat[] {
  const { replay, recorder, profile, source } = session;
  const isSynthetic = !replay.fold.mapsSeen && hasAccesses(source);
  // Nothing was recorded, so no recording walker is missing.
  const caveats: Caveat[] = isSynthetic
    ? session.recorderCaveats.filter(({ code }) => code !== "unknown-walker")
    : [...session.recorderCaveats];
  for (const strategy of new Set(sides))
    caveats.push(...uncleanPages(strategy, session), ...broken(strategy, session));
  if (recorder !== undefined && !sides.some((side) => side.name === recorder.name))
    caveats.push({
      code: "other-walker-recorded",
      text: `recorded under ${recorder.name}: ${sides.length === 1 ? "this is a prediction, not" : "all sides are predictions, none is"} the record`,
    });
  if (!isSynthetic) caveats.push(...otherMachine(session));
  const walkers = Object.keys(profile.document.walkers ?? {});
  if (recorder !== undefined && sides.some((side) => side !== recorder) && walkers.length > 0)
    caveats.push({
      code: "compiled-walk",
      text: `profile ${profile.name} has its own time for a leaf visit of each walker, measured on one compiler's builds; another build's may differ`,
    });
  const sharing = [...new Set([...sides, ...(recorder === undefined ? [] : [recorder])])].filter(
    (strategy) => strategy.lockRegime === "shared",
  );
  if (sharing.length > 0)
    caveats.push({
      code: "read-lock",
      text: `faults under ${namesOf(sharing, "and")} share the lock and retry: recorded laps are kept while the entry stays taken, further ones are computed from what a lap takes in the record, else in the profile; on a host with fewer CPUs than vCPUs their number depends on its scheduler too`,
    });
  caveats.push(...simulated(session, sides), ...(sides.length === 1 ? cannotTell(session, sides[0]!) : []));
  for (const side of new Set(sides.slice(1))) caveats.push(...oppositeDirections(sides[0]!, side, session));
  const predicted = [...new Set(sides)].filter((side) => !isSelfReplay(side, session));
  if (replay.fold.mapsSeen && !hasAccesses(source) && predicted.length > 0) {
    const bounded = predicted.filter((side) => addsAtLeast(side, session));
    const bound =
      bounded.length === 0 ? "" : `, and the faults that ${namesOf(bounded, "or")} adds are a lower bound`;
    caveats.push({
      code: "lower-bound",
      text: `the trace shows no access that went through: what ${namesOf(predicted, "or")} would fault on besides is not known${bound}`,
    });
  }
  caveats.push(...untoldClean(session, sides));
  if (replay.unknownSubtrees > 0)
    caveats.push({
      code: "unknown-population",
      text: `${plural(replay.unknownSubtrees, "coalesced subtree")} populated while nothing was recorded: the walk is as recorded under ${recorder?.name ?? "the recording walker"}, and the number of pages is not known`,
    });
  if (!replay.fold.mapsSeen && !isSynthetic)
    caveats.push({
      code: "no-maps",
      text: "the trace has no map operations: its faults are counted as they are, but nothing is mapped and nothing can be predicted from them",
    });
  const guessed = replay.fold.mmioAborts[MmioRule.noMap] as number;
  if (guessed > 0)
    caveats.push({
      code: "mmio-without-slots",
      text: `${plural(guessed, "abort")} taken for MMIO because nothing was mapped: the trace does not show the memslots`,
    });
  const ignored = partlyIgnored(source.report, session.recorded.pcpus === 1);
  if (ignored.length > 0)
    caveats.push({
      code: "without-effect",
      text: `of some events the replay does not do all that they did: ${ignored.map(({ name, lines, lacks }) => `${name} (${plural(lines, "line")}: ${lacks})`).join(", ")}`,
    });
  for (const [name, count] of source.report.unknown)
    caveats.push({ code: "unknown-event", text: `unknown event ${name}: ${plural(count, "line")} ignored` });
  return caveats;
}

/** A what-if: even the side of the recording walker differs from the record. */
function otherMachine({ machine, recorded }: Session): Caveat[] {
  const facts = [
    ...(machine.pcpus === recorded.pcpus ? [] : [(of: Machine) => cpusOf(of.pcpus)]),
    ...(machine.lockWait === recorded.lockWait ? [] : [(of: Machine) => `lock waiters that ${of.lockWait}`]),
  ];
  if (facts.length === 0) return [];
  const [then, now] = [recorded, machine].map((of) => facts.map((fact) => fact(of)).join(" and "));
  return [
    {
      code: "other-machine",
      text: `recorded with ${then}, replayed with ${now}: all sides are predictions, the recording walker's too`,
    },
  ];
}

/** The caveat for sides that could not follow the record of their own machine, with the error of simulating it. */
function simulated({ replay, recorder, recorded }: Session, sides: readonly Strategy[]): Caveat[] {
  const control = replay.simulatedRecorder;
  const record = sides.find((side) => replay.isRecord(side));
  if (control === undefined || recorder === undefined) return [];
  const names = [...new Set(sides)].filter((side) => !replay.keepsToRecord(side));
  const own = record === undefined ? undefined : replay.counters(record);
  const off =
    own === undefined
      ? ""
      : `; ${recorder.name} itself, simulated so, is off its record by ${percentText(own.makespanNs, control.makespanNs)} of the makespan, ${percentText(own.stallTotalNs, control.stallTotalNs)} of the stall and ${percentText(own.total, control.total)} of the faults: a change smaller than that tells nothing`;
  return [
    {
      code: "simulated",
      text: `${cpusOf(recorded.pcpus)} ran everything, and ${namesOf(names, "and")} would not have kept its order under ${recorder.name}: simulated, not held to the record${off}`,
    },
  ];
}

function percentText(base: number, other: number): string {
  const change = 100 * relativeChange(base, other);
  return `${change < 0 ? "" : "+"}${change.toFixed(1)} %`;
}

function cpusOf(pcpus: number): string {
  return Number.isFinite(pcpus) ? plural(pcpus, "physical CPU") : "a CPU for each vCPU";
}

/** Whether the strategy's side is what the recording walker did throughout. */
export function isSelfReplay(strategy: Strategy, { replay }: Session): boolean {
  return replay.isRecord(strategy);
}

/**
 * Whether the faults that the strategy adds to those of the record are a lower bound, since accesses that went through
 * are not known. Where faults share the lock their number depends on times, so it is no bound.
 */
export function addsAtLeast(strategy: Strategy, session: Session): boolean {
  const { replay, source } = session;
  if (hasAccesses(source) || isSelfReplay(strategy, session)) return false;
  return strategy.lockRegime === "exclusive" || replay.fold.vcpus === 1;
}

function uncleanPages(strategy: Strategy, { replay }: Session): Caveat[] {
  const counters = replay.counters(strategy);
  if (counters.uncleanBlocks === 0) return [];
  return [
    {
      code: "unclean-pages",
      text: `${strategy.name} omits the D-cache clean on coalesce; this machine has no FWB: ${plural(counters.uncleanBlocks, "block")} mapped ${replay.unknownSubtrees > 0 ? "at most " : ""}${plural(counters.uncleanPages, "page")} that were not mapped before, without a clean`,
    },
  ];
}

/** Smaller relative changes of faults and stall count as none. */
const LEAST_CHANGE = 0.01;

/** More faults but less stall, or the reverse: a result that shows only one of them would mislead. */
function oppositeDirections(first: Strategy, other: Strategy, { replay }: Session): Caveat[] {
  const [base, side] = [replay.counters(first), replay.counters(other)];
  const faults = relativeChange(base.total, side.total);
  const stall = relativeChange(base.stallTotalNs, side.stallTotalNs);
  if (Math.abs(faults) < LEAST_CHANGE || Math.abs(stall) < LEAST_CHANGE || faults > 0 === stall > 0)
    return [];
  const [more, less] = faults > 0 ? ["more faults", "less stall"] : ["fewer faults", "more stall"];
  return [
    {
      code: "opposite-directions",
      text: `${other.name} takes ${more} than ${first.name} and causes ${less}: neither figure tells alone what it costs`,
    },
  ];
}

function relativeChange(base: number, other: number): number {
  return base === 0 ? 0 : (other - base) / base;
}

/** What a sanitizer found; no machine should run a walker with findings. */
function broken(strategy: Strategy, { replay }: Session): Caveat[] {
  return replay.found(strategy).map((tally) => ({
    code: "sanitizer",
    text: `${strategy.name}: ${findingHeadline(tally)}: ${meanings[tally.rule]}`,
  }));
}
