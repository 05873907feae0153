import { setImmediate } from "node:timers/promises";
import type { Activity } from "../activity/activity.js";
import type { VmMemory } from "../activity/vm.js";
import type { Calibration } from "../cost/calibrate.js";
import { type CostProfile, loadProfile } from "../cost/profile.js";
import { ModelError, StrategyError, UsageError } from "../errors.js";
import { CostScale } from "../replay/cost-scale.js";
import { Replay } from "../replay/replay.js";
import { findingHeadline, findingProblem } from "../stage2/finding-text.js";
import { strategyByName } from "../strategy/index.js";
import type { Strategy } from "../strategy/strategy.js";
import { didYouMean } from "../suggest.js";
import type { TraceHeader, TraceSource } from "../trace/event.js";
import { isDescribed } from "./accesses.js";
import { calibrateInput, FIT } from "./calibrate.js";
import {
  contradictionCaveats,
  defaultProfile,
  headerOfInput,
  readInput,
  recorderOf,
  stage2Of,
} from "./input.js";
import type { TraceOptions } from "./options.js";
import type { Caveat } from "./result.js";

/** How the vCPUs share their CPUs. */
export interface Machine {
  /** Physical CPUs; Infinity = one for each vCPU. */
  readonly pcpus: number;
  readonly lockWait: "spin" | "sleep";
}

/** A trace that has been replayed, with what its header said and what was assumed. */
export interface Session {
  readonly source: TraceSource;
  readonly replay: Replay;
  readonly profile: CostProfile;
  /** How the profile was fitted on this trace; undefined where it was given. */
  readonly fit: Calibration | undefined;
  readonly sides: readonly Strategy[];
  readonly recorder: Strategy | undefined;
  readonly fwb: boolean;
  /** Facts that the header did not give and that were assumed. */
  readonly assumed: readonly string[];
  /** IPA bits found by trial; undefined where the header has them. */
  readonly inferredIaBits: number | undefined;
  readonly lastNs: number;
  readonly options: TraceOptions;
  /** The machine of the replay, and below it the one of the recording. */
  readonly machine: Machine;
  readonly recorded: Machine;
  /** Caveats about the recording walker and the recording machine. */
  readonly recorderCaveats: readonly Caveat[];
}

export interface SessionExtras {
  /** Each adds one more run of every side. */
  readonly ablations?: readonly CostScale[];
}

/** Strategies, or a function that chooses them once the recording walker is known; undefined = it is unknown. */
export type Sides = readonly Strategy[] | ((recorder: Strategy | undefined) => readonly Strategy[]);

/** Replays a trace under `sides` and the strategy that recorded it. */
export async function replaySession(
  options: TraceOptions,
  sides: Sides,
  extras: SessionExtras = {},
): Promise<Session> {
  const fit = options.profile === FIT ? await calibrateInput(options) : undefined;
  return readInput(options, (source, iaBits) => run(options, sides, extras, source, iaBits, fit));
}

/** The profile that a replay of the input would use, from its header. Throws as replaySession does. */
export async function profileFor(options: TraceOptions): Promise<CostProfile> {
  const header = await headerOfInput(options);
  const fit = options.profile === FIT ? await calibrateInput(options) : undefined;
  return profileOf(options, header, fit);
}

function profileOf(
  options: TraceOptions,
  header: TraceHeader | undefined,
  fit: Calibration | undefined,
): CostProfile {
  // Costs are a property of the recorded machine, whatever lock the replay assumes.
  return fit?.profile ?? loadProfile(options.profile ?? defaultProfile(machineOf(header).lockWait));
}

function machineOf(header: TraceHeader | undefined): Machine {
  return { pcpus: header?.pcpus ?? Number.POSITIVE_INFINITY, lockWait: header?.lock_wait ?? "spin" };
}

