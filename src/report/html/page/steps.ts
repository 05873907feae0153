/** Moves from one episode to another by keys. */

import type { Model } from "./model.js";
import type { Selection } from "./selection.js";
import type { View } from "./view.js";

export class Steps {
  constructor(
    private readonly model: Model,
    private readonly view: View,
    private readonly selection: Selection,
  ) {}

  /** Selects the next or previous episode of the same thread, or the first one in view if none is selected. */
  next(by: number): void {
    const { picked } = this.selection;
    if (picked === undefined) {
      this.lane(1);
      return;
    }
    const side = this.model.sides[picked.side]!;
    const row = picked.row + by;
    if (row < 0 || row >= side.count || side.episodes.lane[row] !== side.episodes.lane[picked.row]) return;
    this.selection.pick({ side: picked.side, row });
    this.reveal();
  }

  /** Selects an episode in the next row of the lanes that has one in view. */
  lane(by: number): void {
    const { sides, facts } = this.model;
    const rows = facts.lanes.length * sides.length;
    const { picked } = this.selection;
    const here =
      picked === undefined
        ? by > 0
          ? -1
          : rows
        : sides[picked.side]!.episodes.lane[picked.row]! * sides.length + picked.side;
    const aroundNs =
      picked === undefined ? this.view.fromNs : this.model.startOf(sides[picked.side]!, picked.row);
    for (let at = here + by; at >= 0 && at < rows; at += by) {
      const side = sides[at % sides.length]!;
      const lane = Math.floor(at / sides.length);
      const row = this.model.firstAfter(side, lane, Math.max(this.view.fromNs, aroundNs));
      if (row >= side.laneStarts[lane + 1]! || this.model.startOf(side, row) > this.view.toNs) continue;
      this.selection.pick({ side: at % sides.length, row });
      return;
    }
  }

  /** Zooms to the selected episode. */
  closeIn(): void {
    const { picked } = this.selection;
    if (picked === undefined) return;
    const side = this.model.sides[picked.side]!;
    const startNs = this.model.startOf(side, picked.row);
    const spanNs = Math.max(100, side.episodes.spanNs[picked.row]!);
    this.view.show(startNs - spanNs, startNs + 2 * spanNs);
  }

  private reveal(): void {
    const { picked } = this.selection;
    if (picked === undefined) return;
    const side = this.model.sides[picked.side]!;
    const startNs = this.model.startOf(side, picked.row);
    const { view } = this;
    if (startNs < view.fromNs || startNs + side.episodes.spanNs[picked.row]! > view.toNs)
      view.show(startNs - view.spanNs / 3, startNs + (2 * view.spanNs) / 3);
  }
}
