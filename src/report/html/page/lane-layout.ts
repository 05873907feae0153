/** Positions of the timeline's rows: first the locks, then one lane per thread; each has one row per strategy. */

import type { Model } from "./model.js";

export interface Band {
  readonly name: string;
  readonly thread: string;
  /** Index of the lane; -1 = the MMU lock of `vm`. */
  readonly lane: number;
  readonly vm: number;
  readonly top: number;
}

export interface LaneLayout {
  readonly bands: readonly Band[];
  readonly rowHeight: number;
  readonly bandHeight: number;
  readonly height: number;
}

const gap = 6;

export function layOut({ facts, sides }: Model): LaneLayout {
  const rowHeight = sides.length <= 2 ? 14 : sides.length <= 4 ? 10 : 8;
  const bandHeight = rowHeight * sides.length + (sides.length - 1) + gap;
  const vms = new Set<number>();
  for (const { holds } of sides) for (const vm of holds.keys()) vms.add(vm);
  const guests = new Set(facts.lanes.filter(({ isVcpu }) => isVcpu).map(({ vm }) => vm));
  const of = (vm: number, isLock: boolean) =>
    vm < 0 || (isLock ? vms : guests).size < 2 ? "" : `, VM ${vm}`;
  const locks = [...vms]
    .sort((a, b) => a - b)
    .map((vm) => ({ name: `MMU lock${of(vm, true)}`, thread: "", lane: -1, vm }));
  const threads = facts.lanes.map(({ name, thread, vm, isVcpu }, lane) => ({
    name: isVcpu ? `${name}${of(vm, false)}` : name,
    thread,
    lane,
    vm,
  }));
  const bands = [...locks, ...threads].map((band, at) => ({ ...band, top: gap / 2 + at * bandHeight }));
  return { bands, rowHeight, bandHeight, height: bands.length * bandHeight + gap / 2 };
}