async function run(
  options: TraceOptions,
  chosen: Sides,
  extras: SessionExtras,
  source: TraceSource,
  iaBits: number,
  fit: Calibration | undefined,
): Promise<Session> {
  const { header } = source;
  const recorderCaveats = contradictionCaveats(source);
  const recorder = await recorderOf(options, header, recorderCaveats);
  const sides = typeof chosen === "function" ? chosen(recorder) : chosen;
  for (const side of sides) checkReplayable(side);
  if (recorder === undefined && sides.length === 0)
    throw new UsageError(
      `${source.name}: nothing says which walker recorded it, which is the one to replay: --walker NAME tells`,
    );
  const profile = profileOf(options, header, fit);
  const told = machineOf(header);
  const machine = {
    pcpus: options.whatIf?.pcpus ?? told.pcpus,
    lockWait: options.whatIf?.lock_wait ?? told.lockWait,
  };
  let recorded = told;
  let replay: Replay | undefined;
  let lastNs = 0;
  try {
    for await (const batch of source.batches()) {
      if (replay === undefined) {
        // A described workload was recorded on no machine: its times assume a CPU for each vCPU.
        if (isDescribed(source)) recorded = { ...machine, pcpus: Number.POSITIVE_INFINITY };
        replay = begin(options, { sides, recorder, extras, profile, source, iaBits, machine, recorded });
      }
      for (const _ of replay.consume(batch)) await setImmediate();
      lastNs = batch.atNs[batch.count - 1] as number;
    }
    if (replay === undefined) throw new ModelError(`${source.name}: no events, and nobody complained`);
    for (const _ of replay.finish()) await setImmediate();
  } catch (error) {
    throw replay === undefined ? error : withFindings(error, replay, sides);
  }
  checkEpoch(options.epoch, replay.labels);
  checkSlot(options.slot, replay.slots);
  checkVm(options.vm, replay.fold.vmNames);
  return {
    source,
    replay,
    profile,
    fit,
    sides,
    recorder,
    fwb: header?.fwb ?? false,
    assumed: assumptions(header),
    inferredIaBits: header?.ia_bits === undefined ? iaBits : undefined,
    lastNs,
    options,
    machine,
    recorded,
    recorderCaveats,
  };
}

interface Beginning
  extends Pick<Session, "source" | "profile" | "sides" | "recorder" | "machine" | "recorded"> {
  readonly extras: SessionExtras;
  readonly iaBits: number;
}

/** Creates the replay before its first event, and tells its observer. */
function begin(options: TraceOptions, beginning: Beginning): Replay {
  const { source, sides, recorder, extras, profile, iaBits, machine, recorded } = beginning;
  const { observer } = options;
  const scale = options.scale === undefined ? CostScale.whole : new CostScale(options.scale);
  const stage2 = stage2Of(source.header, iaBits);
  const countsVm = (vm: number) => options.vm === undefined || replay.fold.vmNames[vm] === options.vm;
  const replay: Replay = new Replay(
    {
      strategies: sides.length === 0 ? [recorder as Strategy] : sides,
      scale,
      ablations: extras.ablations ?? [],
      recorder,
      stage2,
      profile,
      pcpus: machine.pcpus,
      recordedPcpus: recorded.pcpus,
      lockWait: machine.lockWait,
      recordedLockWait: recorded.lockWait,
      emulatedCpus: source.header?.cpus ?? machine.pcpus,
      epochGapNs: options.epochGapNs ?? Number.POSITIVE_INFINITY,
      arrivalSeed: options.arrivalSeed,
      counts: filterOf(options, countsVm),
      countsVm,
      sanitizes: options.sanitize ?? false,
      ...(observer === undefined ? {} : { observer }),
    },
    source.strings,
  );
  observer?.begins?.({ source, stage2, sides, fold: replay.fold, profile });
  if (!replay.canBeFree(scale))
    throw new UsageError(
      "lockWait and cpuWait cannot be left out: one CPU ran all that was recorded, and its order has the waits in it",
    );
  return replay;
}

/** Adds the sanitizer's findings to the error of a strategy that broke its contract: they say more than the error. */
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

/** Throws StrategyError for a strategy that has the name of another, built-in one. */
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

/** The filter for the activities that the result counts. */
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
