import type { TraceResult } from "../../compare/trace-result.js";
import type { ReplayStart } from "../../compare/watcher.js";
import { Cause, Cost, causes } from "../../replay/counters.js";
import type { Episode } from "../../replay/episode.js";
import { Granule } from "../../stage2/granule.js";
import { type EpisodeRow, episodeColumns } from "../episodes/columns.js";
import { EndOrder } from "../episodes/end-order.js";
import { formatBytes } from "../quantity.js";
import { type Part, SliceTrack, wholeNs } from "./tracks.js";
import type { Argument, PerfettoWriter } from "./writer.js";

/** Groups of tracks below a strategy, in this order after its epochs. */
const groups = ["vCPUs", "host threads", "MMU locks", "mapped", "faults so far"] as const;
type Group = (typeof groups)[number];

/** Tracks for the lock of one VM, in this order. */
const lockTracks = ["MMU lock", "windows", "tear-downs"] as const;

interface EndedFault {
  readonly endNs: number;
  readonly cause: number;
  readonly laps: number;
}

/** Writes the tracks of one strategy's replay. */
export class PerfettoSide {
  private readonly process: number;
  private readonly groups = new Map<Group, number>();
  private readonly tracks = new Map<string, SliceTrack>();
  private readonly threadNames: string[] = [];
  private readonly counters = new Map<string, { readonly uuid: number; value: number }>();
  private readonly faults = new EndOrder<EndedFault>((fault) => this.count(fault));
  private epoch:
    | { readonly number: number; readonly label: string; fromNs: number; untilNs: number }
    | undefined;

  constructor(
    private readonly writer: PerfettoWriter,
    /** Has been filled from the episode that is given to `add`. */
    private readonly row: EpisodeRow,
    private readonly start: ReplayStart,
    private readonly side: number,
  ) {
    this.process = writer.track({ name: this.label(), pid: side + 1 });
  }

  add(episode: Episode): void {
    const { isFault, cause, vm, lockedNs, unlockedNs, windows, brokenNs, installedNs } = episode;
    const who = this.threadName(episode);
    this.threadTrack(episode, who).add({
      name: isFault ? (causes[cause] as string) : textOf("operation", episode, this.row),
      category: isFault ? "fault" : "operation",
      fromNs: episode.startNs,
      untilNs: episode.endNs,
      args: argumentsOf(episode, this.row, episodeArguments),
      parts: partsOf(episode),
    });
    if (isFault) this.faults.add(episode, { endNs: episode.endNs, cause, laps: episode.laps });
    this.noteEpoch(episode);
    if (Number.isNaN(lockedNs)) return;
    const args = argumentsOf(episode, this.row, holdArguments);
    const add = (what: (typeof lockTracks)[number], name: string, fromNs: number, untilNs: number) =>
      this.lockTrack(what, vm).add({ name, category: what, fromNs, untilNs, args });
    add("MMU lock", who, lockedNs, unlockedNs);
    if (windows > 0) add("windows", "window", brokenNs, installedNs);
    this.countMapped(episode);
    if (!Number.isNaN(episode.teardownNs))
      add("tear-downs", "tear-down", episode.teardownNs, episode.tornDownNs);
  }

  finish(result: TraceResult): void {
    this.faults.finish();
    this.closeEpoch();
    this.writer.instant(this.process, 0, "about this replay", "about", this.about(result));
  }

  /** Name of the process. The second of two strategies is the candidate; of more, all are compared with the first. */
  private label(): string {
    const { sides } = this.start;
    const name = sides[this.side]?.name ?? "";
    if (sides.length > 1 && this.side === 0) return `${name} (base)`;
    return sides.length === 2 ? `${name} (candidate)` : name;
  }

  private threadName({ thread: index, vm }: Episode): string {
    this.threadNames[index] ??= this.newThreadName(vm);
    return this.threadNames[index];
  }

