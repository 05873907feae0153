/** A replayed fault or host operation as a row: `s2replay-episodes/1`. Columns may be added within a major version. */

import { z } from "zod";
import { OperationKind } from "../../activity/activity.js";
import type { Thread } from "../../activity/thread.js";
import { vcpuNumbers } from "../../activity/vcpu-numbers.js";
import type { ReplayStart } from "../../compare/watcher.js";
import { causes, costs } from "../../replay/counters.js";
import type { Episode } from "../../replay/episode.js";
import { hex } from "../../stage2/address-text.js";
import { type FaultClass, isCacheMaintenance, isExec, isGuestTableWalk, isWrite } from "../../stage2/esr.js";
import { NONE } from "../../trace/event.js";

/** null = no value. */
export type Cell = string | number | null;

export interface Column {
  readonly name: string;
  /** hex32 and hex64 are numbers; formats in which everything is text have them as hexadecimal with 0x. */
  readonly type: "text" | "int32" | "int64" | "hex32" | "hex64";
  readonly isNullable: boolean;
  /** Description with the unit. */
  readonly describe: string;
  readonly of: (episode: Episode, row: EpisodeRow) => Cell;
}

/**
 * The values of a row that its episode does not have: names, and whole nanoseconds. To make the sums of columns equal
 * the result's figures, a length is rounded before it is added to the start, and the rounding error of a cost is
 * carried to the next row of the same kind.
 */
export class EpisodeRow {
  strategy = "";
  stallNs = 0;
  startNs = 0;
  endNs = 0;
  brokenNs = 0;
  installedNs = 0;
  thread: Thread | undefined;
  readonly costNs = new Float64Array(costs.length);
  /** Rounding errors, at most half a nanosecond each; by 2 * side, plus 1 for faults, and then by Cost. */
  private readonly leftNs: readonly Float64Array[];
  private readonly vmNames: string[] = [];
  /** vCPU number by thread index, determined at a thread's first episode: all that faulted earlier are known then. */
  private readonly vcpus = new Map<number, number | null>();

  constructor(private readonly start: ReplayStart) {
    this.leftNs = start.sides.flatMap(() => [new Float64Array(costs.length), new Float64Array(costs.length)]);
  }

  /** Fills the row from an episode of one of the result's sides. */
  take(episode: Episode): void {
    const { side, isFault, costNs } = episode;
    this.strategy = this.start.sides[side]?.name ?? "";
    this.thread = this.start.fold.threads[episode.thread];
    this.startNs = Math.round(episode.startNs);
    this.stallNs = Math.round(episode.endNs - episode.startNs);
    this.endNs = this.startNs + this.stallNs;
    this.brokenNs = Math.round(episode.brokenNs);
    this.installedNs = this.brokenNs + Math.round(episode.installedNs - episode.brokenNs);
    const leftNs = this.leftNs[2 * side + Number(isFault)] as Float64Array;
    for (let cost = 0; cost < costNs.length; cost++) {
      const ns = (costNs[cost] as number) + (leftNs[cost] as number);
      const whole = Math.round(ns);
      this.costNs[cost] = whole;
      leftNs[cost] = ns - whole;
    }
  }

  text(id: number): string | null {
    return id === NONE ? null : this.start.source.strings.text(id);
  }

  vmName(vm: number): string | null {
    if (vm < 0) return null;
    this.vmNames[vm] ??= this.start.fold.vmNames[vm] as string;
    return this.vmNames[vm];
  }

  vcpu(): number | null {
    const { thread } = this;
    if (!thread?.isVcpu) return null;
    let number = this.vcpus.get(thread.index);
    if (number === undefined) {
      const { fold, source } = this.start;
      number = vcpuNumbers(fold, source.strings).get(thread.index)?.number ?? null;
      this.vcpus.set(thread.index, number);
    }
    return number;
  }
}

const classNames = ["translation", "accessFlag", "permission"];
const operationNames = Object.keys(OperationKind);

