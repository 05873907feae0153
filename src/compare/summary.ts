/** Converts what a session found to the types of the results. */

import { countAssumed } from "../cost/profile.js";
import { type Counters, causes, costs, type Matching } from "../replay/counters.js";
import { Charge } from "../stage2/meter.js";
import type { Strategy } from "../strategy/strategy.js";
import { addsAtLeast } from "./caveats.js";
import { epochName } from "./epoch-name.js";
import type { ProfileSummary, ReplayResult, SelfReplay, TraceSummary } from "./result.js";
import type { Session } from "./session.js";
import type { SeenSlot } from "./trace-result.js";
import { byRule } from "./who-is-who.js";

export function traceSummary(session: Session): TraceSummary {
  const { source, replay } = session;
  const { report, header } = source;
  const skippedByReason = Object.fromEntries([...report.skipped].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    source: source.name,
    events: report.events,
    durationNs: session.lastNs,
    vms: replay.fold.vmsWithFaults,
    vcpus: replay.fold.vcpus,
    kernel: header?.kernel ?? null,
    recordedUnder: session.recorder?.name ?? header?.walker ?? null,
    skipped: Object.values(skippedByReason).reduce((sum, n) => sum + n, 0),
    skippedByReason,
    lostEvents: report.lostEvents,
    incompleteEpisodes: replay.fold.incompleteEpisodes,
    mmioAborts: byRule(replay.fold.mmioAborts),
    assumed: [...session.assumed],
    inferred: {
      ...(session.inferredIaBits === undefined ? {} : { ia_bits: session.inferredIaBits }),
      entries: replay.inferredEntries,
      unknownSubtrees: replay.unknownSubtrees,
    },
  };
}

/** Memslots of the VMs that faulted, ordered by number and then by VM. */
export function memslotsOf({ replay }: Session): SeenSlot[] {
  return replay.fold.vms
    .filter(({ faults }) => faults > 0)
    .flatMap(({ slotsSeen }) => [...slotsSeen.values()].map(({ slot, bytes }) => ({ slot, bytes })))
    .sort((a, b) => a.slot - b.slot);
}

export function profileSummary({ profile, fit }: Session): ProfileSummary {
  const { assumed, total } = countAssumed(profile);
  const { name, source } = profile;
  if (fit === undefined) return { name, source, figures: total, assumed };
  const { operations, median, p90 } = fit.heldOut.all;
  return {
    name,
    source,
    figures: total,
    assumed,
    fit: { operations: fit.operations, heldOut: { operations, medianError: median, p90Error: p90 } },
  };
}

export function recordedRatio(counters: Counters): number {
  const recordedNs = counters.recordedCostNs.reduce((sum, ns) => sum + ns, 0);
  return counters.timedNs === 0 ? 0 : Math.min(1, recordedNs / counters.timedNs);
}

export function selfReplayOf({ recorder, replay }: Session): SelfReplay | null {
  if (recorder === undefined) return null;
  const { judgement, epochs, fold } = replay;
  return {
    strategy: recorder.name,
    ...matchingOf(judgement.total, fold.hasSwitches),
    byEpoch: epochs
      .map(({ label, number }, index) => ({
        label: epochName(label, index),
        matching: judgement.ofEpoch(number),
      }))
      .filter(({ matching }) => matching.recordedFaults + matching.extra > 0)
      .map(({ label, matching }) => ({ label, ...matchingOf(matching, fold.hasSwitches) })),
  };
}

function matchingOf(matching: Matching, hasSwitches: boolean): Omit<SelfReplay, "strategy" | "byEpoch"> {
  const { recordedFaults, replayedFaults, matched, corrected, missing, extra } = matching;
  return {
    recordedFaults,
    replayedFaults,
    matched,
    corrected,
    missing,
    extra,
    lockWaitNs: { recorded: Math.round(matching.excessNs), replayed: Math.round(matching.explainedNs) },
    ...(hasSwitches
      ? {
          offCpuNs: { preempted: Math.round(matching.preemptedNs), slept: Math.round(matching.sleptNs) },
        }
      : {}),
    explainedRatio: matching.excessNs === 0 ? null : Math.min(1, matching.toldNs / matching.excessNs),
  };
}

/** An epoch of a result. */
export interface ShownEpoch {
  readonly label: string;
  /** Start in the trace. */
  readonly startNs: number;
  /** Index among all epochs of the trace. */
  readonly index: number;
}

/** The epochs that a marker names or in which something faulted; if one was requested, only that one. */
export function shownEpochs(counters: Counters, session: Session): ShownEpoch[] {
  const { epoch } = session.options;
  return counters.epochs
    .map(({ label, number, faults, recordedNs }, index) => ({
      label: epochName(label, index),
      startNs: recordedNs,
      index,
      isShown:
        epoch === undefined
          ? label !== "" || faults > 0 || session.replay.judgement.ofEpoch(number).recordedFaults > 0
          : label === epoch,
    }))
    .filter(({ isShown }) => isShown);
}

export function resultOf(strategy: Strategy, counters: Counters, session: Session): ReplayResult {
  const { work, stalls, windowLengths } = counters;
  const workOf = (kind: number) => Math.round(work[kind] as number);
  const [translation, permission, accessFlag] = counters.byClass as unknown as [number, number, number];
  return {
    strategy: strategy.name,
    faults: {
      total: counters.total,
      byClass: { translation, permission, accessFlag },
      byCause: Object.fromEntries(
        causes.map((cause, i) => [cause, counters.byCause[i]]),
      ) as ReplayResult["faults"]["byCause"],
      guestTable: counters.guestTable,
      retries: counters.retries,
      accessesFaulted: counters.total - counters.retries,
      avoided: counters.avoided,
      added: Math.max(0, counters.total - counters.ofRuns + counters.avoided - counters.recorded),
      addedIsLowerBound: addsAtLeast(strategy, session),
    },
    mmioAborts: counters.mmioAborts,
    stallNs: {
      total: Math.round(counters.stallTotalNs),
      p50: percentile(stalls, 50, counters.stallMaxNs),
      p90: percentile(stalls, 90, counters.stallMaxNs),
      p99: percentile(stalls, 99, counters.stallMaxNs),
      max: counters.stallMaxNs,
    },
    windows: {
      count: counters.windows,
      totalNs: counters.windowTotalNs,
      p50Ns: percentile(windowLengths, 50, counters.windowMaxNs),
      maxNs: counters.windowMaxNs,
    },
    makespanNs: Math.round(counters.makespanNs),
    costNs: Object.fromEntries(
      costs.map((cost, i) => [cost, Math.round(counters.costNs[i] as number)]),
    ) as ReplayResult["costNs"],
    ops: {
      entriesVisited: workOf(Charge.entryVisit),
      pteStores: workOf(Charge.pteStore),
      pagesPut: workOf(Charge.pagePut),
      tablesFreed: workOf(Charge.tableFree),
      tlbiVmid: workOf(Charge.tlbiVmid),
      tlbiIpa: workOf(Charge.tlbiIpa),
      tlbiRange: workOf(Charge.tlbiRange),
      bytesCleaned: workOf(Charge.cleanByte),
    },
  };
}

/** Bins of a histogram have three digits, so the upper edge may lie above the largest sample. */
function percentile(histogram: Counters["stalls"], percent: number, maxNs: number): number {
  return histogram.totalCount === 0 ? 0 : Math.min(maxNs, histogram.getValueAtPercentile(percent));
}
