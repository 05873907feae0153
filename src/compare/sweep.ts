/** Runs diffs over a grid of parameters. */

import { type FigureName, figureNames } from "../cost/profile.js";
import { UsageError } from "../errors.js";
import { scalableCosts } from "../replay/cost-scale.js";
import { loadStrategy } from "../strategy/load.js";
import { checkWorkload } from "../workload/index.js";
import type { DescribedWorkload } from "../workload/workload.js";
import { type DiffJob, sidesOfDiff } from "./diff.js";
import type { DiffOptions } from "./options.js";
import { type PoolOptions, replayAll } from "./replay-pool.js";
import type { Caveat } from "./result.js";
import type { SweepPoint } from "./result-sweep.js";
import { profileFor } from "./session.js";
import { type SharedCaveat, shareCaveats } from "./sweep-caveats.js";
import {
  type Parameter,
  type ParameterUnit,
  parameterOf,
  type SweepValue,
  settingText,
} from "./sweep-parameter.js";
import type { ResultSide, TraceResult } from "./trace-result.js";

/** A larger grid is taken for a typing error. */
const MOST_POINTS = 10_000;

export interface SweepAxis {
  /** A cost, a figure of the profile, an option of the workload, or if-pcpus. */
  readonly name: string;
  readonly values: readonly SweepValue[];
}

export interface SweepOptions
  extends Omit<DiffOptions, "onProgress" | "ablate" | "explain" | "scale" | "base" | "candidate">,
    Required<Pick<DiffOptions, "base" | "candidate">>,
    Omit<PoolOptions, "nameOf"> {
  /** The last axis varies fastest. */
  readonly axes: readonly SweepAxis[];
}

export interface SweptParameter {
  readonly name: string;
  readonly unit: ParameterUnit;
  readonly values: readonly (number | string | boolean)[];
  /** For a figure: its value in the profile. */
  readonly figure?: {
    readonly value: number;
    readonly assumed: boolean;
    readonly range?: readonly [number, number] | undefined;
  };
}

export interface SweepResult {
  readonly input: string | DescribedWorkload;
  readonly axes: readonly SweptParameter[];
  /** In grid order. */
  readonly points: readonly SweepPoint[];
  /** The first point's result, for what all points have in common: the trace, the profile. */
  readonly first: TraceResult;
  /** Whether all points have the same self-replay. */
  readonly oneSelfReplay: boolean;
  readonly caveats: readonly SharedCaveat[];
}

/** Runs one diff for each point of the grid. Throws as diffTrace does; an error at one point names the point. */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { axes, threads, onDone, ...given } = options;
  const parameters = parametersOf(axes, given.input);
  // This reports a misspelt name before the grid is started.
  for (const name of [options.base, options.candidate]) await loadStrategy(name);
  const { document } = await profileFor(given);
  const job: DiffJob = { ...given, profile: document };
  const grid = product(axes.map(({ values }) => values));
  const jobs = grid.map((values) => jobOf(job, parameters, values));
  const settings = jobs.map((of, i) =>
    parameters.map(({ valueIn }, axis) => valueIn(of, grid[i]![axis] as SweepValue)),
  );
  const results = await replayAll(jobs.map(sidesOfDiff), {
    ...(threads === undefined ? {} : { threads }),
    ...(onDone === undefined ? {} : { onDone }),
    nameOf: (index) => pointText(parameters, settings[index]!),
  });
  const [first] = results as [TraceResult];
  const selfReplay = JSON.stringify(first.selfReplay);
  const own = ownCaveats(parameters, first, job);
  return {
    input: given.input,
    axes: parameters.map(({ name, unit }, axis) => {
      const values = [...new Set(settings.map((of) => of[axis] as number | string | boolean))];
      const figure = document.figures[figureNames.find((known) => known === name) as FigureName];
      return { name, unit, values, ...(unit === "ns" ? { figure } : {}) };
    }),
    points: results.map((result, i) => pointOf(result, options.epoch, parameters, settings[i]!)),
    first,
    oneSelfReplay: results.every((result) => JSON.stringify(result.selfReplay) === selfReplay),
    caveats: shareCaveats(results.map(({ caveats }) => [...caveats, ...own])),
  };
}

