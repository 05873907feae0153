/** Finds what is under the pointer. */

import type { LaneLayout } from "./lane-layout.js";
import type { Model, PageSide } from "./model.js";
import type { Picked } from "./selection.js";

/** The episode at a time and a vertical position in the lanes, or the nearest one within `nearNs`. */
export function episodeAt(
  model: Model,
  { bands, rowHeight }: LaneLayout,
  ns: number,
  y: number,
  nearNs: number,
): Picked | undefined {
  const band = bands.findLast(({ top }) => top <= y);
  if (band === undefined) return undefined;
  const index = Math.floor((y - band.top) / (rowHeight + 1));
  const side = model.sides[index];
  if (side === undefined) return undefined;
  const row =
    band.lane < 0 ? holdAt(model, side, band.vm, ns, nearNs) : accessAt(model, side, band.lane, ns, nearNs);
  return row === undefined ? undefined : { side: index, row };
}

function accessAt(
  model: Model,
  side: PageSide,
  lane: number,
  ns: number,
  nearNs: number,
): number | undefined {
  let best: number | undefined;
  let bestNs = nearNs;
  for (let row = model.firstAfter(side, lane, ns - nearNs); row < side.laneStarts[lane + 1]!; row++) {
    const startNs = model.startOf(side, row);
    if (startNs > ns + nearNs) break;
    const away = Math.max(startNs - ns, ns - startNs - side.episodes.spanNs[row]!, 0);
    if (best !== undefined && away >= bestNs) continue;
    best = row;
    bestNs = away;
    if (away === 0) break;
  }
  return best;
}

function holdAt(model: Model, side: PageSide, vm: number, ns: number, nearNs: number): number | undefined {
  let best: number | undefined;
  let bestNs = nearNs;
  for (const row of side.holds.get(vm) ?? []) {
    const startNs = model.startOf(side, row) + side.episodes.lockedAfter[row]!;
    const away = Math.max(startNs - ns, ns - startNs - side.episodes.heldNs[row]!, 0);
    if (away > bestNs) continue;
    best = row;
    bestNs = away;
    if (away === 0) break;
  }
  return best;
}