/** The name of the class in results: accesses to memory end in one of three classes. */
export function className(faultClass: FaultClass | number): string {
  return classNames[faultClass] ?? "other";
}

function accessText(esr: number): string {
  if (isGuestTableWalk(esr)) return "table walk";
  if (isCacheMaintenance(esr)) return "cache maintenance";
  if (isExec(esr)) return "execute";
  return isWrite(esr) ? "write" : "read";
}

const isKnown = (ns: number) => !Number.isNaN(ns);
const wholeOrNull = (ns: number) => (isKnown(ns) ? Math.round(ns) : null);

function column(
  name: string,
  type: Column["type"],
  describe: string,
  of: Column["of"],
  isNullable = false,
): Column {
  return { name, type, isNullable, describe, of };
}
const nullable = (name: string, type: Column["type"], describe: string, of: Column["of"]) =>
  column(name, type, describe, of, true);

const costText: Record<(typeof costs)[number], string> = {
  exit: "exits from the guest and entries",
  handler: "the handler outside the walk, as recorded or modelled",
  lockWait: "waiting for the MMU lock",
  retry: "laps of an access that was sent back to the guest",
  cpuWait: "waiting for a CPU",
  walk: "visiting and storing entries",
  tlbi: "TLB invalidation",
  clean: "cache maintenance",
  teardown: "putting pages and freeing tables",
};