function parametersOf(axes: readonly SweepAxis[], input: DiffJob["input"]): Parameter[] {
  const points = axes.reduce((product, { values }) => product * values.length, 1);
  if (points > MOST_POINTS)
    throw new UsageError(`${points} points: expected a grid of ${MOST_POINTS} at most`);
  axes.forEach(({ name, values }, at) => {
    if (values.length === 0) throw new UsageError(`${name}: no values`);
    if (axes.findIndex((axis) => axis.name === name) !== at) throw new UsageError(`${name}: is swept twice`);
  });
  return axes.map(({ name }) => parameterOf(name, input));
}

/** All combinations; the last axis varies fastest. */
function product<T>(axes: readonly (readonly T[])[]): T[][] {
  return axes.reduce<T[][]>(
    (grid, values) => grid.flatMap((point) => values.map((value) => [...point, value])),
    [[]],
  );
}

function jobOf(job: DiffJob, parameters: readonly Parameter[], values: readonly SweepValue[]): DiffJob {
  const point = parameters.reduce((of, { apply }, axis) => apply(of, values[axis] as SweepValue), job);
  if (typeof point.input === "string") return point;
  try {
    checkWorkload(point.input);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const settings = parameters.map(({ valueIn }, axis) => valueIn(point, values[axis] as SweepValue));
    throw new UsageError(`${pointText(parameters, settings)}: ${error.message}`);
  }
  return point;
}

function pointText(
  parameters: readonly Parameter[],
  settings: readonly (number | string | boolean)[],
): string {
  return parameters.map(({ name, unit }, i) => `${name}=${settingText(unit, settings[i]!)}`).join(" ");
}

type SweptSide = SweepPoint["base"];

function pointOf(
  { sides, epochs, caveats }: TraceResult,
  epoch: string | undefined,
  parameters: readonly Parameter[],
  settings: readonly (number | string | boolean)[],
): SweepPoint {
  const sideOf = ({ replay, recordedRatio, epochs: own }: ResultSide) => {
    const { strategy, makespanNs, stallNs, faults } = replay;
    const ofEpoch = epochs.reduce((sum, { label }, n) => sum + (label === epoch ? own[n]!.makespanNs : 0), 0);
    return {
      strategy,
      makespanNs: epoch === undefined ? makespanNs : Math.round(ofEpoch),
      stallNs: stallNs.total,
      faults: faults.total,
      recordedRatio,
    };
  };
  const [b, c] = sides.map(sideOf) as [SweptSide, SweptSide];
  const changeNs = c.makespanNs - b.makespanNs;
  return {
    schema: "s2replay-sweep/1",
    parameters: Object.fromEntries(parameters.map(({ name }, i) => [name, settings[i]!])),
    epoch: epoch ?? null,
    base: b,
    candidate: c,
    change: {
      makespanNs: changeNs,
      makespanRatio: b.makespanNs === 0 ? null : changeNs / b.makespanNs,
      stallNs: c.stallNs - b.stallNs,
      faults: c.faults - b.faults,
    },
    unsafe: sides[1]?.verdict?.unsafe ?? false,
    caveats: [...new Set(caveats.map(({ code }) => code))].sort(),
  };
}

/** The caveats that a sweep adds to those of its diffs. */
function ownCaveats(parameters: readonly Parameter[], first: TraceResult, { profile }: DiffJob): Caveat[] {
  const caveats: Caveat[] = [];
  const recorder = first.selfReplay?.strategy;
  const scaled = parameters.some(({ of }) => of === "cost");
  if (scaled && first.sides.some(({ replay }) => replay.strategy === recorder))
    caveats.push({
      code: "scaled-record",
      text: `${recorder} is replayed with scaled costs as the other is, not as recorded: at 100 % it may differ a little from diff`,
    });
  const figures = parameters.filter(({ of }) => of === "profile").map(({ name }) => name);
  if (figures.length > 0 && first.sides.some(({ recordedRatio }) => recordedRatio > 0))
    caveats.push({
      code: "recorded-figure",
      text: `${figures.join(" and ")}: a figure of the profile changes what is modelled, and recorded times stay as they are; a cost (${scalableCosts.join(", ")}) is scaled in both`,
    });
  const sums = typeof profile === "object" ? (profile.sums ?? []) : [];
  for (const { name } of parameters) {
    const known = sums.filter(({ of }) => Object.keys(of).includes(name)).map(({ source }) => source);
    if (known.length > 0)
      caveats.push({
        code: "swept-sum",
        text: `${name} is known in a sum only (${known.join("; ")}): the others stay as they are, so the sum changes`,
      });
  }
  return caveats;
}
