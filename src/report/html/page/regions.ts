/** The address axis. */

import type { Model } from "./model.js";

/** A gap between addresses of at least this many bytes is cut out. */
const cutBytes = 2 ** 26;

/** A range of addresses, and its position on the canvas. */
export interface Region {
  readonly start: number;
  readonly end: number;
  readonly top: number;
  readonly height: number;
}

/** The addresses that occur, without wide gaps; a range is about as high as the square root of its size. */
export function regionsOf({ sides, facts }: Model, headHeight: number, height: number): Region[] {
  const blocks = new Set<number>();
  const block = 2 ** 21;
  let last = -1;
  const note = (ipa: number) => {
    const at = Math.floor(ipa / block);
    // Most addresses are in the same block as the one before.
    if (at !== last) blocks.add(at);
    last = at;
  };
  for (const { episodes: of, count } of sides)
    for (let row = 0; row < count; row++) {
      note(of.ipa[row]!);
      if (of.operation[row] !== 0) continue;
      const from = of.ipa[row]! + of.operationOffset[row]!;
      note(from);
      note(from + Math.max(1, of.operationBytes[row]!) - 1);
    }
  for (const { start, end } of facts.slots)
    if (blocks.size > 0 && end - start <= 2 ** 40) {
      blocks.add(Math.floor(start / block));
      blocks.add(Math.floor((end - 1) / block));
    }
  const found: { start: number; end: number }[] = [];
  for (const at of [...blocks].sort((a, b) => a - b)) {
    const before = found.at(-1);
    const inSlot = facts.slots.some(
      ({ start, end }) =>
        before !== undefined && start < before.end && at * block < end && at * block >= start,
    );
    if (before !== undefined && (inSlot || at * block - before.end < cutBytes)) before.end = (at + 1) * block;
    else found.push({ start: at * block, end: (at + 1) * block });
  }
  const weights = found.map(({ start, end }) => Math.sqrt(end - start));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const gap = 4;
  const room = height - headHeight - gap * found.length;
  const least = Math.min(12, room / Math.max(1, found.length));
  const raw = weights.map((weight) => Math.max(least, (weight / sum) * room));
  const scale = room / raw.reduce((all, h) => all + h, 0);
  let bottom = height;
  return found.map((range, at) => {
    const h = raw[at]! * scale;
    bottom -= h;
    const region = { ...range, top: bottom, height: h };
    bottom -= gap;
    return region;
  });
}
