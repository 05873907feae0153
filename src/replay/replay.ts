import { type Activity, ActivityKind, type Operation } from "../activity/activity.js";
import type { Barrier } from "../activity/epoch.js";
import { ActivityFold, type ActivitySink } from "../activity/fold.js";
import type { VmMemory } from "../activity/vm.js";
import type { CostProfile } from "../cost/profile.js";
import { mergeTallies, type Tally } from "../stage2/finding.js";
import type { Sanitizer } from "../stage2/sanitizer.js";
import type { Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import type { EventBatch, StringTable } from "../trace/event.js";
import { AccessTimes } from "./access-time.js";
import { Arrivals } from "./arrivals.js";
import { CostScale } from "./cost-scale.js";
import { Cost, Counters } from "./counters.js";
import { NO_SIDE } from "./episode.js";
import { checkAddress } from "./input-address.js";
import { unitCosts } from "./plan.js";
import { Reference } from "./reference.js";
import { Run } from "./run.js";
import type { Observer } from "./run-config.js";
import { TraceTiming } from "./trace-timing.js";

/** Replayed as soon as folded: what a few hundred events became is still in the cache then. */
const SLICE_ROWS = 512;

/** What is replayed: which strategies, on what machine, and what of it is counted. */
export interface ReplaySetup {
  /** One run each; the recording strategy, where known, is added if it is not among them. */
  readonly strategies: readonly Strategy[];
  /** What the costs of `strategies` are multiplied with; the recording strategy's self-replay is never scaled. */
  readonly scale: CostScale;
  /** Each of these is one more run of each of `strategies`, in the same pass; no self-replay, even where it is whole. */
  readonly ablations: readonly CostScale[];
  /** The strategy that the recording kernel ran. */
  readonly recorder: Strategy | undefined;
  readonly stage2: Stage2Config;
  readonly profile: CostProfile;
  /** Physical CPUs that the vCPUs share; Infinity = enough. */
  readonly pcpus: number;
  readonly lockWait: "spin" | "sleep";
  /** CPUs of the emulated machine, where waiters sleep. */
  readonly emulatedCpus: number;
  /** Those of the recording machine. Where they differ, no side is held to the record, the recording strategy's own neither. */
  readonly recordedPcpus: number;
  readonly epochGapNs: number;
  /** Which draw of the accesses' times is replayed; undefined = they are as recorded. */
  readonly arrivalSeed: number | undefined;
  /** Whether a result counts an activity. */
  readonly counts: (activity: Activity, epoch: string | undefined, memory: VmMemory) => boolean;
  readonly observer?: Observer;
  /** Whether a sanitizer watches the tables of `strategies`. */
  readonly sanitizes: boolean;
}

/**
 * Whether the order of work that was recorded is this strategy's too: a queue for the same kind of lock, no retries, and
 * no clean before the map that only one of them does. Turns end in that clean; without it they end elsewhere (1 GiB:
 * followers come 500 us after the leader in 5.10.262-vanilla, 15 us after him, at his flush, in -postpatch).
 */
function keepsOrder(strategy: Strategy, recorder: Strategy | undefined, fwb: boolean): boolean {
  if (recorder?.lockRegime !== "exclusive" || strategy.lockRegime !== "exclusive") return false;
  if (!fwb && recorder.faultPathCleans !== strategy.faultPathCleans) return false;
  return isRwlock(recorder) === isRwlock(strategy);
}

function isRwlock({ lockRegime, mmuLock }: Strategy): boolean {
  return lockRegime === "shared" || mmuLock === "rwlock";
}

/** Runs are told apart by strategy and scale. */
interface RunKey {
  readonly strategy: string;
  readonly scale: CostScale;
}

/** Replays one trace under several strategies in one pass over its events. */
export class Replay {
  readonly fold: ActivityFold;
  readonly reference: Reference;
  private readonly runs: (RunKey & { readonly run: Run })[] = [];
  private readonly sanitizers = new Map<string, Sanitizer[]>();
  private readonly timing: TraceTiming;
  private readonly accessTimes: AccessTimes | undefined;
  /** Epochs that the trace names. */
  readonly labels = new Set<string>();
  /** Memslots that the trace sets. */
  readonly slots = new Set<number>();

  constructor(
    private readonly setup: ReplaySetup,
    strings: StringTable,
  ) {
    const { stage2, profile } = setup;
    const onOneCpu = setup.recordedPcpus === 1;
    // Without a known recorder its tables are taken to be those of the first strategy.
    const recorder = setup.recorder ?? (setup.strategies[0] as Strategy);
    const sink: ActivitySink = {
      operation: (activity, operation) => this.operation(activity, operation),
      activity: (activity) => this.activity(activity),
      barrier: (barrier) => this.barrier(barrier),
    };
    this.fold = new ActivityFold(
      { sharedCpu: onOneCpu, epochGapNs: setup.epochGapNs, pageBytes: stage2.granuleBytes },
      strings,
      sink,
    );
    const lineNs = () => this.fold.lineNs;
    this.timing = new TraceTiming(
      profile,
      unitCosts(profile, recorder.name),
      lineNs,
      stage2.granuleBytes,
      recorder.faultPathCleans,
    );
    this.reference = new Reference(() => stage2, recorder, this.timing, onOneCpu);
    if (onOneCpu) this.accessTimes = new AccessTimes(profile.figure("exitEntryNs"));
    // The recording strategy goes first: where it finds that an access was earlier than its abort, that holds for all.
    if (setup.recorder !== undefined) this.addRun(setup.recorder, CostScale.whole, recorder);
    for (const scale of [setup.scale, ...setup.ablations])
      for (const strategy of setup.strategies) this.addRun(strategy, scale, recorder);
  }

  /** Yields now and then, so that whoever replays may hear a signal. */
  *consume(batch: EventBatch): Generator<void> {
    for (let from = 0; from < batch.count; from += SLICE_ROWS) {
      this.fold.fold(batch, from, Math.min(batch.count, from + SLICE_ROWS));
      yield* this.pump(this.fold.frontierNs());
    }
  }

  /** As consume. */
  *finish(): Generator<void> {
    this.fold.finish();
    yield* this.pump(Number.POSITIVE_INFINITY);
  }

  private *pump(frontierNs: number): Generator<void> {
    for (const { run } of this.runs) while (!run.pump(frontierNs)) yield;
  }

  /** What the sanitizer found under a strategy; nothing where none watched. */
  found(strategy: Strategy): Tally[] {
    return mergeTallies((this.sanitizers.get(strategy.name) ?? []).map(({ found }) => found));
  }

  counters(strategy: Strategy): Counters {
    return (this.find(strategy, this.setup.scale) as Run).counters;
  }

  /** Undefined where the strategy's run follows the record, which has the waits in it that the scale would make free. */
  ablated(strategy: Strategy, scale: CostScale): Counters | undefined {
    return this.find(strategy, scale)?.counters;
  }

  /** What the recording strategy's self-replay counts. */
  selfReplayed(recorder: Strategy): Counters {
    return (this.find(recorder, CostScale.whole) as Run).counters;
  }

  /** Whether the strategy's run follows the record, waits and all. */
  followsRecord(strategy: Strategy, scale = this.setup.scale): boolean {
    const { recorder, pcpus, recordedPcpus, stage2 } = this.setup;
    const isRecorder = strategy.name === recorder?.name;
    if (isRecorder && scale === CostScale.whole) return true;
    return (
      pcpus === recordedPcpus && (isRecorder || (pcpus === 1 && keepsOrder(strategy, recorder, stage2.fwb)))
    );
  }

  private find(strategy: Strategy, scale: CostScale): Run | undefined {
    const isRecorder = strategy.name === this.setup.recorder?.name;
    return this.runs.find(
      (of) =>
        of.strategy === strategy.name &&
        (of.scale === scale || (of.scale.isWhole && scale.isWhole && !isRecorder)),
    )?.run;
  }

  private addRun(strategy: Strategy, scale: CostScale, recorder: Strategy): void {
    if (this.find(strategy, scale) !== undefined) return;
    if ((scale.locksAreFree || scale.cpusAreFree) && this.followsRecord(strategy, scale)) return;
    this.runs.push({ strategy: strategy.name, scale, run: this.run(strategy, scale, recorder) });
  }

  private run(strategy: Strategy, scale: CostScale, recorder: Strategy): Run {
    const { profile, pcpus, recordedPcpus, lockWait, emulatedCpus, stage2, counts, observer, arrivalSeed } =
      this.setup;
    const isRecorder = strategy.name === this.setup.recorder?.name && scale === CostScale.whole;
    const isAblation = this.setup.ablations.includes(scale);
    const followsRecord = this.followsRecord(strategy, scale);
    const exitNs = profile.figure("exitEntryNs");
    const lapNs = profile.figure("retryLapNs") - exitNs * (1 - scale.of(Cost.exit));
    return new Run(
      {
        strategy,
        sides: this.sidesOf(strategy, scale),
        isRecorder,
        followsRecord,
        recorderCleans: recorder.faultPathCleans,
        fwb: stage2.fwb,
        timing: this.timing,
        profile,
        scale,
        units: unitCosts(profile, strategy.name),
        pcpus: scale.cpusAreFree ? Number.POSITIVE_INFINITY : isRecorder ? recordedPcpus : pcpus,
        waitersSleep: lockWait === "sleep",
        emulatedCpus,
        claimsLate: isRwlock(strategy) && lockWait === "sleep" && !followsRecord && Number.isFinite(pcpus),
        arrivals: isRecorder || arrivalSeed === undefined ? undefined : new Arrivals(arrivalSeed, exitNs),
        exitNs,
        retryLapNs: Math.max(1, lapNs * scale.of(Cost.retry)),
        handoffNs: lockWait === "spin" ? profile.figure("lockHandoffNs") : 0,
        stage2: () => stage2,
        sanitizers: isAblation ? undefined : this.sanitizersOf(strategy),
        counters: new Counters(),
        counts,
        release: (activity) => this.fold.pool.release(activity),
      },
      isAblation ? undefined : observer,
    );
  }

  private sidesOf(strategy: Strategy, scale: CostScale): number[] {
    const sides = this.setup.strategies.flatMap(({ name }, side) => (name === strategy.name ? [side] : []));
    return scale === this.setup.scale && sides.length > 0 ? sides : [NO_SIDE];
  }

  private sanitizersOf(strategy: Strategy): Sanitizer[] | undefined {
    if (!this.setup.sanitizes || !this.setup.strategies.includes(strategy)) return undefined;
    const sanitizers: Sanitizer[] = [];
    this.sanitizers.set(strategy.name, sanitizers);
    return sanitizers;
  }

  private operation(activity: Activity, operation: Operation): void {
    checkAddress(this.setup.stage2.iaBits, activity, operation.ipa + operation.bytes - 1);
    this.reference.operation(activity, operation);
  }

  private activity(activity: Activity): void {
    if (activity.kind === ActivityKind.fault) checkAddress(this.setup.stage2.iaBits, activity, activity.ipa);
    this.reference.activity(activity);
    this.accessTimes?.estimate(activity);
    activity.holders = this.runs.length;
    for (const { run } of this.runs) run.feed(activity);
  }

  private barrier(barrier: Barrier): void {
    if (barrier.label !== undefined) this.labels.add(barrier.label);
    if (barrier.slotChange !== undefined) this.slots.add(barrier.slotChange.slot);
    this.reference.barrier(barrier);
    this.accessTimes?.passBarrier();
    for (const { run } of this.runs) run.feed(barrier);
  }
}
