/** Indices of two corresponding items; undefined where one side has none. */
export type Pair = readonly [a: number | undefined, b: number | undefined];

/** A gap between anchors is compared item by item up to this many pairs. */
const SMALL_PAIRS = 1_000_000;

/**
 * Two lists aligned where they agree, in order: a patience diff, n log n for lists with many items of their own.
 * Where a stretch has no item that is unique in both, a longest common subsequence is looked for if it is
 * short; a long one counts as different.
 */
export function align(a: readonly string[], b: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  alignRange(a, 0, a.length, b, 0, b.length, pairs);
  return pairs;
}

function alignRange(
  a: readonly string[],
  aStart: number,
  aEnd: number,
  b: readonly string[],
  bStart: number,
  bEnd: number,
  pairs: Pair[],
): void {
  let i = aStart;
  let j = bStart;
  while (i < aEnd && j < bEnd && a[i] === b[j]) pairs.push([i++, j++]);
  let tail = 0;
  while (aEnd - tail > i && bEnd - tail > j && a[aEnd - tail - 1] === b[bEnd - tail - 1]) tail++;
  const iEnd = aEnd - tail;
  const jEnd = bEnd - tail;
  const anchors = anchorsIn(a, i, iEnd, b, j, jEnd);
  if (anchors.length > 0) {
    for (const [p, q] of anchors) {
      alignRange(a, i, p, b, j, q, pairs);
      pairs.push([p, q]);
      i = p + 1;
      j = q + 1;
    }
    alignRange(a, i, iEnd, b, j, jEnd, pairs);
  } else alignGap(a, i, iEnd, b, j, jEnd, pairs);
  for (let k = 0; k < tail; k++) pairs.push([iEnd + k, jEnd + k]);
}

/** Items that occur once on either side, as many as keep their order on both. */
function anchorsIn(
  a: readonly string[],
  aStart: number,
  aEnd: number,
  b: readonly string[],
  bStart: number,
  bEnd: number,
): [number, number][] {
  const inA = uniqueIn(a, aStart, aEnd);
  const inB = uniqueIn(b, bStart, bEnd);
  const common: [number, number][] = [];
  for (const [item, p] of inA) {
    const q = inB.get(item);
    if (p >= 0 && q !== undefined && q >= 0) common.push([p, q]);
  }
  return longestRising(common);
}

/** Where each item stands; -1 for one that occurs more than once. */
function uniqueIn(list: readonly string[], start: number, end: number): Map<string, number> {
  const places = new Map<string, number>();
  for (let i = start; i < end; i++) places.set(list[i]!, places.has(list[i]!) ? -1 : i);
  return places;
}

/** The longest part of the pairs, which ascend in their first, that ascends in the second too. */
function longestRising(pairs: readonly [number, number][]): [number, number][] {
  const before: number[] = [];
  /** Index of the pair that ends the best run of each length. */
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

function alignGap(
  a: readonly string[],
  aStart: number,
  aEnd: number,
  b: readonly string[],
  bStart: number,
  bEnd: number,
  pairs: Pair[],
): void {
  const rows = aEnd - aStart;
  const columns = bEnd - bStart;
  let i = aStart;
  let j = bStart;
  if (rows > 0 && columns > 0 && rows * columns <= SMALL_PAIRS) {
    // Length of the longest common subsequence of what is left from (i, j) on.
    const width = columns + 1;
    const lengths = new Uint32Array((rows + 1) * width);
    for (let r = rows - 1; r >= 0; r--)
      for (let c = columns - 1; c >= 0; c--)
        lengths[r * width + c] =
          a[aStart + r] === b[bStart + c]
            ? lengths[(r + 1) * width + c + 1]! + 1
            : Math.max(lengths[(r + 1) * width + c]!, lengths[r * width + c + 1]!);
    const left = (p: number, q: number): number => lengths[(p - aStart) * width + q - bStart]!;
    while (i < aEnd && j < bEnd) {
      if (a[i] === b[j]) pairs.push([i++, j++]);
      else if (left(i + 1, j) >= left(i, j + 1)) pairs.push([i++, undefined]);
      else pairs.push([undefined, j++]);
    }
  }
  while (i < aEnd) pairs.push([i++, undefined]);
  while (j < bEnd) pairs.push([undefined, j++]);
}
