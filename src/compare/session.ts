import { setImmediate } from "node:timers/promises";
import type { Activity } from "../activity/activity.js";
import type { VmMemory } from "../activity/vm.js";
import type { Calibration } from "../cost/calibrate.js";
import { type CostProfile, loadProfile } from "../cost/profile.js";
import { StrategyError, UsageError } from "../errors.js";
import { CostScale } from "../replay/cost-scale.js";
import { Replay } from "../replay/replay.js";
import { findingHeadline, findingProblem } from "../stage2/finding-text.js";
import { strategyByName } from "../strategy/index.js";
import type { Strategy } from "../strategy/strategy.js";
import { didYouMean } from "../suggest.js";
import type { TraceHeader, TraceSource } from "../trace/event.js";
import { calibrateInput, FIT } from "./calibrate.js";
import { defaultProfile, openInput, readInput, recorderOf, stage2Of } from "./input.js";
import type { TraceOptions } from "./options.js";
import type { Caveat } from "./result.js";

/** A trace that has been replayed, with what its header said and did not say. */
export interface Session {
  readonly source: TraceSource;
  readonly replay: Replay;
  readonly profile: CostProfile;
  /** How the profile was fitted on this very trace; undefined where it was given. */
  readonly fit: Calibration | undefined;
  readonly recorder: Strategy | undefined;
  readonly fwb: boolean;
  /** What the header did not say and was taken as given. */
  readonly assumed: readonly string[];
  /** IPA bits found by trying; undefined where the header has them. */
  readonly inferredIaBits: number | undefined;
  readonly lastNs: number;
  readonly options: TraceOptions;
  /** Physical CPUs of the replay and of the recording; Infinity = one for each vCPU. */
  readonly pcpus: number;
  readonly recordedPcpus: number;
  /** About the recording walker. */
  readonly recorderCaveats: readonly Caveat[];
}

export interface SessionExtras {
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
  const fit = options.profile === FIT ? await calibrateInput(options) : undefined;
  return readInput(options, (source, iaBits) => run(options, sides, extras, source, iaBits, fit));
}

/** The profile that a replay of the input would have, from the beginning of it. Throws as replaySession does. */
export async function profileFor(options: TraceOptions): Promise<CostProfile> {
  const source = await openInput(options);
  for await (const _ of source.batches()) break;
  const fit = options.profile === FIT ? await calibrateInput(options) : undefined;
  return profileOf(options, source.header, fit);
}

function profileOf(
  options: TraceOptions,
  header: TraceHeader | undefined,
  fit: Calibration | undefined,
): CostProfile {
  return fit?.profile ?? loadProfile(options.profile ?? defaultProfile(lockWaitOf(options, header)));
}

function lockWaitOf(options: TraceOptions, header: TraceHeader | undefined): "spin" | "sleep" {
  return options.lockWait ?? header?.lock_wait ?? "spin";
}

async function run(
  options: TraceOptions,
  sides: readonly Strategy[],
  extras: SessionExtras,
  source: TraceSource,
  iaBits: number,
  fit: Calibration | undefined,
): Promise<Session> {
  const { header } = source;
  const recorderCaveats: Caveat[] = [];
  const recorder = await recorderOf(options, header, recorderCaveats);
  if (recorder === undefined && sides.length === 0)
    throw new UsageError(
      `${source.name}: nothing says which walker recorded it, which is the one to replay: --recorded-under NAME tells`,
    );
  const lockWait = lockWaitOf(options, header);
  const profile = profileOf(options, header, fit);
  const fwb = header?.fwb ?? false;
  const recordedPcpus = header?.pcpus ?? Number.POSITIVE_INFINITY;
  const pcpus = options.pcpus ?? recordedPcpus;
  const scale = options.scale === undefined ? CostScale.whole : new CostScale(options.scale);
  const countsVm = (vm: number) => options.vm === undefined || replay.fold.vmNames[vm] === options.vm;
  const replay: Replay = new Replay(
    {
      strategies: sides.length === 0 ? [recorder as Strategy] : sides,
      scale,
      ablations: extras.ablations ?? [],
      recorder,
      stage2: stage2Of(header, iaBits),
      profile,
      pcpus,
      recordedPcpus,
      lockWait,
      emulatedCpus: header?.cpus ?? pcpus,
      epochGapNs: options.epochGapNs ?? Number.POSITIVE_INFINITY,
      arrivalSeed: options.arrivalSeed,
      counts: filterOf(options, countsVm),
      countsVm,
      sanitizes: options.sanitize ?? false,
      ...(options.observer === undefined ? {} : { observer: options.observer }),
    },
    source.strings,
  );
  options.observer?.begins?.({
    source,
    stage2: stage2Of(header, iaBits),
    sides,
    fold: replay.fold,
    profile,
  });
  if (!replay.canBeFree(scale))
    throw new UsageError(
      "lockWait and cpuWait cannot be left out: one CPU ran all that was recorded, and its order has the waits in it",
    );
  let lastNs = 0;
  try {
    for await (const batch of source.batches()) {
      for (const _ of replay.consume(batch)) await setImmediate();
      lastNs = batch.atNs[batch.count - 1] as number;
    }
    for (const _ of replay.finish()) await setImmediate();
  } catch (error) {
    throw withFindings(error, replay, sides);
  }
  checkEpoch(options.epoch, replay.labels);
  checkSlot(options.slot, replay.slots);
  checkVm(options.vm, replay.fold.vmNames);
  return {
    source,
    replay,
    profile,
    fit,
    recorder,
    fwb,
    assumed: assumptions(header),
    inferredIaBits: header?.ia_bits === undefined ? iaBits : undefined,
    lastNs,
    options,
    pcpus,
    recordedPcpus,
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

function checkSlot(slot: number | undefined, seen: ReadonlySet<number>): void {
  if (slot === undefined || seen.has(slot)) return;
  const known = [...seen].sort((a, b) => a - b).join(", ");
  throw new UsageError(`no memslot ${slot}: the trace has ${known === "" ? "none" : known}`);
}

function checkVm(vm: string | undefined, known: readonly string[]): void {
  if (vm === undefined || known.includes(vm)) return;
  const are = known.length === 0 ? "the trace shows none" : `the trace has ${known.join(", ")}`;
  throw new UsageError(`no VM "${vm}"${didYouMean(vm, known)}: ${are}`);
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

/** Which activities the result counts. */
function filterOf(
  options: TraceOptions,
  countsVm: (vm: number) => boolean,
): (activity: Activity, epoch: string | undefined, memory: VmMemory) => boolean {
  const { slot, ipa, epoch } = options;
  return (activity, label, memory) =>
    (epoch === undefined || label === epoch) &&
    countsVm(activity.vm) &&
    (slot === undefined || memory.slotNumber(activity.ipa) === slot) &&
    (ipa === undefined || (activity.ipa >= ipa.start && activity.ipa < ipa.end));
}
