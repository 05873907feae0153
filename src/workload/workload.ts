/** A workload: what guests do to their memory, described by a few options and written as a trace. */

import { sizeText } from "./size.js";

/** What an option's text is read as. Sizes are bytes, seconds come as ns. */
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
  /** As typed. */
  readonly default?: string;
  /** Known only to be refused with a reason. */
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
  /** A command line worth showing, without the command. */
  readonly example: string;
  readonly options: Options;
  /** The trace, line by line, each with its newline. The same values give the same lines. Throws UsageError. */
  lines(values: Values<Options>): Iterable<string>;
}

/** A workload with its options filled in: a trace that is written while it is read. Plain data. */
export interface DescribedWorkload {
  readonly workload: string;
  /** One for each option; undefined where it has none. */
  readonly values: Values<Options>;
}

/** A workload with these values, and none for its other options. */
export function describeWorkload(
  { name, options }: Workload,
  values: Partial<Values<Options>>,
): DescribedWorkload {
  const none = Object.fromEntries(Object.keys(options).map((option) => [option, undefined]));
  return { workload: name, values: { ...none, ...values } };
}

/** A value as it would be typed; a flag's is on or off. */
export function optionText(kind: WorkloadOption["kind"], value: number | string | boolean): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value;
  if (kind === "size") return sizeText(value);
  return String(kind === "seconds" ? value / 1e9 : value);
}

/** Ties the values that `lines` is given to the options it declares. */
export function defineWorkload<const O extends Options>(
  workload: Omit<Workload, "options" | "lines"> & {
    readonly options: O;
    lines(values: Values<O>): Iterable<string>;
  },
): Workload {
  return workload as unknown as Workload;
}
