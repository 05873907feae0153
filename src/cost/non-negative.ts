/** A gradient or pivot below this relative size is a rounding error. */
const ROUNDING = 1e-11;

/**
 * Least squares with non-negative unknowns: the x >= 0 that minimises |Ax - b|, given `gram` = A'A (row by row) and
 * `rhs` = A'b. This is the active-set method of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23) on
 * the normal equations: columns should be scaled to similar lengths, and none a multiple of another.
 */
export function solveNonNegative(gram: Float64Array, rhs: Float64Array): Float64Array {
  const n = rhs.length;
  const x = new Float64Array(n);
  const isFree = new Array<boolean>(n).fill(false);
  const tolerance = ROUNDING * Math.max(...rhs.map(Math.abs), 0);
  // Each round lowers the residual, so no set of free unknowns repeats; the limit only guards against rounding.
  for (let round = 0; round < 10 * n + 10; round++) {
    const next = steepest(gram, rhs, x, isFree);
    if (next < 0 || slope(gram, rhs, x, next) <= tolerance) break;
    isFree[next] = true;
    for (;;) {
      const aim = solveFree(gram, rhs, isFree);
      const blocking = moveTowards(x, aim, isFree);
      if (blocking < 0) break;
      // A column that is fixed again at once adds only rounding: stop here.
      if (blocking === next && x[next] === 0) return x;
    }
  }
  return x;
}

/** The decrease of half the squared residual per unit of x[j]. */
function slope(gram: Float64Array, rhs: Float64Array, x: Float64Array, j: number): number {
  let sum = rhs[j] as number;
  for (let k = 0; k < x.length; k++) sum -= (gram[j * x.length + k] as number) * (x[k] as number);
  return sum;
}

function steepest(
  gram: Float64Array,
  rhs: Float64Array,
  x: Float64Array,
  isFree: readonly boolean[],
): number {
  let best = -1;
  let most = 0;
  for (let j = 0; j < x.length; j++) {
    if (isFree[j]) continue;
    const fall = slope(gram, rhs, x, j);
    if (fall <= most) continue;
    most = fall;
    best = j;
  }
  return best;
}

/**
 * Moves x towards `aim` until an unknown would become negative; those that reached 0 are fixed there.
 * @returns one of these, or -1
 */
function moveTowards(x: Float64Array, aim: Float64Array, isFree: boolean[]): number {
  let step = 1;
  let blocking = -1;
  for (let j = 0; j < x.length; j++) {
    if (!isFree[j] || (aim[j] as number) > 0) continue;
    const from = x[j] as number;
    const share = from === 0 ? 0 : from / (from - (aim[j] as number));
    if (share >= step && blocking >= 0) continue;
    step = share;
    blocking = j;
  }
  for (let j = 0; j < x.length; j++) {
    if (!isFree[j]) continue;
    x[j] = (x[j] as number) + step * ((aim[j] as number) - (x[j] as number));
    if (blocking >= 0 && (x[j] as number) <= ROUNDING * Math.abs(aim[j] as number)) {
      x[j] = 0;
      isFree[j] = false;
    }
  }
  if (blocking >= 0) {
    x[blocking] = 0;
    isFree[blocking] = false;
  }
  return blocking;
}

/** Solves for the free unknowns, with the others 0, by Cholesky decomposition. */
function solveFree(gram: Float64Array, rhs: Float64Array, isFree: readonly boolean[]): Float64Array {
  const n = rhs.length;
  const free: number[] = [];
  for (let j = 0; j < n; j++) if (isFree[j]) free.push(j);
  const m = free.length;
  const lower = new Float64Array(m * m);
  const solved = new Float64Array(m);
  for (let i = 0; i < m; i++) {
    const row = free[i] as number;
    for (let j = 0; j <= i; j++) {
      let sum = gram[row * n + (free[j] as number)] as number;
      for (let k = 0; k < j; k++) sum -= (lower[i * m + k] as number) * (lower[j * m + k] as number);
      if (i > j) lower[i * m + j] = sum / (lower[j * m + j] as number);
      // A column that is a combination of earlier ones gets 0.
      else lower[i * m + i] = sum > ROUNDING * (gram[row * n + row] as number) ? Math.sqrt(sum) : Infinity;
    }
    let sum = rhs[row] as number;
    for (let k = 0; k < i; k++) sum -= (lower[i * m + k] as number) * (solved[k] as number);
    solved[i] = sum / (lower[i * m + i] as number);
  }
  const x = new Float64Array(n);
  for (let i = m - 1; i >= 0; i--) {
    let sum = solved[i] as number;
    for (let k = i + 1; k < m; k++) sum -= (lower[k * m + i] as number) * (x[free[k] as number] as number);
    x[free[i] as number] = sum / (lower[i * m + i] as number);
  }
  return x;
}
