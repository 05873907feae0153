/** What a report shows of one or two replays, as rows: the same for every kind of text. */

import type {
  CompareResult,
  DiffResult,
  FaultCause,
  ReplayResult,
  ReplayRunResult,
  StallCost,
} from "../compare/result.js";
import { ablationSections } from "./ablation.js";
import type { Unit } from "./quantity.js";

export type AnyResult = DiffResult | CompareResult | ReplayRunResult;

/** One replay of a result: a diff has two, base first; a comparison any number, the one that all are set against first. */
export interface Side {
  readonly replay: ReplayResult;
  /** Share of the stall time taken as recorded. */
  readonly recordedRatio: number;
  readonly epochs: readonly { readonly makespanNs: number; readonly faults: number }[];
}

export interface Row {
  readonly label: string;
  readonly unit: Unit;
  /** One a side. */
  readonly values: readonly number[];
  /** The value is a lower bound. */
  readonly atLeast?: readonly boolean[];
  /** Shown even where it is 0 on every side. */
  readonly main: boolean;
  /** Each side is against the recording, not against the other: no change is shown. */
  readonly apart?: boolean;
  /** In place of the change's percentage: how much of a change to explain is left (1 = all). */
  readonly left?: number | null;
}

export interface Section {
  readonly title: string;
  /** What stands on the title's own line. */
  readonly head?: Row;
  readonly rows: readonly Row[];
}

export function sidesOf(result: AnyResult): Side[] {
  if (result.schema === "s2replay-replay/1") {
    const { result: replay, timing, epochs } = result;
    return [{ replay, recordedRatio: timing.recordedRatio, epochs }];
  }
  if (result.schema === "s2replay-compare/1") {
    return result.sides.map(({ result: replay, recordedRatio }, side) => ({
      replay,
      recordedRatio,
      epochs: result.epochs.map(({ sides }) => sides[side]!),
    }));
  }
  const { base, candidate, timing, epochs } = result;
  return [
    { replay: base, recordedRatio: timing.baseRecordedRatio, epochs: epochs.map((epoch) => epoch.base) },
    {
      replay: candidate,
      recordedRatio: timing.candidateRecordedRatio,
      epochs: epochs.map((epoch) => epoch.candidate),
    },
  ];
}

/** Every section in print order, without the rows that are 0 on every side unless they are main ones. */
export function sectionsOf(result: AnyResult): Section[] {
  const sides = sidesOf(result);
  const labels = result.epochs.map((epoch) => epoch.label);
  return [
    faults(sides),
    kinds(sides),
    againstRecording(sides),
    mmio(sides),
    stall(sides),
    where(sides),
    windows(sides),
    epochs(sides, labels),
    ...ablationSections(result),
    work(sides),
  ]
    .map((section) => ({
      ...section,
      rows: section.rows.filter((row) => row.main || row.values.some(Boolean)),
    }))
    .filter(({ head, rows }) => rows.length > 0 || head?.main || head?.values.some(Boolean));
}

function row(
  label: string,
  unit: Unit,
  sides: readonly Side[],
  value: (side: Side) => number,
  main = false,
): Row {
  return { label, unit, values: sides.map(value), main };
}

/** Rare causes are shown only where they occur. */
export const causes: Readonly<Record<FaultCause, readonly [label: string, kind: "main" | "rare"]>> = {
  firstTouch: ["first touch", "main"],
  loggingWrite: ["write while logging", "main"],
  hole: ["hole", "main"],
  coalesceTrigger: ["coalesce trigger", "main"],
  brokenWindow: ["broken window", "main"],
  lostRace: ["lost race", "main"],
  afterUnmap: ["after unmap", "rare"],
  relax: ["relax", "rare"],
  accessFlag: ["access flag", "rare"],
  unexplained: ["unexplained", "rare"],
};

function faults(sides: readonly Side[]): Section {
  return {
    title: "faults",
    head: row("total", "count", sides, (s) => s.replay.faults.total, true),
    rows: (Object.keys(causes) as FaultCause[]).map((cause) => {
      const [label, kind] = causes[cause];
      return row(label, "count", sides, (s) => s.replay.faults.byCause[cause], kind === "main");
    }),
  };
}

