import { type Calibration, calibrate } from "../cost/calibrate.js";
import type { CostSample } from "../cost/cost-sample.js";
import { loadProfile } from "../cost/profile.js";
import { UsageError } from "../errors.js";
import { CostRecorder } from "../replay/cost-recorder.js";
import { canBeReadAgain } from "../trace/byte-source.js";
import type { TraceHeader } from "../trace/event.js";
import {
  contradictionCaveats,
  defaultProfile,
  type InputOptions,
  readInput,
  recorderOf,
  stage2Of,
} from "./input.js";
import type { TraceOptions } from "./options.js";
import type { Caveat } from "./result.js";

/** The profile name that means: fitted on the trace itself. */
export const FIT = "fit";

export interface CalibrateOptions extends Omit<InputOptions, "input"> {
  /** Traces of one machine; each may have another walker. */
  readonly inputs: readonly string[];
  /** The profile with the figures that the traces do not tell. Default: as for a replay of the first trace. */
  readonly profile?: string;
}

/** A trace's sample, and the facts of its machine that times depend on. */
interface Reading {
  readonly sample: CostSample;
  readonly machine: Readonly<Record<string, string>>;
  readonly lockWait: "spin" | "sleep";
  readonly caveats: readonly Caveat[];
}

/** Fits a cost profile to traces. Throws UsageError, TraceFormatError, UnsupportedTraceError. */
export async function calibrateTraces(options: CalibrateOptions): Promise<Calibration> {
  const { inputs, profile, ...rest } = options;
  const readings: Reading[] = [];
  for (const input of inputs) {
    const reading = await read({ ...rest, input });
    checkMachine(readings[0] ?? reading, reading);
    readings.push(reading);
  }
  const [first] = readings;
  if (first === undefined) throw new UsageError("expected a trace");
  const base = loadProfile(profile ?? defaultProfile(first.lockWait));
  const calibration = calibrate(
    readings.map(({ sample }) => sample),
    base,
  );
  if (calibration === undefined)
    throw new UsageError(
      `${readings.map(({ sample }) => sample.name).join(", ")}: too few operations of known duration: ` +
        "a fit needs s2_map with its return (record --level map or walk)",
    );
  const contradicted = readings.flatMap(({ sample, caveats }) =>
    caveats.map(({ text }) => `${sample.name}: ${text}`),
  );
  return { ...calibration, warnings: [...contradicted, ...calibration.warnings] };
}

/** Fits the profile for a trace that is about to be replayed, on that trace. */
export async function calibrateInput(options: TraceOptions): Promise<Calibration> {
  const { input, profile: _, ...rest } = options;
  if (typeof input !== "string")
    throw new UsageError("--profile fit: a described workload has no durations that one could be fitted on");
  if (!canBeReadAgain(input))
    throw new UsageError(
      `--profile fit reads the trace twice, and ${input === "-" ? "standard input" : input} cannot be: ` +
        "save it to a file, or fit once (s2replay calibrate FILE -o profile.json) and give --profile profile.json",
    );
  return calibrateTraces({ ...rest, inputs: [input] });
}

function read(options: InputOptions): Promise<Reading> {
  return readInput(options, async (source, iaBits) => {
    const { header } = source;
    const recorder = await recorderOf(options, header, []);
    if (recorder === undefined)
      throw new UsageError(
        `${source.name}: the trace does not say which walker recorded it, and so not what its operations did: ` +
          "--walker NAME tells",
      );
    const cost = new CostRecorder(
      source.name,
      recorder,
      stage2Of(header, iaBits),
      header?.pcpus === 1,
      source.strings,
    );
    for await (const batch of source.batches()) cost.consume(batch);
    return {
      sample: cost.finish(),
      machine: machineOf(header),
      lockWait: header?.lock_wait ?? "spin",
      caveats: contradictionCaveats(source),
    };
  });
}

function machineOf(header: TraceHeader | undefined): Record<string, string> {
  return {
    arch: header?.arch ?? "arm64",
    granule: String(header?.granule ?? 4096),
    fwb: String(header?.fwb ?? false),
    tlbi_range: String(header?.tlbi_range ?? false),
    pcpus: String(header?.pcpus ?? "enough"),
    lock_wait: header?.lock_wait ?? "spin",
  };
}

function checkMachine(first: Reading, other: Reading): void {
  for (const [fact, value] of Object.entries(other.machine))
    if (first.machine[fact] !== value)
      throw new UsageError(
        `${other.sample.name}: ${fact} is ${value}, but ${first.machine[fact]} in ${first.sample.name}: ` +
          "a profile is fitted on traces of one machine",
      );
}
