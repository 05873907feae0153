/** Writes a result as one self-contained page: the figures, and the replay in interactive views. */

import { deflateRawSync } from "node:zlib";
import { numberVcpus, standsFor } from "../../activity/vcpu-numbers.js";
import type { TraceResult } from "../../compare/trace-result.js";
import type { ReplayStart } from "../../compare/watcher.js";
import { causes as causeNames, costs as costNames } from "../../replay/counters.js";
import type { EndedEpoch } from "../../replay/epochs.js";
import { NONE } from "../../trace/event.js";
import { formatCount, formatNs, formatPlural, printable } from "../quantity.js";
import { causes, costs } from "../rows.js";
import type { WatchReport } from "../watch-report.js";
import { documentText } from "./document.js";
import { EpisodeTable } from "./episode-table.js";
import {
  binLayout,
  episodeLayout,
  type PageEpoch,
  type PageFacts,
  type PageLane,
  repetitionLayout,
  stallLayout,
} from "./page-data.js";
import type { Program } from "./shell.js";
import { ByteSink, writeColumns } from "./varint.js";

/** Number of episodes shown individually, over all sides. */
const MOST_EPISODES = 400_000;

const operations = [
  "map",
  "unmap",
  "write-protect",
  "flush",
  "relax permissions",
  "make young",
  "split",
  "destroy",
];

export function htmlReport(start: ReplayStart, write: (text: string) => void, program: Program): WatchReport {
  const limit = Math.floor(MOST_EPISODES / start.sides.length);
  const tables = start.sides.map(() => new EpisodeTable(limit));
  const epochs = start.sides.map((): EndedEpoch[] => []);
  return {
    ended: (episode) => tables[episode.side]?.add(episode),
    repeated: (repetition) => tables[repetition.side]?.repeat(repetition),
    closed: (side, epoch) => void epochs[side]?.push(epoch),
    finish: (result) => {
      const { facts, data } = pack(result, start, tables, epochs);
      const merged = start.sides.flatMap(({ name }, side) => mergedTexts(name, tables[side]!));
      write(documentText({ result, start, program, facts, data, merged: [...new Set(merged)] }));
    },
  };
}

function mergedTexts(name: string, { rows, bins, merged, repeated }: EpisodeTable): string[] {
  const texts: string[] = [];
  if (merged > 0)
    texts.push(
      `${name}: ${formatCount(rows.count)} of ${formatCount(rows.count + merged)} episodes are shown one by one: those with a window, a coalesce or a broken window, and the longest stalls; of equal ones some; the others are sums over ${formatNs(bins.spanNs)} of a thread.`,
    );
  if (repeated > 0)
    texts.push(
      `${name}: ${formatPlural(repeated, "fault")} came in an order that repeats and were counted, not replayed one by one: hatched.`,
    );
  return texts;
}

