/** A workload: what guests do to their memory, described by a few options and written as a trace. */

import { sizeText } from "./size.js";

/** The types that an option's text is parsed to. Sizes are in bytes, seconds in ns. */
interface Kinds {
  count: number;
  size: number;
  seconds: number;
  text: string;
  flag: boolean;
}

export interface WorkloadOption {
  readonly kind: keyof Kinds;
  /** A single letter. */
  readonly alias?: string;
  readonly describe: string;
  /** As a user would type it. */
  readonly default?: string;
  /** The option exists only to be refused with a reason. */
  readonly hidden?: true;
}

type Options = Readonly<Record<string, WorkloadOption>>;

export type Values<O extends Options> = {
  readonly [N in keyof O]:
    | Kinds[O[N]["kind"]]
    | (O[N] extends { readonly default: string } | { readonly kind: "flag" } ? never : undefined);
};

export interface Workload {
  readonly name: string;
  readonly describe: string;
  /** Arguments of an example for the help text, without the command. */
  readonly example: string;
  readonly options: Options;
  /** The trace, line by line, each with its newline. The same values give the same lines. Throws UsageError. */
  lines(values: Values<Options>): Iterable<string>;
}

/** A workload with its options filled in: a trace that is written while it is read. Plain data. */
export interface DescribedWorkload {
  readonly workload: string;
  /** One for each option; undefined where the option has no value. */
  readonly values: Values<Options>;
}

/** Describes a workload with these values; its other options are undefined. */
export function describeWorkload(
  { name, options }: Workload,
  values: Partial<Values<Options>>,
): DescribedWorkload {
  const none = Object.fromEntries(Object.keys(options).map((option) => [option, undefined]));
  return { workload: name, values: { ...none, ...values } };
}

/** Formats a value as a user would type it; a flag is on or off. */
export function optionText(kind: WorkloadOption["kind"], value: number | string | boolean): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value;
  if (kind === "size") return sizeText(value);
  return String(kind === "seconds" ? value / 1e9 : value);
}

/** Derives the type of the values that `lines` takes from the declared options. */
export function defineWorkload<const O extends Options>(
  workload: Omit<Workload, "options" | "lines"> & {
    readonly options: O;
    lines(values: Values<O>): Iterable<string>;
  },
): Workload {
  return workload as unknown as Workload;
}
