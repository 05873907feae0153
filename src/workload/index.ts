/** The workloads. A new one needs a file here and a line below. */

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { UsageError } from "../errors.js";
import { didYouMean } from "../suggest.js";
import { bootStorm } from "./boot-storm.js";
import { dirtyLog } from "./dirty-log.js";
import { kvmPageTableTest } from "./kvm-page-table-test.js";
import { type DescribedWorkload, optionText, type Workload } from "./workload.js";

export const workloads: readonly Workload[] = [kvmPageTableTest, dirtyLog, bootStorm];

/** Throws UsageError for an unknown name. */
export function workloadByName(name: string): Workload {
  const known = workloads.find((workload) => workload.name === name);
  if (known !== undefined) return known;
  const names = workloads.map((workload) => workload.name);
  throw new UsageError(`unknown workload "${name}"${didYouMean(name, names)}: expected ${names.join(", ")}`);
}

/** Throws UsageError for values that the workload does not take; a workload checks them before its first line. */
export function checkWorkload({ workload, values }: DescribedWorkload): void {
  for (const _ of workloadByName(workload).lines(values)) return;
}

/** `kvm_page_table_test, type 2, size 20G`: the options that have a value, except those in `others`. */
export function workloadText({ workload, values }: DescribedWorkload, others: readonly string[]): string {
  const settings = Object.entries(workloadByName(workload).options).flatMap(([name, { kind }]) => {
    const value = values[name];
    if (value === undefined || value === false || others.includes(name)) return [];
    return [value === true ? name : `${name} ${optionText(kind, value)}`];
  });
  return [workload, ...settings].join(", ");
}

/** Lines are passed on in pieces of about this size. */
const PIECE_CHARS = 64 * 1024;

/** The trace of a workload, as a stream of its text. */
export function readWorkload({ workload, values }: DescribedWorkload): Readable {
  return Readable.from(pieces(workloadByName(workload).lines(values)));
}

async function* pieces(lines: Iterable<string>): AsyncGenerator<string> {
  let piece = "";
  for (const line of lines) {
    piece += line;
    if (piece.length < PIECE_CHARS) continue;
    yield piece;
    // Signals can be handled between pieces.
    await setImmediate();
    piece = "";
  }
  if (piece !== "") yield piece;
}