function pack(
  result: TraceResult,
  start: ReplayStart,
  tables: readonly EpisodeTable[],
  epochs: readonly (readonly EndedEpoch[])[],
): { facts: PageFacts; data: string } {
  const sides = result.sides;
  const { lanes, laneOf } = lanesOf(start, tables);
  const sink = new ByteSink();
  const counts = tables.map((table, side) => {
    const places = new Map(epochs[side]!.map(({ number }, place) => [number, place]));
    const inEpochs = (column: Float64Array) => column.map((number) => places.get(number) ?? 0);
    const stalls = table.stalls.rows();
    const { rows, bins, repetitions } = table;
    const inLanes = (column: Float64Array) => column.map((thread) => laneOf.get(thread) ?? 0);
    const episodes = {
      ...rows.columns,
      lane: inLanes(rows.columns.lane),
      segment: inEpochs(rows.columns.segment),
      vm: rows.columns.vm.map((vm) => known(start, vm)),
    };
    const sums = {
      ...bins.rows.columns,
      lane: inLanes(bins.rows.columns.lane),
      segment: inEpochs(bins.rows.columns.segment),
    };
    const repeats = { ...repetitions.rows.columns, segment: inEpochs(repetitions.rows.columns.segment) };
    writeColumns(sink, episodeLayout, episodes, byLane(episodes, rows.count));
    writeColumns(sink, binLayout, sums, byLane(sums, bins.rows.count));
    writeColumns(sink, repetitionLayout, repeats, inOrder(repetitions.rows.count));
    writeColumns(sink, stallLayout, stalls.columns, inOrder(stalls.count));
    return {
      episodes: table.rows.count,
      bins: table.bins.rows.count,
      repetitions: table.repetitions.rows.count,
      stalls: stalls.count,
    };
  });
  const only = result.epochs.length === 1 && epochs[0]!.length > 1 ? result.epochs[0]!.label : undefined;
  return {
    facts: {
      strategies: sides.map(({ replay }) => replay.strategy),
      modelled: sides.map(({ recordedRatio }) => recordedRatio < 1),
      causes: [...causeNames.map((cause) => causes[cause][0]), "host operation"],
      costs: costNames.map((cost) => costs[cost]),
      operations,
      lanes,
      vms: start.fold.vmNames.map(printable),
      epochs: epochsOf(epochs),
      ...(only === undefined ? {} : { only }),
      slots: start.fold.vms.flatMap((vm) =>
        [...vm.slotsSeen.values()].map(({ slot, start: from, bytes }) => ({
          slot,
          start: from,
          end: from + bytes,
        })),
      ),
      counts,
    },
    data: deflateRawSync(sink.taken(), { level: 9 }).toString("base64"),
  };
}

function epochsOf(epochs: readonly (readonly EndedEpoch[])[]): PageEpoch[] {
  return epochs[0]!.map(({ label }, i) => ({
    label: printable(label ?? ""),
    startNs: epochs.map((of) => Math.round(of[i]!.startNs)),
    makespanNs: epochs.map((of) => Math.round(of[i]!.makespanNs)),
  }));
}

/** Lanes: first the vCPUs, by VM and number, then the host threads that did something. */
function lanesOf(
  start: ReplayStart,
  tables: readonly EpisodeTable[],
): { lanes: PageLane[]; laneOf: ReadonlyMap<number, number> } {
  const { fold, source } = start;
  const vmOf = ({ vm }: { readonly vm: number }) => known(start, vm);
  const busy = new Set<number>();
  for (const { rows, bins } of tables)
    for (const { columns, count } of [rows, bins.rows])
      for (let row = 0; row < count; row++) busy.add(columns.lane[row]!);
  const text = (id: number) => (id === NONE ? null : source.strings.text(id));
  const threads = fold.threads.filter(({ isVcpu, index }) => isVcpu || busy.has(index));
  const vcpus = [...new Set(threads.filter(({ isVcpu }) => isVcpu).map(vmOf))]
    .sort((a, b) => a - b)
    .flatMap((vm) =>
      numberVcpus(
        threads.filter((thread) => thread.isVcpu && vmOf(thread) === vm),
        text,
      ),
    );
  const named = [
    ...vcpus.map(({ thread, number }) => ({ thread, name: `vCPU ${number}` })),
    ...threads
      .filter(({ isVcpu }) => !isVcpu)
      .map((thread) => ({ thread, name: printable(text(thread.comm) ?? `thread ${thread.pid}`) })),
  ];
  return {
    lanes: named.map(({ thread, name }) => ({
      name,
      thread: printable(`${text(thread.comm) ?? "comm unknown"}, pid ${thread.pid}`),
      isVcpu: thread.isVcpu,
      vm: vmOf(thread),
    })),
    laneOf: new Map(named.map(({ thread }, lane) => [thread.index, lane])),
  };
}

/** The VM itself, or the one that it turned out to be. */
function known({ fold }: ReplayStart, vm: number): number {
  return vm < 0 ? vm : standsFor(fold.vms, vm);
}

/** Rows ordered by lane, and by time within a lane. */
function byLane(
  { lane, startNs }: { readonly lane: Float64Array; readonly startNs: Float64Array },
  count: number,
): Uint32Array {
  return inOrder(count).sort((a, b) => lane[a]! - lane[b]! || startNs[a]! - startNs[b]! || a - b);
}

function inOrder(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, row) => row);
}
