/** Recordings of one workload on several kernels, and the figures that were measured on them. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { UsageError } from "../errors.js";
import { strategyOfKernel } from "../strategy/kernel-release.js";
import type { RecordedMachine } from "../trace/header.js";

/** One run of one scenario on one kernel. */
export interface Recording {
  readonly kernel: string;
  readonly scenario: string;
  readonly run: string;
  readonly file: string;
  /** What the recording does not say of its machine and its walker; undefined where it has a header. */
  readonly header: RecordedMachine | undefined;
}

/** What was measured of one run; ns, NaN where it was not. */
interface MeasuredRun {
  readonly kernel: string;
  readonly scenario: string;
  readonly faults: number;
  readonly adjustNs: number;
  readonly windowP50Ns: number;
  readonly windowMaxNs: number;
}

export interface KernelSet {
  readonly recordings: readonly Recording[];
  readonly measured: readonly MeasuredRun[];
}

/** Walkers that a release does not tell: kernels that were patched. */
const walkers: Readonly<Record<string, string>> = {
  "5.10.262-rfc": "v5.10-rfc",
  "5.10.262-prepatch": "pre-patch",
  "5.10.262-postpatch": "post-patch",
};

/** Name of the walker of a kernel. Throws UsageError. */
export function walkerOf(kernel: string): string {
  const name = walkers[kernel] ?? strategyOfKernel(kernel)?.name;
  if (name === undefined) throw new UsageError(`${kernel}: no kernel whose walker is known`);
  return name;
}

/**
 * Probes of every visit make an operation 13 to 50 times as long: such a recording predicts no other. And what
 * was not traced has nothing to be replayed.
 */
const isComparable = (scenario: string) => !/-(deep|notrace)$/.test(scenario);

/** KERNEL/SCENARIO/RUN/trace.dat and figures.csv, as recorded on the emulated machine. Throws UsageError. */
export function recordingsIn(folder: string): KernelSet {
  const recordings = foldersIn(folder).flatMap((kernel) =>
    foldersIn(join(folder, kernel))
      .filter(isComparable)
      .flatMap((scenario) =>
        foldersIn(join(folder, kernel, scenario)).map((run) => ({
          kernel,
          scenario,
          run,
          file: join(folder, kernel, scenario, run, "trace.dat"),
          header: headerOf(kernel, scenario, join(folder, kernel, scenario, run)),
        })),
      )
      .filter(({ file }) => existsSync(file)),
  );
  if (recordings.length === 0) throw new UsageError(`${folder}: no KERNEL/SCENARIO/RUN/trace.dat`);
  const figures = join(folder, "figures.csv");
  return { recordings, measured: existsSync(figures) ? measuredIn(figures) : [] };
}

/** KERNEL-SCENARIO.ndjson.gz or .zst, with headers of their own, and figures.csv. */
export function shippedRecordings(folder: string): KernelSet {
  const recordings = readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const [, kernel, scenario] = /^(.+?)-((?:fwb-)?h\d[mg]-.+)\.ndjson\.(?:gz|zst)$/.exec(name) ?? [];
      return kernel === undefined || scenario === undefined
        ? []
        : [{ kernel, scenario, run: "1", file: join(folder, name), header: undefined }];
    });
  return { recordings, measured: measuredIn(join(folder, "figures.csv")) };
}

function foldersIn(folder: string): string[] {
  let entries: ReturnType<typeof readEntries>;
  try {
    entries = readEntries(folder);
  } catch (error) {
    throw new UsageError(`${folder}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

const readEntries = (folder: string) => readdirSync(folder, { withFileTypes: true });

/**
 * What a trace.dat does not tell of its machine. Beside a trace.header.json nothing is added but the walker; a host.json
 * says what the machine around a host saw whose vCPUs had a CPU each; else it was the emulated machine with one physical
 * CPU, on which a waiter sleeps (traces/README.md).
 */
function headerOf(kernel: string, scenario: string, run: string): RecordedMachine {
  const walker = walkerOf(kernel);
  if (existsSync(join(run, "trace.header.json"))) return { walker };
  const fwb = scenario.startsWith("fwb-");
  const machine = { walker, granule: 4096, ia_bits: 48, fwb, tlbi_range: fwb };
  if (existsSync(join(run, "host.json"))) return machine;
  return { ...machine, pcpus: 1, lock_wait: "sleep" };
}

/** The columns that are used; others may stand beside them. */
const columns = [
  "kernel",
  "scenario",
  "adjust_faults",
  "adjust_s",
  "break_to_install_us_p50",
  "break_to_install_us_max",
] as const;

function measuredIn(file: string): MeasuredRun[] {
  const [head = "", ...lines] = readFileSync(file, "utf8").trim().split("\n");
  const names = head.split(",");
  const [kernel, scenario, faults, adjust, p50, max] = columns.map((name) => {
    const at = names.indexOf(name);
    if (at < 0) throw new UsageError(`${basename(file)}:1: no column ${name}`);
    return at;
  }) as [number, number, number, number, number, number];
  return lines.map((line, n) => {
    const cells = line.split(",");
    const number = (at: number, scale: number) => {
      const text = cells[at] ?? "";
      const value = text === "" ? Number.NaN : Number(text) * scale;
      if (text !== "" && Number.isNaN(value))
        throw new UsageError(`${basename(file)}:${n + 2}: ${names[at]}: expected a number, got ${text}`);
      return value;
    };
    return {
      kernel: cells[kernel] ?? "",
      scenario: cells[scenario] ?? "",
      faults: number(faults, 1),
      adjustNs: number(adjust, 1e9),
      windowP50Ns: number(p50, 1e3),
      windowMaxNs: number(max, 1e3),
    };
  });
}