/** The columns in the order in which they are written. */
export const episodeColumns: readonly Column[] = [
  column(
    "start_ns",
    "int64",
    "the access; of an operation, the request for the lock; ns since the trace's first event, on the replay's clock",
    (_, { startNs }) => startNs,
  ),
  column(
    "end_ns",
    "int64",
    "the re-entry; of an operation, the unlock; ns, as start_ns",
    (_, { endNs }) => endNs,
  ),
  column("strategy", "text", "the walker that was replayed", (_, { strategy }) => strategy),
  column("side", "int32", "its index in the command: 0 = base", ({ side }) => side),
  column(
    "kind",
    "text",
    "fault or operation (of the host); the result's figures are sums over faults",
    ({ isFault }) => (isFault ? "fault" : "operation"),
  ),
  nullable("epoch", "text", "label of the epoch; null where nothing names it", ({ epoch }) => epoch ?? null),
  column(
    "line",
    "int64",
    "of the trace, where the episode begins; of an access of a guest_access_run, where that begins",
    ({ line }) => line,
  ),
  nullable("pid", "int32", "thread id", (_, { thread }) => thread?.pid ?? null),
  nullable("comm", "text", "the thread's name", (_, row) => row.text(row.thread?.comm ?? NONE)),
  nullable(
    "vcpu",
    "int32",
    "number of the vCPU, as the trace's events or the thread's name say, else by the order in which the VM's vCPUs first faulted; null for other threads and while the VM is unknown",
    (_, row) => row.vcpu(),
  ),
  nullable("vm", "int32", "index of the VM, in the order in which the trace shows them", ({ vm }) =>
    vm < 0 ? null : vm,
  ),
  nullable("vm_name", "text", "name of it, else the pointer that names its table", ({ vm }, row) =>
    row.vmName(vm),
  ),
  nullable(
    "ipa",
    "hex64",
    "faulting address; of an operation, where its first range begins; bytes",
    ({ ipa }) => (isKnown(ipa) ? ipa : null),
  ),
  nullable("esr", "hex32", "ESR_EL2 as recorded, low 32 bits; null for operations", ({ isFault, esr }) =>
    isFault ? esr : null,
  ),
  nullable(
    "access",
    "text",
    "what the ESR says of it: read, write, execute, table walk (the guest's own), cache maintenance",
    ({ isFault, esr }) => (isFault ? accessText(esr) : null),
  ),
  nullable(
    "class",
    "text",
    `of the abort that the replayed table gives: ${classNames.join(", ")}, other`,
    ({ isFault, faultClass }) => (isFault ? className(faultClass) : null),
  ),
  nullable("level", "int32", "of that abort", ({ isFault, faultLevel }) => (isFault ? faultLevel : null)),
  nullable("cause", "text", `why the access faulted: ${causes.join(", ")}`, ({ isFault, cause }) =>
    isFault ? (causes[cause] ?? null) : null,
  ),
  nullable(
    "laps",
    "int32",
    "aborts that the access took; the result counts each, those beyond the first as brokenWindow",
    ({ isFault, laps }) => (isFault ? laps : null),
  ),
  column("operations", "int32", "how many operations on the table it did", ({ operations }) => operations),
  nullable(
    "operation",
    "text",
    `the last of them: ${operationNames.join(", ")}`,
    ({ operation }) => operationNames[operation] ?? null,
  ),
  nullable("operation_ipa", "hex64", "where its range begins; bytes", ({ operationIpa }) =>
    isKnown(operationIpa) ? operationIpa : null,
  ),
  nullable("operation_bytes", "int64", "length of its range; bytes", ({ operationBytes }) =>
    isKnown(operationBytes) ? operationBytes : null,
  ),
  nullable(
    "stall_ns",
    "int64",
    "of a fault, from the access to the re-entry; ns; null for operations, which stall no guest by themselves",
    ({ isFault }, { stallNs }) => (isFault ? stallNs : null),
  ),
  ...costs.map((cost, i) =>
    column(
      `${cost.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_ns`,
      "int64",
      `of the time, ${costText[cost]}; ns`,
      (_, { costNs }) => costNs[i] as number,
    ),
  ),
  nullable(
    "requested_ns",
    "int64",
    "the MMU lock was asked for, for the last time; ns, as start_ns; null where it was not held",
    ({ requestedNs }) => wholeOrNull(requestedNs),
  ),
  nullable("locked_ns", "int64", "it was got; ns, as start_ns", ({ lockedNs }) => wholeOrNull(lockedNs)),
  nullable("unlocked_ns", "int64", "it was left; ns, as start_ns", ({ unlockedNs }) =>
    wholeOrNull(unlockedNs),
  ),
  column("windows", "int32", "tables that were replaced by a block", ({ windows }) => windows),
  nullable(
    "broken_ns",
    "int64",
    "the window of the last opens: its entry is made invalid; ns, as start_ns",
    (_, { brokenNs }) => wholeOrNull(brokenNs),
  ),
  nullable(
    "installed_ns",
    "int64",
    "it closes: the block is installed; ns, as start_ns",
    (_, { installedNs }) => wholeOrNull(installedNs),
  ),
  nullable(
    "teardown_from_ns",
    "int64",
    "first page put of a table that went; ns, as start_ns",
    ({ teardownNs }) => wholeOrNull(teardownNs),
  ),
  nullable("teardown_until_ns", "int64", "last table freed; ns, as start_ns", ({ tornDownNs }) =>
    wholeOrNull(tornDownNs),
  ),
];

const cellSchema = {
  text: z.string(),
  int32: z.int(),
  int64: z.int(),
  hex32: z.string().regex(/^0x[0-9a-f]+$/),
  hex64: z.string().regex(/^0x[0-9a-f]+$/),
};

/** The schema of a row in NDJSON. */
export const episodeSchema = z
  .object(
    Object.fromEntries(
      episodeColumns.map(({ name, type, isNullable, describe }) => [
        name,
        (isNullable ? cellSchema[type].nullable() : cellSchema[type]).describe(describe),
      ]),
    ),
  )
  .meta({
    title: "s2replay-episodes/1",
    description:
      "A replayed fault or host operation. In CSV the same, null being empty; in Parquet addresses and ESRs are integers.",
  });

/** The cells of a row as text formats write them. */
export function textCells(cells: readonly Cell[]): Cell[] {
  return cells.map((cell, i) => (isHex[i] && typeof cell === "number" ? hex(cell) : cell));
}

const isHex = episodeColumns.map(({ type }) => type === "hex32" || type === "hex64");