  private newThreadName(vm: number): string {
    const { row } = this;
    const { thread } = row;
    const number = row.vcpu();
    const task = `${row.text(thread?.comm ?? -1) ?? "thread"} ${thread?.pid ?? ""}`;
    if (!thread?.isVcpu) return task;
    return `${vm < 0 ? "" : `VM ${vm} `}vCPU${number === null ? "" : ` ${number}`} (${task})`;
  }

  private threadTrack({ thread: index, isFault }: Episode, name: string): SliceTrack {
    const isVcpu = isFault || this.row.thread?.isVcpu === true;
    return this.track(`thread ${index}`, isVcpu ? "vCPUs" : "host threads", name, this.row.vcpu() ?? index);
  }

  private lockTrack(what: (typeof lockTracks)[number], vm: number): SliceTrack {
    const name = this.row.vmName(vm);
    const place = lockTracks.length * (vm + 1) + lockTracks.indexOf(what);
    const of = name === null ? "an unknown VM" : `VM ${vm} (${name})`;
    return this.track(`${what} ${vm}`, "MMU locks", `${what} of ${of}`, place);
  }

  private track(key: string, group: Group, name: string, rank: number): SliceTrack {
    let track = this.tracks.get(key);
    if (track === undefined) {
      track = new SliceTrack(this.writer, { name, parent: this.group(group), rank });
      this.tracks.set(key, track);
    }
    return track;
  }

  private group(name: Group): number {
    let uuid = this.groups.get(name);
    if (uuid === undefined) {
      uuid = this.writer.track({
        name,
        parent: this.process,
        rank: 1 + groups.indexOf(name),
        isOrdered: true,
      });
      this.groups.set(name, uuid);
    }
    return uuid;
  }

  /** Counts faults as the result does: each lap beyond the first met a broken entry. */
  private count({ endNs, cause, laps }: EndedFault): void {
    const add = (name: string, rank: number, faults: number) => {
      let counter = this.counters.get(name);
      if (counter === undefined) {
        counter = { uuid: this.counterTrack("faults so far", name, rank), value: 0 };
        this.counters.set(name, counter);
      }
      counter.value += faults;
      this.writer.count(counter.uuid, wholeNs(endNs), counter.value);
    };
    add("all", 0, laps);
    add(causes[cause] as string, 1 + cause, 1);
    if (laps > 1) add("brokenWindow", 1 + Cause.brokenWindow, laps - 1);
  }

  /** Counts the mapped bytes at the end of an episode, where they have changed. */
  private countMapped({ vm, endNs, mappedBytes }: Episode): void {
    for (const [level, bytes] of mappedBytes.entries()) {
      const key = `mapped ${vm} ${level}`;
      let counter = this.counters.get(key);
      if (counter === undefined) {
        if (bytes === 0) continue;
        const { granuleBytes, iaBits } = this.start.stage2;
        const leaf = formatBytes(new Granule(granuleBytes, iaBits).bytesAt(level));
        const name = `VM ${vm}: bytes mapped in leaves of ${leaf}`;
        const rank = (vm + 1) * mappedBytes.length + level;
        counter = { uuid: this.counterTrack("mapped", name, rank), value: 0 };
        this.counters.set(key, counter);
      }
      if (counter.value === bytes) continue;
      counter.value = bytes;
      this.writer.count(counter.uuid, wholeNs(endNs), bytes);
    }
  }

  private counterTrack(group: Group, name: string, rank: number): number {
    return this.writer.track({ name, parent: this.group(group), rank, isCounter: true });
  }

  private noteEpoch({ epoch: label, epochNumber: number, startNs, endNs }: Episode): void {
    if (this.epoch !== undefined && this.epoch.number !== number) this.closeEpoch();
    if (label === undefined) return;
    this.epoch ??= { number, label, fromNs: startNs, untilNs: endNs };
    this.epoch.fromNs = Math.min(this.epoch.fromNs, startNs);
    this.epoch.untilNs = Math.max(this.epoch.untilNs, endNs);
  }

