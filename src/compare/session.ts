import type { Activity } from "../activity/activity.js";
import type { VmMemory } from "../activity/vm.js";
import { type CostProfile, loadProfile } from "../cost/profile.js";
import { StrategyError, UnsupportedTraceError, UsageError } from "../errors.js";
import { CostScale } from "../replay/cost-scale.js";
import { InputAddressError, Replay } from "../replay/replay.js";
import type { Observer } from "../replay/run-config.js";
import { findingHeadline, findingProblem } from "../stage2/finding-text.js";
import { strategies, strategyByName, strategyOfKernel } from "../strategy/index.js";
import { loadStrategy } from "../strategy/load.js";
import type { Strategy } from "../strategy/strategy.js";
import { didYouMean } from "../suggest.js";
import { canBeReadAgain } from "../trace/byte-source.js";
import type { TraceHeader, TraceSource } from "../trace/event.js";
import { openTrace } from "../trace/open-trace.js";
import { readWorkload } from "../workload/index.js";
import type { TraceOptions } from "./options.js";
import type { Caveat } from "./result.js";

/** IPA sizes tried in turn where the header names none. */
const IA_BITS = [40, 48, 52];
const GRANULE = 4096;

/** A trace that has been replayed, with what its header said and did not say. */
export interface Session {
  readonly source: TraceSource;
  readonly replay: Replay;
  readonly profile: CostProfile;
  readonly recorder: Strategy | undefined;
  readonly fwb: boolean;
  /** What the header did not say and was taken as given. */
  readonly assumed: readonly string[];
  /** IPA bits found by trying; undefined where the header has them. */
  readonly inferredIaBits: number | undefined;
  readonly lastNs: number;
  readonly options: TraceOptions;
  /** About the recording walker. */
  readonly recorderCaveats: readonly Caveat[];
}

export interface SessionExtras {
  readonly observer?: Observer;
  /** Each is one more run of every side. */
  readonly ablations?: readonly CostScale[];
}

/** Replays a trace under `sides` and the strategy that recorded it. */
export async function replaySession(
  options: TraceOptions,
  sides: readonly Strategy[],
  extras: SessionExtras = {},
): Promise<Session> {
  for (const side of sides) checkReplayable(side);
  let attempt = 0;
  for (;;) {
    const source = await openInput(options);
    const iaBits = source.header?.ia_bits;
    try {
      return await run(options, sides, extras, source, iaBits ?? (IA_BITS[attempt] as number));
    } catch (error) {
      if (!(error instanceof InputAddressError)) throw error;
      attempt++;
      if (iaBits !== undefined || attempt >= IA_BITS.length)
        throw new UsageError(`${source.name}: ${error.message}`);
      if (typeof options.input !== "string" || !canBeReadAgain(options.input))
        throw new UsageError(
          `${source.name}: ${error.message}: the header has no ia_bits, and ` +
            `${options.input === "-" ? "standard input" : "a pipe"} cannot be read again`,
        );
    }
  }
}

function openInput(options: TraceOptions): Promise<TraceSource> {
  const { input } = options;
  const name = options.name ?? (typeof input === "string" ? undefined : `workload ${input.workload}`);
  return openTrace(typeof input === "string" ? input : readWorkload(input), {
    ...readerOptions(options),
    ...(name === undefined ? {} : { name }),
  });
}

/** What a replay of the input would be like, from the beginning of it. Throws as replaySession does. */
export async function lookInto(
  options: TraceOptions,
): Promise<{ readonly profile: CostProfile; readonly recorder: Strategy | undefined }> {
  const source = await openInput(options);
  for await (const _ of source.batches()) break;
  const recorder = await recorderOf(options, source.header, []);
  return { profile: profileOf(options, source.header), recorder };
}

function profileOf(options: TraceOptions, header: TraceHeader | undefined): CostProfile {
  return loadProfile(
    options.profile ?? (lockWaitOf(options, header) === "sleep" ? "emulated" : "kunpeng920"),
  );
}

function lockWaitOf(options: TraceOptions, header: TraceHeader | undefined): "spin" | "sleep" {
  return options.lockWait ?? header?.lock_wait ?? "spin";
}

