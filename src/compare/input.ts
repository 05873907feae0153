/** Opens a trace for a replay: what its header says of the machine, and the defaults for what it does not say. */

import { UnsupportedTraceError, UsageError } from "../errors.js";
import { openTrace } from "../import/open-trace.js";
import { InputAddressError } from "../replay/input-address.js";
import { formerNames, strategies, strategyByName } from "../strategy/index.js";
import { strategyOfKernel } from "../strategy/kernel-release.js";
import { loadStrategy } from "../strategy/load.js";
import type { Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import { canBeReadAgain } from "../trace/byte-source.js";
import type { TraceHeader, TraceSource } from "../trace/event.js";
import { contradictionText, type RecordedMachine } from "../trace/header.js";
import { readWorkload } from "../workload/index.js";
import type { TraceOptions } from "./options.js";
import type { Caveat } from "./result.js";

/** IPA sizes, tried in turn where the header has none. */
const IA_BITS = [40, 48, 52];
const GRANULE = 4096;

/** The caller's options that determine how a trace is read. */
export type InputOptions = Pick<
  TraceOptions,
  "input" | "name" | "import" | "lenient" | "recording" | "reorderWindowNs" | "onProgress"
>;

/** Reads a trace with `attempt`; retries with more IPA bits where the header has none and an address does not fit. */
export async function readInput<T>(
  options: InputOptions,
  attempt: (source: TraceSource, iaBits: number) => Promise<T>,
): Promise<T> {
  for (let attempts = 0; ; ) {
    const source = await openInput(options);
    const iaBits = source.header?.ia_bits;
    try {
      return await attempt(source, iaBits ?? (IA_BITS[attempts] as number));
    } catch (error) {
      if (!(error instanceof InputAddressError)) throw error;
      attempts++;
      if (iaBits !== undefined || attempts >= IA_BITS.length)
        throw new UsageError(`${source.name}: ${error.message}`);
      if (typeof options.input !== "string" || !canBeReadAgain(options.input))
        throw new UsageError(
          `${source.name}: ${error.message}: the header has no ia_bits, and ` +
            `${options.input === "-" ? "standard input" : "a pipe"} cannot be read again`,
        );
    }
  }
}

/** Opens a trace, or the events of a described workload. */
async function openInput(options: InputOptions): Promise<TraceSource> {
  const { input } = options;
  const name = options.name ?? (typeof input === "string" ? undefined : `workload ${input.workload}`);
  return openTrace(typeof input === "string" ? input : readWorkload(input), {
    ...readerOptions(options),
    header: await headerTold(options.recording),
    ...(name === undefined ? {} : { name }),
  });
}

/** The built-in profile for a machine whose waiters for the MMU lock spin, or sleep. */
export function defaultProfile(lockWait: "spin" | "sleep"): string {
  return lockWait === "sleep" ? "emulated" : "kunpeng920";
}

/** The stage-2 configuration of the recording machine. */
export function stage2Of(header: TraceHeader | undefined, iaBits: number): Stage2Config {
  return {
    granuleBytes: header?.granule ?? GRANULE,
    iaBits,
    fwb: header?.fwb ?? false,
    hasTlbiRange: header?.tlbi_range ?? false,
  };
}

/** The input's header, with what the caller told. Throws as openTrace and its reader do. */
export async function headerOfInput(options: InputOptions): Promise<TraceHeader | undefined> {
  const source = await openInput(options);
  // A reader that has been started closes the input.
  for await (const _ of source.batches()) break;
  return source.header;
}

function readerOptions(options: InputOptions): Parameters<typeof openTrace>[1] {
  const { onProgress, reorderWindowNs } = options;
  return {
    lenient: options.lenient,
    ...(options.import === undefined ? {} : { import: options.import }),
    ...(reorderWindowNs === undefined ? {} : { reorderWindowNs }),
    ...(onProgress === undefined
      ? {}
      : {
          onProgress: (doneBytes: number, totalBytes: number | undefined) =>
            onProgress(totalBytes === undefined ? { doneBytes } : { doneBytes, totalBytes }),
        }),
  };
}

/** What the caller told of a recording, as header fields: a walker given as a module becomes its name. */
export async function headerTold(told: RecordedMachine = {}): Promise<RecordedMachine> {
  const walker = await walkerTold(told);
  return walker === undefined ? told : { ...told, walker: walker.name };
}

async function walkerTold({ walker }: RecordedMachine): Promise<Strategy | undefined> {
  if (walker === undefined) return undefined;
  try {
    return await loadStrategy(walker);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`--walker: ${error.message}`) : error;
  }
}

/** A caveat for each fact in which the caller contradicts the trace. */
export function contradictionCaveats({ contradictions }: TraceSource): Caveat[] {
  return contradictions.map((each) => ({ code: "header-contradicted", text: contradictionText(each) }));
}

/** The strategy that the recording kernel ran: as told, else from the header, else guessed from the kernel release. */
export async function recorderOf(
  options: InputOptions,
  header: TraceHeader | undefined,
  caveats: Caveat[],
): Promise<Strategy | undefined> {
  const told = await walkerTold(options.recording ?? {});
  if (told !== undefined) return told;
  const known = strategies.map((strategy) => strategy.name).join(", ");
  let name = header?.walker;
  if (name === undefined && header?.kernel !== undefined) {
    const guess = strategyOfKernel(header.kernel);
    name = guess?.name;
    if (name !== undefined) {
      const why =
        guess?.caveat ?? `the header names no walker: kernel ${header.kernel} is taken to run ${name}`;
      caveats.push({ code: "guessed-walker", text: why });
    }
  }
  if (name === undefined) {
    caveats.push({
      code: "unknown-walker",
      text: "the trace does not say which walker recorded it: no self-replay, and recorded durations are read as those of the base; --walker NAME tells",
    });
    return undefined;
  }
  const strategy = strategyByName(formerNames.get(name) ?? name);
  if (strategy === undefined)
    throw new UnsupportedTraceError(
      `recorded under ${name}, which is not among the strategies built in (${known}): ` +
        "--walker tells where its module is, or reads the record as another walker's",
    );
  return strategy;
}
