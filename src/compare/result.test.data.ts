/** Results for tests of what reads them: the figures are made up, but consistent with each other. */

import { figurePaths } from "./figures.js";
import type { DiffResult, Figure, ReplayResult, ReplayRunResult } from "./result.js";

const base: ReplayResult = {
  strategy: "pre-patch",
  faults: {
    total: 128,
    byClass: { translation: 126, permission: 2, accessFlag: 0 },
    byCause: {
      firstTouch: 0,
      loggingWrite: 2,
      hole: 0,
      coalesceTrigger: 32,
      brokenWindow: 6,
      lostRace: 88,
      afterUnmap: 0,
      relax: 0,
      accessFlag: 0,
      unexplained: 0,
    },
    guestTable: 0,
    retries: 4,
    accessesFaulted: 124,
    avoided: 0,
    added: 0,
    addedIsLowerBound: true,
  },
  mmioAborts: 12,
  stallNs: { total: 21_400_000, p50: 192_600, p90: 240_000, p99: 251_200, max: 260_480 },
  windows: { count: 32, totalNs: 6_163_200, p50Ns: 192_600, maxNs: 201_000 },
  makespanNs: 7_880_000,
  costNs: {
    exit: 120_000,
    handler: 1_000_000,
    lockWait: 14_000_000,
    retry: 0,
    cpuWait: 0,
    walk: 1_900_000,
    tlbi: 140_000,
    clean: 4_200_000,
    teardown: 40_000,
  },
  ops: {
    entriesVisited: 16_500,
    pteStores: 64,
    pagesPut: 8_250,
    tablesFreed: 32,
    tlbiVmid: 32,
    tlbiIpa: 2,
    tlbiRange: 0,
    bytesCleaned: 67_108_864,
  },
};

const candidate: ReplayResult = {
  ...base,
  strategy: "post-patch",
  faults: {
    ...base.faults,
    total: 125,
    byClass: { translation: 123, permission: 2, accessFlag: 0 },
    byCause: { ...base.faults.byCause, brokenWindow: 2, lostRace: 89 },
    retries: 2,
    accessesFaulted: 123,
    avoided: 4,
    added: 1,
  },
  stallNs: { total: 8_960_000, p50: 61_300, p90: 80_000, p99: 90_100, max: 999_960 },
  windows: { count: 32, totalNs: 141_760, p50Ns: 4_430, maxNs: 4_600 },
  makespanNs: 3_350_000,
  costNs: { ...base.costNs, lockWait: 5_760_000, clean: 0 },
  ops: { ...base.ops, bytesCleaned: 0, pagesPut: 8_218 },
};

/** The base is the record; what the candidate adds is a bound, and all else of it modelled. */
const figures: Record<string, Figure> = Object.fromEntries([
  ...figurePaths(base).map((path) => [`base.${path}`, { kind: "recorded" }]),
  ...figurePaths(candidate).map((path) => [`candidate.${path}`, { kind: "modelled" }]),
  ["candidate.faults.added", { kind: "at least" }],
]);

/** A fresh copy on each call. */
export function sampleDiff(): DiffResult {
  return structuredClone({
    schema: "s2replay-diff/1",
    verdict: {
      outcome: "gain",
      change: {
        of: "time",
        epoch: "ADJUST",
        epochIndex: 0,
        base: 7_880_000,
        candidate: 3_350_000,
        change: -4_530_000,
        ratio: -4_530_000 / 7_880_000,
        interval: { low: -4_600_000, high: -4_400_000 },
      },
      reasons: [],
      cause: { cost: "clean", remaining: 0.07 },
      unsafe: false,
      hazards: [],
      baseUnsafe: false,
    },
    trace: {
      source: "5.10.262-prepatch-h2m-4v.ndjson.gz",
      events: 21_345,
      durationNs: 1_230_000_000,
      vms: 1,
      vcpus: 4,
      kernel: "5.10.262",
      recordedUnder: "pre-patch",
      skipped: 0,
      skippedByReason: {},
      lostEvents: 0,
      incompleteEpisodes: 0,
      mmioAborts: { slots: 16, answer: 0, userspaceExit: 0, noMap: 0 },
      assumed: [],
      inferred: {},
    },
    profile: { name: "kunpeng920", source: "published", figures: 18, assumed: 15 },
    timing: { baseRecordedRatio: 1, candidateRecordedRatio: 0.62 },
    selfReplay: {
      strategy: "pre-patch",
      recordedFaults: 128,
      replayedFaults: 128,
      matched: 126,
      corrected: 2,
      missing: 0,
      extra: 0,
      lockWaitNs: { recorded: 14_000_000, replayed: 13_300_000 },
      explainedRatio: 0.95,
      byEpoch: [
        {
          label: "ADJUST",
          recordedFaults: 128,
          replayedFaults: 128,
          matched: 126,
          corrected: 2,
          missing: 0,
          extra: 0,
          lockWaitNs: { recorded: 14_000_000, replayed: 13_300_000 },
          explainedRatio: 0.95,
        },
      ],
    },
    base,
    candidate,
    epochs: [
      {
        label: "ADJUST",
        startNs: 900_000_000,
        base: { makespanNs: 7_880_000, faults: 128 },
        candidate: { makespanNs: 3_350_000, faults: 125 },
      },
    ],
    figures,
    caveats: [
      {
        code: "unclean-pages",
        text: "post-patch omits the D-cache clean on coalesce; this machine has no FWB: 32 blocks exposed 8,192 unclean pages.",
      },
    ],
  } satisfies DiffResult);
}

/** A fresh copy on each call. */
export function sampleReplayRun(): ReplayRunResult {
  const { trace, profile, timing, selfReplay, base: result, epochs, caveats } = sampleDiff();
  return {
    schema: "s2replay-replay/1",
    trace,
    profile,
    timing: { recordedRatio: timing.baseRecordedRatio },
    selfReplay,
    result,
    epochs: epochs.map(({ label, startNs, base: side }) => ({ label, startNs, ...side })),
    caveats,
  };
}