function readerOptions(options: TraceOptions): Parameters<typeof openTrace>[1] {
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

async function run(
  options: TraceOptions,
  sides: readonly Strategy[],
  extras: SessionExtras,
  source: TraceSource,
  iaBits: number,
): Promise<Session> {
  const { header } = source;
  const recorderCaveats: Caveat[] = [];
  const recorder = await recorderOf(options, header, recorderCaveats);
  const lockWait = lockWaitOf(options, header);
  const profile = profileOf(options, header);
  const fwb = header?.fwb ?? false;
  const scale = options.scale === undefined ? CostScale.whole : new CostScale(options.scale);
  const replay = new Replay(
    {
      strategies: sides,
      scale,
      ablations: extras.ablations ?? [],
      recorder,
      stage2: {
        granuleBytes: header?.granule ?? GRANULE,
        iaBits,
        fwb,
        hasTlbiRange: header?.tlbi_range ?? false,
      },
      profile,
      pcpus: options.pcpus ?? header?.pcpus ?? Number.POSITIVE_INFINITY,
      lockWait,
      recordedOnOneCpu: header?.pcpus === 1,
      replaysOnOneCpu: header?.pcpus === 1 && (options.pcpus ?? 1) === 1,
      epochGapNs: options.epochGapNs ?? Number.POSITIVE_INFINITY,
      counts: filterOf(options),
      sanitizes: options.sanitize ?? false,
      ...(extras.observer === undefined ? {} : { observer: extras.observer }),
    },
    source.strings,
  );
  if (scale.locksAreFree || scale.cpusAreFree) checkWaits(replay, sides);
  let lastNs = 0;
  try {
    for await (const batch of source.batches()) {
      replay.consume(batch);
      lastNs = batch.atNs[batch.count - 1] as number;
    }
    replay.finish();
  } catch (error) {
    throw withFindings(error, replay, sides);
  }
  checkEpoch(options.epoch, replay.labels);
  checkSlot(options.slot, replay.slots);
  return {
    source,
    replay,
    profile,
    recorder,
    fwb,
    assumed: assumptions(header),
    inferredIaBits: header?.ia_bits === undefined ? iaBits : undefined,
    lastNs,
    options,
    recorderCaveats,
  };
}

/** A strategy that broke its contract ended the replay: what a sanitizer saw says more than the error. */
function withFindings(error: unknown, replay: Replay, sides: readonly Strategy[]): unknown {
  if (!(error instanceof StrategyError)) return error;
  const found = sides.flatMap((side) =>
    replay
      .found(side)
      .map(
        (tally) =>
          `${side.name}: ${findingHeadline(tally)}: ${tally.first.during}, line ${tally.first.operation} of the trace: ` +
          [findingProblem(tally.first), ...tally.first.log].join("\n  "),
      ),
  );
  return found.length === 0
    ? error
    : new StrategyError([error.message, ...found].join("\n"), { cause: error });
}

/** One strategy a name. */
function checkReplayable(strategy: Strategy): void {
  const builtIn = strategyByName(strategy.name);
  if (builtIn !== undefined && builtIn !== strategy)
    throw new StrategyError(
      `${strategy.name}: a strategy of this name is built in: call yours something else, so that results can tell them apart`,
    );
}

/** A wait can only be left out where the replay makes it. */
function checkWaits(replay: Replay, sides: readonly Strategy[]): void {
  const following = sides.filter((side) => replay.followsRecord(side)).map(({ name }) => name);
  if (following.length === 0) return;
  throw new UsageError(
    `lockWait and cpuWait cannot be left out: the replay under ${following.join(" and ")} follows its record, which has the waits in it`,
  );
}

function checkSlot(slot: number | undefined, seen: ReadonlySet<number>): void {
  if (slot === undefined || seen.has(slot)) return;
  const known = [...seen].sort((a, b) => a - b).join(", ");
  throw new UsageError(`no memslot ${slot}: the trace has ${known === "" ? "none" : known}`);
}

function checkEpoch(epoch: string | undefined, labels: ReadonlySet<string>): void {
  if (epoch === undefined || labels.has(epoch)) return;
  const known = [...labels];
  const are = known.length === 0 ? "the trace names none" : `the trace has ${known.join(", ")}`;
  throw new UsageError(`no epoch "${epoch}"${didYouMean(epoch, known)}: ${are}`);
}

function assumptions(header: TraceHeader | undefined): string[] {
  const assumed: string[] = [];
  if (header?.granule === undefined) assumed.push("granule 4096");
  if (header?.fwb === undefined) assumed.push("no FWB");
  return assumed;
}

/** The strategy that the recording kernel ran: told, else by the header, else guessed from the kernel's release. */
async function recorderOf(
  options: TraceOptions,
  header: TraceHeader | undefined,
  caveats: Caveat[],
): Promise<Strategy | undefined> {
  if (options.recordedUnder !== undefined) {
    if (header?.walker !== undefined && header.walker !== options.recordedUnder)
      caveats.push({
        code: "walker-contradicted",
        text: `read as recorded under ${options.recordedUnder}, though the header says ${header.walker}`,
      });
    return loadStrategy(options.recordedUnder);
  }
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
      text: "the trace does not say which walker recorded it: no self-replay, and recorded durations are read as those of the base; --recorded-under NAME tells",
    });
    return undefined;
  }
  const strategy = strategyByName(name);
  if (strategy === undefined)
    throw new UnsupportedTraceError(
      `recorded under ${name}, which is not among the strategies built in (${known}): ` +
        "--recorded-under NAME reads the record as another walker's",
    );
  return strategy;
}

/** Which activities the result counts. */
function filterOf(
  options: TraceOptions,
): (activity: Activity, epoch: string | undefined, memory: VmMemory) => boolean {
  const { slot, ipa, epoch } = options;
  return (activity, label, memory) =>
    (epoch === undefined || label === epoch) &&
    (slot === undefined || memory.slotNumber(activity.ipa) === slot) &&
    (ipa === undefined || (activity.ipa >= ipa.start && activity.ipa < ipa.end));
}
