/** `--plot`: prints below a result its stalls by length and the timeline of an epoch, in plain characters. */

import pc from "picocolors";
import { vcpuNumbers } from "../../activity/vcpu-numbers.js";
import type { TraceResult } from "../../compare/trace-result.js";
import type { ReplayStart, Watcher } from "../../compare/watcher.js";
import { Cost } from "../../replay/counters.js";
import type { Episode } from "../../replay/episode.js";
import type { Repetition } from "../../replay/observer.js";
import { NONE } from "../../trace/event.js";
import { markOf, modelledMark } from "../cells.js";
import { formatNs, printable } from "../quantity.js";
import type { Colors } from "../terminal.js";
import { countStall, histogramLines, stallCounts } from "./stall-histogram.js";
import { Timelines, TimeUse } from "./timeline.js";
import { type TimelineView, timelineLines } from "./timeline-text.js";

const longestName = 16;
/** The vCPU numbers of a VM are below this. */
const mostVcpus = 2 ** 16;

export interface PlotOptions {
  /** Line width in characters. */
  readonly width: number;
  readonly color: boolean;
}

/** Accumulates the episodes of a replay. Its size does not grow with their number. */
export class Plot implements Watcher {
  private start: ReplayStart | undefined;
  private stalls: readonly Float64Array[] = [];
  private timelines = new Timelines(0);

  begins(start: ReplayStart): void {
    this.start = start;
    this.stalls = start.sides.map(stallCounts);
    this.timelines = new Timelines(start.sides.length);
  }

  ended(episode: Episode): void {
    const { side, counted, isFault, thread, startNs, endNs } = episode;
    if (side < 0 || !counted) return;
    const { epochNumber, epochStartNs, requestedNs, lockedNs } = episode;
    const epoch = this.timelines.epoch(side, epochNumber, episode.epoch, epochStartNs);
    const lane = epoch.lane(side, thread);
    const of = epoch.sides[side]!;
    const add = (spell: TimeUse, fromNs: number, toNs: number) =>
      epoch.add(side, lane, spell, fromNs - epochStartNs, toNs - epochStartNs);
    if (isFault) {
      countStall(this.stalls[side]!, Math.round(episode.stallNs), 1);
      lane.stallNs += episode.stallNs;
      of.stallNs += episode.stallNs;
      add(TimeUse.stall, startNs, endNs);
    }
    const grantedNs = Number.isNaN(lockedNs) ? endNs : lockedNs;
    add(TimeUse.wait, requestedNs, Math.min(requestedNs + episode.costNs[Cost.lockWait]!, grantedNs));
    add(TimeUse.hold, lockedNs, episode.unlockedNs);
    if (episode.windows === 0) return;
    lane.windowNs += episode.installedNs - episode.brokenNs;
    of.windowNs += episode.installedNs - episode.brokenNs;
    add(TimeUse.window, episode.brokenNs, episode.installedNs);
  }

  repeated({ side, stalls, threads, startNs, endNs, ...of }: Repetition): void {
    if (side < 0 || stalls.length === 0) return;
    let stallNs = 0;
    for (const [ns, count] of stalls) {
      countStall(this.stalls[side]!, ns, count);
      stallNs += ns * count;
    }
    const epoch = this.timelines.epoch(side, of.epochNumber, of.epoch, of.epochStartNs);
    epoch.sides[side]!.stallNs += stallNs;
    for (const thread of threads) {
      const lane = epoch.lane(side, thread);
      // A repetition does not say whose stalls these are; in lock-step they are spread about evenly.
      lane.stallNs += stallNs / threads.length;
      epoch.add(side, lane, TimeUse.repeated, startNs - of.epochStartNs, endNs - of.epochStartNs);
    }
  }

  /** Numbers of faulted accesses of a side, by the length of their stall. */
  countsOf(side: number): Float64Array {
    return this.stalls[side] as Float64Array;
  }

  /** The text ends with a newline. */
  render(result: TraceResult, { width, color }: PlotOptions): string {
    const colors = pc.createColors(color);
    const names = result.sides.map((side) => ({
      mark: markOf(side.figures["stallNs.total"], "ns", side),
      windowMark: markOf(side.figures["windows.totalNs"], "ns", side),
      name: printable(side.replay.strategy),
    }));
    const panels = names.map(({ mark, name }, side) => ({
      name: `${mark}${name}`,
      counts: this.countsOf(side),
    }));
    const histogram = [
      colors.bold("accesses that faulted, by the length of their stall"),
      ...histogramLines(panels, width),
    ];
    const timeline = this.timeline(names, width, colors);
    const note = names.some(({ mark }) => mark !== "")
      ? [`${modelledMark} times are modelled, wholly or in part`]
      : [];
    return `${[...histogram, "", ...timeline, ...note].join("\n")}\n`;
  }

  private timeline(names: TimelineView["names"], width: number, colors: Colors): string[] {
    const epoch = this.timelines.mostTelling();
    // If all aborts have length 0 there is nothing to draw.
    if (epoch === undefined || epoch.sides.every(({ firstNs }) => firstNs === Number.POSITIVE_INFINITY))
      return ["no timeline: nothing stalled, and no operation was counted"];
    const called =
      epoch.label === undefined ? `the epoch from ${formatNs(epoch.startNs)} on` : printable(epoch.label);
    const nameOf = this.threadNames();
    return [colors.bold(`timeline of ${called}`), ...timelineLines(epoch, { names, nameOf, width, colors })];
  }

  private threadNames(): TimelineView["nameOf"] {
    const { fold, source } = this.start!;
    const numbers = vcpuNumbers(fold, source.strings);
    const manyVms = new Set([...numbers.values()].map(({ vm }) => vm)).size > 1;
    return (index) => {
      const known = numbers.get(index);
      if (known !== undefined) {
        const { vm, number } = known;
        return { text: `${manyVms ? `VM ${vm} ` : ""}vCPU ${number}`, rank: vm * mostVcpus + number };
      }
      const { comm, pid } = fold.threads[index]!;
      const name = comm === NONE ? "pid" : printable(source.strings.text(comm)).slice(0, longestName);
      return { text: `${name} ${pid}`, rank: Number.MAX_VALUE };
    };
  }
}