  /** Writes the epoch's slice, from the start of its first episode to the end of its last. */
  private closeEpoch(): void {
    if (this.epoch === undefined) return;
    const track =
      this.tracks.get("epochs") ??
      new SliceTrack(this.writer, { name: "epochs", parent: this.process, rank: 0 });
    this.tracks.set("epochs", track);
    const { label, fromNs, untilNs } = this.epoch;
    track.add({ name: label, category: "epoch", fromNs, untilNs, args: [] });
    this.epoch = undefined;
  }

  private about(result: TraceResult): Argument[] {
    const { trace, profile, caveats } = result;
    const strategy = this.start.sides[this.side];
    const counted = result.sides[this.side]?.replay;
    const facts: (readonly [string, string | number | null | undefined])[] = [
      ["strategy", strategy?.name],
      ["models", strategy?.models],
      ["trace", trace.source],
      ["kernel", trace.kernel],
      ["recorded under", trace.recordedUnder],
      ["profile", profile.name],
      ["times", "ns since the trace's first event, on this replay's own clock; recorded or modelled"],
      ["faults", counted?.faults.total],
      ["stall_ns", counted?.stallNs.total],
      ...caveats.map(({ code, text }) => [`note: ${code}`, text] as const),
    ];
    return facts.flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [{ name, value, isAddress: false }],
    );
  }
}

const isOmitted = new Set([
  ...[
    "start_ns",
    "end_ns",
    "strategy",
    "side",
    "kind",
    "epoch",
    "pid",
    "comm",
    "vcpu",
    "vm",
    "vm_name",
    "cause",
  ],
  ...["requested_ns", "locked_ns", "unlocked_ns", "broken_ns", "installed_ns"],
  ...["teardown_from_ns", "teardown_until_ns"],
]);
/** Columns that the position, length and name of a slice do not show. */
const episodeArguments = episodeColumns.filter(({ name }) => !isOmitted.has(name));
const holdArguments = episodeColumns.filter(({ name }) => /^(line|ipa|operation.*)$/.test(name));

/** The arguments without missing values, costs of 0, and 0 windows. */
function argumentsOf(episode: Episode, row: EpisodeRow, columns: typeof episodeColumns): Argument[] {
  const args: Argument[] = [];
  for (const { name, type, of } of columns) {
    const value = of(episode, row);
    if (value === null || (value === 0 && (name.endsWith("_ns") || name === "windows"))) continue;
    args.push({ name, value, isAddress: type === "hex32" || type === "hex64" });
  }
  return args;
}

function textOf(name: string, episode: Episode, row: EpisodeRow): string {
  return String(episodeColumns.find((column) => column.name === name)?.of(episode, row) ?? name);
}

/** The parts of an episode whose order is known. Time between them is a wait for a CPU, or unknown. */
function partsOf(episode: Episode): Part[] {
  const { startNs, endNs, requestedNs, lockedNs, unlockedNs, costNs, laps, operations } = episode;
  const exitedNs = startNs + (costNs[Cost.exit] as number);
  const exit = { name: "exit", fromNs: startNs, untilNs: exitedNs };
  if (Number.isNaN(lockedNs))
    return operations === 0 ? [exit, { name: "handler", fromNs: exitedNs, untilNs: endNs }] : [exit];
  // The waits of earlier laps cannot be told from the wait of the last one.
  const waitedNs = laps > 1 ? lockedNs : Math.min(lockedNs, requestedNs + episode.lockWaitNs);
  return [
    exit,
    { name: laps > 1 ? "handler and retries" : "handler", fromNs: exitedNs, untilNs: requestedNs },
    { name: "lock wait", fromNs: requestedNs, untilNs: waitedNs },
    { name: "CPU wait", fromNs: waitedNs, untilNs: lockedNs },
    { name: "hold", fromNs: lockedNs, untilNs: unlockedNs },
    { name: "return", fromNs: unlockedNs, untilNs: endNs },
  ];
}
