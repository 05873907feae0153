import { solveNonNegative } from "./non-negative.js";
import { quantile } from "./quantile.js";

/** Durations, and the work that they were spent on. */
export interface Observations {
  /** Number of unknowns, one column each. */
  readonly columns: number;
  /** Counts of each unknown, row by row. */
  readonly counts: Float64Array;
  readonly ns: Float64Array;
  /** Prior weight of each observation. */
  readonly importance: Float64Array;
  /** Kind of each observation, from 0: the model's error is the same for all observations of a kind. */
  readonly kind: Int32Array;
}

/** Huber's constant: without disturbances the fit is 95 % as efficient as plain least squares. */
const HUBER = 1.345;
/** Least error of a sum of unit costs for a kind of operation, as a share of its duration. */
const MODEL_ERROR = 0.02;
const ROUNDS = 50;

/** A fit, and the factor by which this machine is slower than the expected figures' machine. */
export interface Solution {
  readonly x: Float64Array;
  readonly pace: number;
  /** Median residual, as a standard deviation. */
  readonly scale: number;
}

/**
 * Non-negative least squares of relative residuals, so that long operations do not outweigh short ones, with Huber's
 * weights, so that a preempted operation does not count for more than one that is slightly off. Where the observations
 * leave an unknown open, it is assumed to be within about a factor of two of `expected` times a common pace, since the
 * machine as a whole may be slower.
 */
export class HuberFit {
  constructor(private readonly given: Observations) {}

  fit(expected: Float64Array): Solution {
    const { ns, importance } = this.given;
    let x = this.solve(importance, ns, undefined).x;
    let pace =
      quantile(
        x.map((value, j) => value / expected[j]!).filter((ratio) => ratio > 0),
        0.5,
      ) || 1;
    let scale = MODEL_ERROR;
    for (let round = 0; round < ROUNDS; round++) {
      const predicted = this.predict(x);
      scale = Math.max(
        MODEL_ERROR,
        1.4826 *
          quantile(
            predicted.map((p, i) => off(p, ns[i]!)),
            0.5,
          ),
      );
      const next = this.refine({ x, pace, scale }, expected, importance);
      const isSettled = next.x.every((value, j) => Math.abs(value - x[j]!) <= 1e-6 * value);
      x = next.x;
      pace = next.pace;
      if (isSettled) break;
    }
    return { x, pace, scale };
  }

  /** One more round from a solution, with other weights and expectations. */
  refine({ x, pace, scale }: Solution, expected: Float64Array, importance: Float64Array): Solution {
    const { ns } = this.given;
    const predicted = this.predict(x);
    const weights = importance.map((weight, i) => {
      const residual = off(predicted[i]!, ns[i]!);
      return residual <= HUBER * scale ? weight : (weight * HUBER * scale) / residual;
    });
    return { ...this.solve(weights, predicted, { expected, pace }), scale };
  }

  private predict(x: Float64Array): Float64Array {
    const { counts, columns, ns } = this.given;
    return ns.map((_, i) => {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += counts[i * columns + j]! * x[j]!;
      return Math.max(1, sum);
    });
  }

  private solve(
    weights: Float64Array,
    units: Float64Array,
    prior: { expected: Float64Array; pace: number } | undefined,
  ): { x: Float64Array; pace: number } {
    const n = this.given.columns;
    const { gram, rhs } = this.products(weights, units);
    // The last unknown is the pace: x / expected - pace is expected to be 0, with the pace itself as its deviation.
    const all = new Float64Array((n + 1) ** 2);
    for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) all[j * (n + 1) + k] = gram[j * n + k]!;
    if (prior !== undefined) {
      const weight = (MODEL_ERROR / prior.pace) ** 2;
      for (let j = 0; j < n; j++) {
        const each = 1 / prior.expected[j]!;
        all[j * (n + 1) + j]! += weight * each * each;
        all[j * (n + 1) + n]! -= weight * each;
        all[n * (n + 1) + j]! -= weight * each;
        all[n * (n + 1) + n]! += weight;
      }
    }
    const lengths = new Float64Array(n + 1).map((_, j) => Math.sqrt(all[j * (n + 2)]!) || 1);
    const scaled = all.map(
      (value, at) => value / (lengths[Math.floor(at / (n + 1))]! * lengths[at % (n + 1)]!),
    );
    const right = lengths.map((length, j) => (rhs[j] ?? 0) / length);
    const x = solveNonNegative(scaled, right).map((value, j) => value / lengths[j]!);
    return { x: x.subarray(0, n), pace: x[n]! || prior?.pace || 1 };
  }

  /** Products of the columns with each other and with the durations; residuals are in `units`. */
  products(weights: Float64Array, units: Float64Array): { gram: Float64Array; rhs: Float64Array } {
    const { counts, columns: n, ns } = this.given;
    const gram = new Float64Array(n * n);
    const rhs = new Float64Array(n);
    for (let i = 0; i < ns.length; i++) {
      const weight = weights[i]! / units[i]! ** 2;
      for (let j = 0; j < n; j++) {
        const count = counts[i * n + j]! * weight;
        if (count === 0) continue;
        rhs[j]! += count * ns[i]!;
        for (let k = 0; k <= j; k++) gram[j * n + k]! += count * counts[i * n + k]!;
      }
    }
    for (let j = 0; j < n; j++) for (let k = 0; k < j; k++) gram[k * n + j] = gram[j * n + k]!;
    return { gram, rhs };
  }
}

/** The error of a prediction, as a share of it. */
function off(predicted: number, ns: number): number {
  return Math.abs(predicted - ns) / predicted;
}
