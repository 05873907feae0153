/**
 * Finds unknowns that a set of observations cannot tell apart. If columns are parallel, or one is a combination of
 * others, the unknowns can move in some direction without changing the predictions.
 */

/** Columns count as one if the part of a unit column that the others do not explain has a squared length below this. */
const SEPARABLE = 1e-4;

/**
 * Joins columns until all can be told apart.
 * @param gram products of the columns, row by row
 * @param shares weight of each column in a group: the group's column is the weighted sum
 * @returns the columns of each remaining unknown
 */
export function joinInseparable(
  gram: Float64Array,
  shares: readonly number[],
): readonly (readonly number[])[] {
  let groups: readonly (readonly number[])[] = shares.map((_, j) => [j]);
  for (;;) {
    const pair = leastSeparable(cosinesOf(groups, gram, shares), groups.length);
    if (pair === undefined) return groups;
    const [into, from] = pair;
    const joined = [...groups[into]!, ...groups[from]!].sort((a, b) => a - b);
    groups = groups.map((group, j) => (j === into ? joined : group)).filter((_, j) => j !== from);
  }
}

/** Cosines of the angles between the groups' columns. */
function cosinesOf(
  groups: readonly (readonly number[])[],
  gram: Float64Array,
  shares: readonly number[],
): Float64Array {
  const n = groups.length;
  const cosines = new Float64Array(n * n);
  const product = (a: readonly number[], b: readonly number[]) => {
    let sum = 0;
    for (const i of a)
      for (const j of b)
        sum += (shares[i] as number) * (shares[j] as number) * (gram[i * shares.length + j] as number);
    return sum;
  };
  const lengths = groups.map((group) => Math.sqrt(product(group, group)));
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      cosines[i * n + j] =
        i === j
          ? 1
          : product(groups[i] as number[], groups[j] as number[]) /
            ((lengths[i] as number) * (lengths[j] as number));
  return cosines;
}

/** The two most similar of the columns in the least determined direction; undefined if all are determined. */
function leastSeparable(cosines: Float64Array, n: number): readonly [number, number] | undefined {
  const { value, vector } = leastEigen(cosines, n);
  if (value > SEPARABLE) return undefined;
  const most = Math.max(...vector.map(Math.abs));
  const part = [...vector.keys()].filter((j) => Math.abs(vector[j] as number) > most / 10);
  let pair: readonly [number, number] | undefined;
  let nearest = -1;
  for (const i of part)
    for (const j of part) {
      const cosine = Math.abs(cosines[i * n + j] as number);
      if (i >= j || cosine <= nearest) continue;
      nearest = cosine;
      pair = [i, j];
    }
  return pair;
}

/** The smallest eigenvalue of a symmetric matrix, with its eigenvector, by Jacobi rotations. */
function leastEigen(matrix: Float64Array, n: number): { value: number; vector: Float64Array } {
  const a = matrix.slice();
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q] as number;
        off += apq * apq;
        if (Math.abs(apq) < 1e-300) continue;
        const theta = ((a[q * n + q] as number) - (a[p * n + p] as number)) / (2 * apq);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        rotate(a, n, p, q, c, s, true);
        rotate(a, n, p, q, c, s, false);
        rotate(v, n, p, q, c, s, true);
      }
    if (off < 1e-24) break;
  }
  let least = 0;
  for (let j = 1; j < n; j++) if ((a[j * n + j] as number) < (a[least * n + least] as number)) least = j;
  return {
    value: a[least * n + least] ?? Number.POSITIVE_INFINITY,
    vector: Float64Array.from({ length: n }, (_, k) => v[k * n + least] as number),
  };
}

/** Rotates columns (or rows) p and q. */
function rotate(
  m: Float64Array,
  n: number,
  p: number,
  q: number,
  c: number,
  s: number,
  columns: boolean,
): void {
  for (let k = 0; k < n; k++) {
    const i = columns ? k * n + p : p * n + k;
    const j = columns ? k * n + q : q * n + k;
    const mi = m[i] as number;
    const mj = m[j] as number;
    m[i] = c * mi - s * mj;
    m[j] = s * mi + c * mj;
  }
}
