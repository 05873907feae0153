import type { Argument, PerfettoWriter } from "./writer.js";

/** A part of a slice that has its own name. */
export interface Part {
  readonly name: string;
  readonly fromNs: number;
  readonly untilNs: number;
}

export interface Slice {
  readonly name: string;
  readonly category: string;
  readonly fromNs: number;
  readonly untilNs: number;
  readonly args: readonly Argument[];
  /** In order of time. */
  readonly parts?: readonly Part[];
}

interface Lane {
  readonly uuid: number;
  endNs: number;
}

/**
 * A track of slices as the user sees it. In the file format, slices of one track must nest or be disjoint, and be
 * written in order. Overlapping ones, such as holds of a read lock, go to other tracks of the same name, which
 * Perfetto's UI merges (SIBLING_MERGE_BEHAVIOR_BY_TRACK_NAME, the default).
 */
export class SliceTrack {
  private readonly lanes: Lane[] = [];

  constructor(
    private readonly writer: PerfettoWriter,
    private readonly place: { readonly name: string; readonly parent: number; readonly rank: number },
  ) {}

  /** Rounds times to whole ns, and none to before the trace. */
  add({ name, category, fromNs, untilNs, args, parts = [] }: Slice): void {
    const { writer } = this;
    const startNs = wholeNs(fromNs);
    const endNs = Math.max(startNs, wholeNs(untilNs));
    const lane = this.laneFrom(startNs);
    lane.endNs = endNs;
    writer.begin(lane.uuid, startNs, name, category, args);
    let doneNs = startNs;
    for (const part of parts) {
      const partNs = Math.min(Math.max(wholeNs(part.fromNs), doneNs), endNs);
      const partEndNs = Math.min(Math.max(wholeNs(part.untilNs), partNs), endNs);
      if (partEndNs === partNs) continue;
      writer.begin(lane.uuid, partNs, part.name, "part", []);
      writer.end(lane.uuid, partEndNs);
      doneNs = partEndNs;
    }
    writer.end(lane.uuid, endNs);
  }

  private laneFrom(startNs: number): Lane {
    let lane = this.lanes.find(({ endNs }) => endNs <= startNs);
    if (lane === undefined) {
      lane = { uuid: this.writer.track(this.place), endNs: 0 };
      this.lanes.push(lane);
    }
    return lane;
  }
}

export function wholeNs(ns: number): number {
  return Math.max(0, Math.round(ns));
}
