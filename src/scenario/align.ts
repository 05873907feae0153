/** Indices of two corresponding items; undefined where one side has none. */
export type Pair = readonly [a: number | undefined, b: number | undefined];

/** Part of a list: [start, end). */
interface Stretch {
  readonly list: readonly string[];
  readonly start: number;
  readonly end: number;
}

/** A gap between anchors with at most this many pairs is compared item by item. */
const SMALL_PAIRS = 1_000_000;

/**
 * Aligns two lists where they agree, in order, by a patience diff: n log n for lists with many unique items. A stretch
 * that has no item unique in both is aligned by its longest common subsequence if it is short; a long one counts as
 * different.
 */
export function align(a: readonly string[], b: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  alignStretch({ list: a, start: 0, end: a.length }, { list: b, start: 0, end: b.length }, pairs);
  return pairs;
}

function alignStretch(a: Stretch, b: Stretch, pairs: Pair[]): void {
  let i = a.start;
  let j = b.start;
  while (i < a.end && j < b.end && a.list[i] === b.list[j]) pairs.push([i++, j++]);
  let iEnd = a.end;
  let jEnd = b.end;
  while (iEnd > i && jEnd > j && a.list[iEnd - 1] === b.list[jEnd - 1]) {
    iEnd--;
    jEnd--;
  }
  const anchors = anchorsIn({ ...a, start: i, end: iEnd }, { ...b, start: j, end: jEnd });
  for (const [p, q] of anchors) {
    alignStretch({ ...a, start: i, end: p }, { ...b, start: j, end: q }, pairs);
    pairs.push([p, q]);
    i = p + 1;
    j = q + 1;
  }
  const rest = [
    { ...a, start: i, end: iEnd },
    { ...b, start: j, end: jEnd },
  ] as const;
  if (anchors.length > 0) alignStretch(...rest, pairs);
  else alignGap(...rest, pairs);
  while (iEnd < a.end) pairs.push([iEnd++, jEnd++]);
}

/** Pairs of items that occur exactly once on each side; the most that have the same order on both sides. */
function anchorsIn(a: Stretch, b: Stretch): [number, number][] {
  const inB = uniqueIn(b);
  const common: [number, number][] = [];
  for (const [item, p] of uniqueIn(a)) {
    const q = inB.get(item);
    if (p >= 0 && q !== undefined && q >= 0) common.push([p, q]);
  }
  return longestRising(common);
}

/** Index of each item; -1 for one that occurs more than once. */
function uniqueIn({ list, start, end }: Stretch): Map<string, number> {
  const places = new Map<string, number>();
  for (let i = start; i < end; i++) places.set(list[i]!, places.has(list[i]!) ? -1 : i);
  return places;
}

/** The longest subsequence that ascends in the second number; the pairs already ascend in the first. */
function longestRising(pairs: readonly [number, number][]): [number, number][] {
  const before: number[] = [];
  /** For each length, the index of the pair that ends the best run. */
  const ends: number[] = [];
  for (const [index, [, q]] of pairs.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (pairs[ends[middle]!]![1] < q) low = middle + 1;
      else high = middle;
    }
    before.push(low === 0 ? -1 : ends[low - 1]!);
    ends[low] = index;
  }
  const run: [number, number][] = [];
  for (let index = ends.at(-1) ?? -1; index >= 0; index = before[index]!) run.push(pairs[index]!);
  return run.reverse();
}

function alignGap(a: Stretch, b: Stretch, pairs: Pair[]): void {
  const rows = a.end - a.start;
  const columns = b.end - b.start;
  let i = a.start;
  let j = b.start;
  if (rows > 0 && columns > 0 && rows * columns <= SMALL_PAIRS) {
    // Lengths of the longest common subsequences of the rests that begin at (i, j).
    const width = columns + 1;
    const lengths = new Uint32Array((rows + 1) * width);
    for (let r = rows - 1; r >= 0; r--)
      for (let c = columns - 1; c >= 0; c--)
        lengths[r * width + c] =
          a.list[a.start + r] === b.list[b.start + c]
            ? lengths[(r + 1) * width + c + 1]! + 1
            : Math.max(lengths[(r + 1) * width + c]!, lengths[r * width + c + 1]!);
    const left = (p: number, q: number): number => lengths[(p - a.start) * width + q - b.start]!;
    while (i < a.end && j < b.end) {
      if (a.list[i] === b.list[j]) pairs.push([i++, j++]);
      else if (left(i + 1, j) >= left(i, j + 1)) pairs.push([i++, undefined]);
      else pairs.push([undefined, j++]);
    }
  }
  while (i < a.end) pairs.push([i++, undefined]);
  while (j < b.end) pairs.push([undefined, j++]);
}