function kinds(sides: readonly Side[]): Section {
  return {
    title: "of these",
    rows: [
      row("translation", "count", sides, (s) => s.replay.faults.byClass.translation, true),
      row("permission", "count", sides, (s) => s.replay.faults.byClass.permission, true),
      row("access flag", "count", sides, (s) => s.replay.faults.byClass.accessFlag),
      row("guest table walks", "count", sides, (s) => s.replay.faults.guestTable),
      row("retries", "count", sides, (s) => s.replay.faults.retries, true),
    ],
  };
}

function againstRecording(sides: readonly Side[]): Section {
  const avoided = row("avoided", "count", sides, (s) => s.replay.faults.avoided);
  const added = row("added", "count", sides, (s) => s.replay.faults.added);
  const atLeast = sides.map((s) => s.replay.faults.addedIsLowerBound);
  return {
    title: "against the recording",
    rows: [
      { ...avoided, apart: true },
      { ...added, apart: true, atLeast },
    ],
  };
}

function mmio(sides: readonly Side[]): Section {
  const head = row("total", "count", sides, (s) => s.replay.mmioAborts);
  return { title: "MMIO aborts (not faults)", head, rows: [] };
}

function stall(sides: readonly Side[]): Section {
  return {
    title: "guest stall",
    head: row("total", "ns", sides, (s) => s.replay.stallNs.total, true),
    rows: [
      row("p50", "ns", sides, (s) => s.replay.stallNs.p50, true),
      row("p90", "ns", sides, (s) => s.replay.stallNs.p90, true),
      row("p99", "ns", sides, (s) => s.replay.stallNs.p99, true),
      row("max", "ns", sides, (s) => s.replay.stallNs.max, true),
    ],
  };
}

export const costs: Readonly<Record<StallCost, string>> = {
  lockWait: "lock wait",
  retry: "retry laps",
  cpuWait: "CPU wait",
  exit: "exits",
  handler: "handler",
  walk: "walk",
  tlbi: "TLBI",
  clean: "cache clean",
  teardown: "teardown",
};

function where(sides: readonly Side[]): Section {
  return {
    title: "where the stall goes",
    rows: (Object.keys(costs) as StallCost[]).map((cost) =>
      // Only a machine with fewer CPUs than vCPUs makes them wait for one.
      row(costs[cost], "ns", sides, (s) => s.replay.costNs[cost], cost !== "cpuWait" && cost !== "retry"),
    ),
  };
}

function windows(sides: readonly Side[]): Section {
  return {
    title: "windows",
    head: row("count", "count", sides, (s) => s.replay.windows.count, true),
    rows: [
      row("median", "ns", sides, (s) => s.replay.windows.p50Ns),
      row("longest", "ns", sides, (s) => s.replay.windows.maxNs),
      row("together", "ns", sides, (s) => s.replay.windows.totalNs),
    ],
  };
}

function epochs(sides: readonly Side[], labels: readonly string[]): Section {
  const each = labels.flatMap((label, i) => [
    row(label, "ns", sides, (s) => s.epochs[i]!.makespanNs, true),
    row(`${label} faults`, "count", sides, (s) => s.epochs[i]!.faults),
  ]);
  return {
    title: "epochs",
    rows: [...each, row("whole trace", "ns", sides, (s) => s.replay.makespanNs, true)],
  };
}

function work(sides: readonly Side[]): Section {
  return {
    title: "walker's work",
    rows: [
      row("entries visited", "count", sides, (s) => s.replay.ops.entriesVisited),
      row("PTE stores", "count", sides, (s) => s.replay.ops.pteStores),
      row("pages put", "count", sides, (s) => s.replay.ops.pagesPut),
      row("tables freed", "count", sides, (s) => s.replay.ops.tablesFreed),
      row("TLBI by VMID", "count", sides, (s) => s.replay.ops.tlbiVmid),
      row("TLBI by IPA", "count", sides, (s) => s.replay.ops.tlbiIpa),
      row("TLBI by range", "count", sides, (s) => s.replay.ops.tlbiRange),
      row("cleaned", "bytes", sides, (s) => s.replay.ops.bytesCleaned),
    ],
  };
}
