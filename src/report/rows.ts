/** The rows that a report shows of a result, common to all kinds of text. */

import type { FaultCause, Figure, ReplayResult, StallCost } from "../compare/result.js";
import type { Unit } from "./quantity.js";

export interface Row {
  readonly label: string;
  readonly unit: Unit;
  /** One for each side. */
  readonly values: readonly number[];
  /** Path of the number in a side, as `stallNs.p50`; absent if no side has it. */
  readonly path?: string;
  /** The kind of each value, and its interval if it was sampled; absent where the result has none. */
  readonly figures?: readonly (Figure | undefined)[];
  /** Whether the row is shown even if it is 0 on every side. */
  readonly main: boolean;
  /** Whether each side is compared with the recording instead of the other side: no change is shown. */
  readonly apart?: boolean;
  /** Replaces the percentage of the change by how much of a change to explain is left (1 = all). */
  readonly left?: number | null;
}

/** The path of a number, such as `faults.byCause.hole`. */
type PathOf<T> = {
  [K in keyof T & string]: T[K] extends number
    ? K
    : T[K] extends Readonly<Record<string, unknown>>
      ? `${K}.${PathOf<T[K]>}`
      : never;
}[keyof T & string];
type ReplayPath = PathOf<ReplayResult>;

export interface Section {
  readonly title: string;
  /** The row on the line of the title. */
  readonly head?: Row;
  readonly rows: readonly Row[];
}

/** The source of a side's numbers, by path, such as `stallNs.p50` or `epochs.0.makespanNs`. */
export interface RowSide {
  valueAt(path: string): number;
  /** Undefined where the kind of the number is not known. */
  figureAt(path: string): Figure | undefined;
}

/**
 * All sections in print order. Rows that are 0 on every side are omitted unless they are main ones.
 *
 * @param labels the labels of the epochs
 * @param others sections between the epochs and the walker's work
 */
export function sectionsFrom(
  sides: readonly RowSide[],
  labels: readonly string[],
  others: readonly Section[] = [],
): Section[] {
  return [
    faults(sides),
    kinds(sides),
    againstRecording(sides),
    mmio(sides),
    stall(sides),
    where(sides),
    windows(sides),
    epochs(sides, labels),
    ...others,
    work(sides),
  ]
    .map((section) => ({
      ...section,
      rows: section.rows.filter((row) => row.main || row.values.some(Boolean)),
    }))
    .filter(({ head, rows }) => rows.length > 0 || head?.main || head?.values.some(Boolean));
}

function row(label: string, unit: Unit, sides: readonly RowSide[], path: ReplayPath, main = false): Row {
  return rowAt(label, unit, sides, path, main);
}

function epochRow(
  label: string,
  unit: Unit,
  sides: readonly RowSide[],
  index: number,
  name: "makespanNs" | "faults",
  main = false,
): Row {
  return rowAt(label, unit, sides, `epochs.${index}.${name}`, main);
}

function rowAt(label: string, unit: Unit, sides: readonly RowSide[], path: string, main: boolean): Row {
  return {
    label,
    unit,
    values: sides.map((side) => side.valueAt(path)),
    figures: sides.map((side) => side.figureAt(path)),
    path,
    main,
  };
}

/** The labels of causes; rare ones are shown only where they occur. */
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

function faults(sides: readonly RowSide[]): Section {
  return {
    title: "faults",
    head: row("total", "count", sides, "faults.total", true),
    rows: (Object.keys(causes) as FaultCause[]).map((cause) => {
      const [label, kind] = causes[cause];
      return row(label, "count", sides, `faults.byCause.${cause}`, kind === "main");
    }),
  };
}

function kinds(sides: readonly RowSide[]): Section {
  return {
    title: "of these",
    rows: [
      row("translation", "count", sides, "faults.byClass.translation", true),
      row("permission", "count", sides, "faults.byClass.permission", true),
      row("access flag", "count", sides, "faults.byClass.accessFlag"),
      row("guest table walks", "count", sides, "faults.guestTable"),
      row("retries", "count", sides, "faults.retries", true),
    ],
  };
}

function againstRecording(sides: readonly RowSide[]): Section {
  const avoided = row("avoided", "count", sides, "faults.avoided");
  const added = row("added", "count", sides, "faults.added");
  return {
    title: "against the recording",
    rows: [
      { ...avoided, apart: true },
      { ...added, apart: true },
    ],
  };
}

function mmio(sides: readonly RowSide[]): Section {
  const head = row("total", "count", sides, "mmioAborts");
  return { title: "MMIO aborts (not faults)", head, rows: [] };
}

function stall(sides: readonly RowSide[]): Section {
  return {
    title: "guest stall",
    head: row("total", "ns", sides, "stallNs.total", true),
    rows: [
      row("p50", "ns", sides, "stallNs.p50", true),
      row("p90", "ns", sides, "stallNs.p90", true),
      row("p99", "ns", sides, "stallNs.p99", true),
      row("max", "ns", sides, "stallNs.max", true),
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

function where(sides: readonly RowSide[]): Section {
  return {
    title: "where the stall goes",
    rows: (Object.keys(costs) as StallCost[]).map((cost) =>
      // vCPUs wait for a CPU only on a machine with fewer CPUs than vCPUs.
      row(costs[cost], "ns", sides, `costNs.${cost}`, cost !== "cpuWait" && cost !== "retry"),
    ),
  };
}

function windows(sides: readonly RowSide[]): Section {
  return {
    title: "windows",
    head: row("count", "count", sides, "windows.count", true),
    rows: [
      row("median", "ns", sides, "windows.p50Ns"),
      row("longest", "ns", sides, "windows.maxNs"),
      row("together", "ns", sides, "windows.totalNs"),
    ],
  };
}

function epochs(sides: readonly RowSide[], labels: readonly string[]): Section {
  const each = labels.flatMap((label, i) => [
    epochRow(label, "ns", sides, i, "makespanNs", true),
    epochRow(`${label} faults`, "count", sides, i, "faults"),
  ]);
  return {
    title: "epochs",
    rows: [...each, row("whole trace", "ns", sides, "makespanNs", true)],
  };
}

function work(sides: readonly RowSide[]): Section {
  return {
    title: "walker's work",
    rows: [
      row("entries visited", "count", sides, "ops.entriesVisited"),
      row("PTE stores", "count", sides, "ops.pteStores"),
      row("pages put", "count", sides, "ops.pagesPut"),
      row("tables freed", "count", sides, "ops.tablesFreed"),
      row("TLBI by VMID", "count", sides, "ops.tlbiVmid"),
      row("TLBI by IPA", "count", sides, "ops.tlbiIpa"),
      row("TLBI by range", "count", sides, "ops.tlbiRange"),
      row("cleaned", "bytes", sides, "ops.bytesCleaned"),
    ],
  };
}
