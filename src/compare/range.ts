/** Summary of several runs' values of one figure. */
export interface Range {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @param values at least one */
export function rangeOf(values: readonly number[]): Range {
  return { median: medianOf(values), least: Math.min(...values), most: Math.max(...values) };
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(at)] as number) + (sorted[Math.ceil(at)] as number)) / 2;
}

/** Distance of a value from the nearest point of a measured range, relative to that point; null where that is 0. */
export function errorOf(value: number, { least, most }: Pick<Range, "least" | "most">): number | null {
  if (value >= least && value <= most) return 0;
  const nearest = value < least ? least : most;
  return nearest === 0 ? null : value / nearest - 1;
}
