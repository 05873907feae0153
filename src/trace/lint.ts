/** What a trace holds and what is wrong with it: the content of `s2replay validate`. */

import { type EventBatch, type EventName, eventNames, Kind, NONE, type TraceSource } from "./event.js";

/** Plain JSON; every list in a fixed order. Times are decimal strings of nanoseconds on the recording's clock. */
export interface ValidateReport {
  readonly schema: "s2replay-validate/1";
  readonly trace: string;
  readonly kernel: string | null;
  readonly walker: string | null;
  readonly events: number;
  readonly lines: number;
  readonly byEvent: Readonly<Record<string, number>>;
  /** Not delivered, by name. */
  readonly unknownEvents: Readonly<Record<string, number>>;
  readonly firstNs: string;
  readonly lastNs: string;
  readonly spanNs: number;
  readonly threads: readonly ThreadSummary[];
  readonly vms: readonly VmSummary[];
  readonly lostEvents: number;
  /** Functions entered that were not seen to return, and the reverse; see also `unprobedReturns`. */
  readonly entriesWithoutReturn: number;
  readonly returnsWithoutEntry: number;
  /** Functions whose entries are in the trace and none of whose returns are: not probed, so not counted above. */
  readonly unprobedReturns: readonly EventName[];
  /** Lines left out under --lenient, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Where the data ended early, null if it did not. */
  readonly truncatedAtByte: number | null;
  /** True if nothing was lost, skipped, cut or left open. */
  readonly complete: boolean;
}

export interface ThreadSummary {
  readonly pid: number;
  readonly comm: string | null;
  readonly events: number;
  readonly entriesWithoutReturn: Readonly<Record<string, number>>;
  readonly returnsWithoutEntry: Readonly<Record<string, number>>;
}

/** A page table, or a VM by its name where events carry one. */
export interface VmSummary {
  readonly vm: string;
  readonly events: number;
  readonly threads: number;
}

/** Kind of the return of each function, by the kind of its entry. */
const returnOf = new Map<number, number>();
const entryOf = new Map<number, number>();
for (const name of eventNames) {
  const back: number | undefined = Kind[`${name}_ret` as EventName];
  if (back === undefined) continue;
  returnOf.set(Kind[name], back);
  entryOf.set(back, Kind[name]);
}

class Thread {
  events = 0;
  comm = NONE;
  /** Functions entered and not left yet: these do not nest in themselves. */
  readonly open = new Set<number>();
  readonly unreturned = new Map<number, number>();
  readonly unentered = new Map<number, number>();

  take(kind: number): void {
    this.events++;
    const entry = entryOf.get(kind);
    if (entry !== undefined) {
      if (!this.open.delete(entry)) add(this.unentered, entry, 1);
    } else if (returnOf.has(kind)) {
      if (this.open.has(kind)) add(this.unreturned, kind, 1);
      this.open.add(kind);
    }
  }

  /** The trace is over: what is open stays without its return. */
  close(): void {
    for (const kind of this.open) add(this.unreturned, kind, 1);
    this.open.clear();
  }
}

class Vm {
  events = 0;
  readonly threads = new Set<number>();
}

/** Reads the whole trace. Throws what reading throws. */
export async function lintTrace(source: TraceSource): Promise<ValidateReport> {
  const threads = new Map<number, Thread>();
  const vms = new Map<string, Vm>();
  let lastNs = 0;
  for await (const batch of source.batches()) {
    for (let row = 0; row < batch.count; row++) {
      lastNs = Math.max(lastNs, batch.atNs[row]!);
      const pid = batch.pid[row]!;
      const thread = getOr(threads, pid, () => new Thread());
      thread.take(batch.kind[row]!);
      if (thread.comm === NONE) thread.comm = batch.comm[row]!;
      const name = vmOf(source, batch, row);
      if (name === undefined) continue;
      const vm = getOr(vms, name, () => new Vm());
      vm.events++;
      vm.threads.add(pid);
    }
  }
  for (const thread of threads.values()) thread.close();
  return summary(source, threads, vms, lastNs);
}

/** TLB events name an mmu, which is no page table. */
function vmOf(source: TraceSource, batch: EventBatch, row: number): string | undefined {
  if (batch.vm[row] !== NONE) return source.strings.text(batch.vm[row]!);
  if (batch.pgt[row] === NONE || eventNames[batch.kind[row]!]!.startsWith("tlb_")) return undefined;
  return source.strings.text(batch.pgt[row]!);
}

function summary(
  source: TraceSource,
  threads: ReadonlyMap<number, Thread>,
  vms: ReadonlyMap<string, Vm>,
  spanNs: number,
): ValidateReport {
  const { report, header, strings } = source;
  const unprobed = new Set(
    [...returnOf]
      .filter(([entry, back]) => report.byKind[entry]! > 0 && report.byKind[back] === 0)
      .map(([entry]) => entry),
  );
  const byEvent: Record<string, number> = {};
  for (const [kind, name] of eventNames.entries())
    if (report.byKind[kind]! > 0) byEvent[name] = report.byKind[kind]!;
  const named = (counts: ReadonlyMap<number, number>): Record<string, number> =>
    sorted(
      [...counts].filter(([kind]) => !unprobed.has(kind)).map(([kind, count]) => [eventNames[kind]!, count]),
    );
  const threadList = [...threads]
    .sort(([a], [b]) => a - b)
    .map(([pid, thread]) => ({
      pid,
      comm: thread.comm === NONE ? null : strings.text(thread.comm),
      events: thread.events,
      entriesWithoutReturn: named(thread.unreturned),
      returnsWithoutEntry: named(thread.unentered),
    }));
  const entriesWithoutReturn = total(threadList.map((thread) => thread.entriesWithoutReturn));
  const returnsWithoutEntry = total(threadList.map((thread) => thread.returnsWithoutEntry));
  const baseNs = report.baseNs ?? 0n;
  return {
    schema: "s2replay-validate/1",
    trace: source.name,
    kernel: header?.kernel ?? null,
    walker: header?.walker ?? null,
    events: report.events,
    lines: report.lines,
    byEvent,
    unknownEvents: sorted([...report.unknown]),
    firstNs: String(baseNs),
    lastNs: String(baseNs + BigInt(spanNs)),
    spanNs,
    threads: threadList,
    vms: [...vms].map(([vm, { events, threads: users }]) => ({ vm, events, threads: users.size })),
    lostEvents: report.lostEvents,
    entriesWithoutReturn,
    returnsWithoutEntry,
    unprobedReturns: [...unprobed].map((kind) => eventNames[kind]!),
    skipped: sorted([...report.skipped]),
    truncatedAtByte: report.truncatedAtByte ?? null,
    complete:
      report.lostEvents + entriesWithoutReturn + returnsWithoutEntry + report.skipped.size === 0 &&
      report.truncatedAtByte === undefined,
  };
}

function add(counts: Map<number, number>, kind: number, count: number): void {
  counts.set(kind, (counts.get(kind) ?? 0) + count);
}

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** An object with its keys in code-unit order; a name such as __proto__ is a key like any other. */
function sorted(entries: readonly (readonly [string, number])[]): Record<string, number> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function total(counts: readonly Readonly<Record<string, number>>[]): number {
  return counts.flatMap((each) => Object.values(each)).reduce((sum, count) => sum + count, 0);
}
