/** The parameters of a sweep: costs, figures of the profile, options of a workload, and the number of physical CPUs. */

import { changeFigure, scaleGuestReads } from "../cost/figure-change.js";
import { type FigureName, figureNames, type ProfileDocument } from "../cost/profile.js";
import { UsageError } from "../errors.js";
import { isWait, type ScalableCost, scalableCosts } from "../replay/cost-scale.js";
import { didYouMean } from "../suggest.js";
import { workloadByName } from "../workload/index.js";
import { optionText, type WorkloadOption } from "../workload/workload.js";
import type { DiffJob } from "./diff.js";

/** A number is in nanoseconds for a figure; for a cost, and for guestReadNs, it is a factor. */
export type SweepValue = number | string | boolean | { readonly ratio: number };

/** Units of parameter values: a ratio of 1 changes nothing, seconds are given in ns, sizes in bytes. */
export type ParameterUnit = WorkloadOption["kind"] | "ratio" | "ns";

export interface Parameter {
  readonly name: string;
  readonly of: "workload" | "cost" | "profile" | "machine";
  readonly unit: ParameterUnit;
  /** The job with the parameter at `value`. For a figure of the profile, the job's profile must be a document. */
  apply(job: DiffJob, value: SweepValue): DiffJob;
  /** The value that the parameter has in the job. */
  valueIn(job: DiffJob, value: SweepValue): number | string | boolean;
}

/** The parameter of this name. Throws UsageError where `input` has none. */
export function parameterOf(name: string, input: DiffJob["input"]): Parameter {
  const options = typeof input === "string" ? {} : workloadByName(input.workload).options;
  const option = options[name];
  if (option !== undefined && option.hidden !== true) return optionParameter(name, option.kind);
  const cost = scalableCosts.find((known) => known === name);
  if (cost !== undefined) return costParameter(cost);
  if (name === "guestReadNs") return guestReads;
  const figure = figureNames.find((known) => known === name);
  if (figure !== undefined) return figureParameter(figure);
  if (name === "if-pcpus") return physicalCpus;
  if (name === "vcpus")
    throw new UsageError("vcpus: a recorded trace has the vCPUs that it has; a workload may have any number");
  throw unknown(name, Object.keys(options));
}

/** Formats a setting as a user would type it. */
export function settingText(unit: ParameterUnit, value: number | string | boolean): string {
  if (unit === "ratio") return `${Number((100 * Number(value)).toPrecision(12))}%`;
  return unit === "ns" ? String(value) : optionText(unit, value);
}

function unknown(name: string, options: readonly string[]): UsageError {
  const shown = options.filter((option) => option.length > 1);
  const known = [...scalableCosts, ...figureNames, "guestReadNs", "if-pcpus", ...shown];
  const near = didYouMean(name, known);
  return new UsageError(
    `unknown parameter "${name}"${near}: expected a cost (${scalableCosts.join(", ")}), ` +
      `a figure of the profile (${figureNames.slice(0, 3).join(", ")}, ..), if-pcpus` +
      `${shown.length === 0 ? "" : `, or an option of the workload (${shown.join(", ")})`}`,
  );
}

function optionParameter(name: string, unit: WorkloadOption["kind"]): Parameter {
  return {
    name,
    of: "workload",
    unit,
    apply(job, value) {
      const { input } = job;
      if (typeof input === "string" || typeof value === "object") throw notOf(name, value);
      return { ...job, input: { ...input, values: { ...input.values, [name]: value } } };
    },
    valueIn: (_, value) => value as number | string | boolean,
  };
}

function costParameter(cost: ScalableCost): Parameter {
  return {
    name: cost,
    of: "cost",
    unit: "ratio",
    apply(job, value) {
      const factor = ratioOf(cost, value);
      if (isWait(cost) && factor !== 0 && factor !== 1)
        throw new UsageError(`${cost}: expected 0 or 100 %: a wait is as long as the queue makes it`);
      return { ...job, scale: { ...job.scale, [cost]: factor } };
    },
    valueIn: (_, value) => ratioOf(cost, value),
  };
}

function figureParameter(name: FigureName): Parameter {
  return {
    name,
    of: "profile",
    unit: "ns",
    apply(job, value) {
      if (typeof value === "string" || typeof value === "boolean") throw notOf(name, value);
      return { ...job, profile: changeFigure(documentOf(job), name, value) };
    },
    valueIn: (job) => documentOf(job).figures[name].value,
  };
}

const guestReads: Parameter = {
  name: "guestReadNs",
  of: "profile",
  unit: "ratio",
  apply: (job, value) => ({
    ...job,
    profile: scaleGuestReads(documentOf(job), ratioOf("guestReadNs", value)),
  }),
  valueIn: (_, value) => ratioOf("guestReadNs", value),
};

const physicalCpus: Parameter = {
  name: "if-pcpus",
  of: "machine",
  unit: "count",
  apply(job, value) {
    if (typeof value !== "number" || value < 1) throw notOf("if-pcpus", value);
    return { ...job, whatIf: { ...job.whatIf, pcpus: value } };
  },
  valueIn: (_, value) => value as number,
};

function documentOf({ profile }: DiffJob): ProfileDocument {
  return profile as ProfileDocument;
}

function ratioOf(name: string, value: SweepValue): number {
  const ratio = typeof value === "object" ? value.ratio : value;
  if (typeof ratio !== "number" || !(ratio >= 0)) throw notOf(name, value);
  return ratio;
}

function notOf(name: string, value: SweepValue): UsageError {
  return new UsageError(`${name}: cannot be ${JSON.stringify(value)}`);
}
