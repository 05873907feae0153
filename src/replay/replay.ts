import { type Activity, ActivityKind } from "../activity/activity.js";
import type { Barrier } from "../activity/epoch.js";
import { ActivityFold, type ActivitySink } from "../activity/fold.js";
import type { VmMemory } from "../activity/vm.js";
import type { CostProfile } from "../cost/profile.js";
import { mergeTallies, type Tally } from "../stage2/finding.js";
import { Granule } from "../stage2/granule.js";
import type { Sanitizer } from "../stage2/sanitizer.js";
import type { Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import type { EventBatch, StringTable } from "../trace/event.js";
import { AccessTimes } from "./access-time.js";
import { Arrivals } from "./arrivals.js";
import type { CostScale } from "./cost-scale.js";
import { Cost, Counters, type EpochResult } from "./counters.js";
import { NO_SIDE } from "./episode.js";
import { Epochs } from "./epochs.js";
import { checkAddress } from "./input-address.js";
import { hearsEach, type Observer } from "./observer.js";
import { unitCosts } from "./plan.js";
import { ExitPath } from "./record/exit-path.js";
import { HoldTime } from "./record/hold-time.js";
import { Judgement } from "./record/judgement.js";
import { Learnt } from "./record/learnt.js";
import { StreamLedger, ThreadLedger } from "./record/ledger.js";
import { RecordGuests } from "./record/record-guests.js";
import { RecordHost, type Replayer } from "./record/record-host.js";
import { RecordSide } from "./record/record-side.js";
import { ReferencePass } from "./record/reference-pass.js";
import { StreamSide } from "./record/stream-side.js";
import { ThreadSide } from "./record/thread-side.js";
import { Waits } from "./record/waits.js";
import type { SimulationConfig } from "./simulation/config.js";
import type { Ledger } from "./simulation/ledger.js";
import { type OperationTime, ProfileTime, RecordTime } from "./simulation/operation-time.js";
import { SimulatedSide } from "./simulation/simulated-side.js";
import { Simulation } from "./simulation/simulation.js";

/** Events are replayed as soon as they are folded, while the results of a few hundred are still in the cache. */
const SLICE_ROWS = 512;

/** What is replayed: the strategies, the machine, and what is counted. */
export interface ReplaySetup {
  readonly strategies: readonly Strategy[];
  /** The cost factors of `strategies`. */
  readonly scale: CostScale;
  /** Each of these adds one replay of each of `strategies`, in the same pass. */
  readonly ablations: readonly CostScale[];
  /** The strategy of the recording kernel; undefined = unknown: then the first of `strategies` is used. */
  readonly recorder: Strategy | undefined;
  readonly stage2: Stage2Config;
  readonly profile: CostProfile;
  /** Physical CPUs that the vCPUs share; Infinity = enough. */
  readonly pcpus: number;
  readonly lockWait: "spin" | "sleep";
  /** CPUs of the emulated machine, if waiters sleep. */
  readonly emulatedCpus: number;
  /** The recording machine's CPUs, and how it waited. If either differs, all sides are simulated. */
  readonly recordedPcpus: number;
  readonly recordedLockWait: "spin" | "sleep";
  readonly epochGapNs: number;
  /** The draw of the accesses' times that is replayed; undefined = they are as recorded. */
  readonly arrivalSeed: number | undefined;
  /** Whether a result counts an activity. */
  readonly counts: (activity: Activity, epoch: string | undefined, memory: VmMemory) => boolean;
  /** Whether a result counts anything in the VM. */
  readonly countsVm: (vm: number) => boolean;
  readonly observer?: Observer;
  /** Whether a sanitizer watches the tables of `strategies`. */
  readonly sanitizes: boolean;
}

/** One replay, of a strategy and a scale. */
interface Replayed {
  /** Simulated in a closed loop: there is no record, or none that could be followed. */
  readonly isSimulated: boolean;
  readonly strategy: Strategy;
  readonly scale: CostScale;
  readonly counters: Counters;
  readonly epochs: Epochs;
  readonly sanitizers: Sanitizer[] | undefined;
  readonly sides: readonly number[];
  readonly observer: Observer | undefined;
}

/**
 * Whether the order of work on one CPU also holds for this strategy: the same kind of lock, no retries, and no clean
 * before the map that only one of them does. Turns end in that clean; without it they end elsewhere (1 GiB: followers
 * come 500 us after the leader in 5.10.262-vanilla, 15 us after it, at its flush, in -postpatch).
 */
function keepsOrder(strategy: Strategy, recorder: Strategy, fwb: boolean): boolean {
  if (strategy.lockRegime !== recorder.lockRegime) return false;
  if (!fwb && recorder.faultPathCleans !== strategy.faultPathCleans) return false;
  return isRwlock(recorder) === isRwlock(strategy);
}

function isRwlock({ lockRegime, mmuLock }: Strategy): boolean {
  return lockRegime === "shared" || mmuLock === "rwlock";
}

/** Replays one trace under several strategies in one pass over its events. */
export class Replay {
  readonly fold: ActivityFold;
  /** Whether there is a record: a trace of accesses only has none, as its first activity shows. */
  private hasRecord = true;
  /** The requested machine is not the recording one: all sides are simulated. */
  private readonly isElsewhere: boolean;
  /**
   * The recording walker, simulated like the others, if some need to be: its distance from its record shows how good a
   * simulation is.
   */
  private control: Replayed | undefined;
  /** Epochs that the trace names. */
  readonly labels = new Set<string>();
  /** Memslots that the trace sets. */
  readonly slots = new Set<number>();
  /** How well the reference's table reproduced the record's faults. */
  readonly judgement: Judgement;
  private readonly replayed: Replayed[] = [];
  private readonly hosts = new Map<
    number,
    { readonly host: RecordHost; readonly reference: ReferencePass; readonly learnt: Learnt }
  >();
  /** The simulations of described workloads, which have no record. */
  private simulations: Simulation[] | undefined;
  private readonly recorder: Strategy;
  private readonly onOneCpu: boolean;
  private readonly accessTimes: AccessTimes | undefined;
  /** What was received before an activity showed whether there is a record. */
  private pending: (Activity | Barrier)[] | undefined = [];
  /** Barriers of all VMs so far, for VMs that are seen later. */
  private readonly everyones: Barrier[] = [];

  constructor(
    private readonly setup: ReplaySetup,
    strings: StringTable,
  ) {
    const { stage2, profile, strategies } = setup;
    this.onOneCpu = setup.recordedPcpus === 1;
    this.recorder = setup.recorder ?? (strategies[0] as Strategy);
    this.isElsewhere = setup.pcpus !== setup.recordedPcpus || setup.lockWait !== setup.recordedLockWait;
    const sink: ActivitySink = {
      operation: (activity, operation) =>
        checkAddress(stage2.iaBits, activity, operation.ipa + operation.bytes - 1),
      activity: (activity) => this.take(activity),
      barrier: (barrier) => this.takeBarrier(barrier),
    };
    this.fold = new ActivityFold(
      { sharedCpu: this.onOneCpu, epochGapNs: setup.epochGapNs, pageBytes: stage2.granuleBytes },
      strings,
      sink,
    );
    if (this.onOneCpu) this.accessTimes = new AccessTimes(profile.figure("exitEntryNs"));
    this.judgement = new Judgement(
      this.onOneCpu ? (guest, dueNs) => this.hosts.get(0)?.reference.hasten(guest, dueNs) : undefined,
      setup.observer?.mismatched,
    );
    for (const scale of [setup.scale, ...setup.ablations])
      for (const strategy of strategies) this.add(strategy, scale);
    if (!this.isElsewhere && this.replayed.some(({ isSimulated }) => isSimulated)) {
      this.control = this.newReplayed(this.recorder, setup.scale, [NO_SIDE], undefined, undefined, true);
      this.replayed.push(this.control);
    }
  }

  /** Yields now and then, so that the caller can handle signals. */
  *consume(batch: EventBatch): Generator<void> {
    for (let from = 0; from < batch.count; from += SLICE_ROWS) {
      this.fold.fold(batch, from, Math.min(batch.count, from + SLICE_ROWS));
      yield* this.pump(this.fold.frontierNs());
    }
  }

  /** Ends the replay; yields like consume. */
  *finish(): Generator<void> {
    this.fold.finish();
    if (this.pending !== undefined) this.decide("record");
    yield* this.pump(Number.POSITIVE_INFINITY);
    for (const replayed of this.replayed) this.closeEpochs(replayed);
    this.alignEpochs();
  }

  /** An epoch in which something happened on one side is an epoch of all sides. */
  private alignEpochs(): void {
    const all = new Map<number, EpochResult>();
    for (const { counters } of this.replayed)
      for (const epoch of counters.epochs) if (!all.has(epoch.number)) all.set(epoch.number, epoch);
    const inOrder = [...all.values()].sort((a, b) => a.number - b.number);
    for (const { counters } of this.replayed) {
      const own = new Map(counters.epochs.map((epoch) => [epoch.number, epoch]));
      counters.epochs = inOrder.map(
        (epoch) => own.get(epoch.number) ?? { ...epoch, makespanNs: 0, faults: 0 },
      );
    }
  }

  /** What the sanitizer found under a strategy; empty if there was none. */
  found(strategy: Strategy): Tally[] {
    return mergeTallies((this.find(strategy, this.setup.scale).sanitizers ?? []).map(({ found }) => found));
  }

  counters(strategy: Strategy, scale = this.setup.scale): Counters {
    return this.find(strategy, scale).counters;
  }

  /** Whether this scale can be replayed: in one stream, the recorded order includes the waits, which must stay. */
  canBeFree(scale: CostScale): boolean {
    const areWaitsFree = scale.locksAreFree || scale.cpusAreFree;
    return !(this.onOneCpu && !this.isElsewhere && areWaitsFree);
  }

  /** The epochs of the trace, the same on each side. */
  get epochs(): readonly EpochResult[] {
    return (this.replayed[0] as Replayed).counters.epochs;
  }

  /** Whether the strategy did exactly what the record has: what it counts is recorded. */
  isRecord(strategy: Strategy): boolean {
    const { isSimulated, counters } = this.find(strategy, this.setup.scale);
    return this.hasRecord && !isSimulated && this.setup.recorder !== undefined && counters.differences === 0;
  }

  /** Whether the strategy's side follows the record; else it is a simulation. */
  keepsToRecord(strategy: Strategy): boolean {
    return this.hasRecord && !this.find(strategy, this.setup.scale).isSimulated;
  }

  /** The recording walker, simulated beside its record; undefined if no side is simulated on its machine. */
  get simulatedRecorder(): Counters | undefined {
    return this.hasRecord ? this.control?.counters : undefined;
  }

  /** Entries and tables known only from a fault's own status. */
  get inferredEntries(): number {
    return this.sum(({ reference }) => reference.inferredEntries);
  }

  /** Coalesces over subtrees whose contents the trace does not show. */
  get unknownSubtrees(): number {
    return this.sum(({ reference }) => reference.unknownSubtrees);
  }

  /** For the VM with the longest coalesces whose clean the trace does not show separately (see Learnt). */
  get untoldClean(): Learnt["untoldClean"] {
    const all = [...this.hosts.values()].flatMap(({ learnt }) => learnt.untoldClean ?? []);
    return all.sort((a, b) => b.bothNs - a.bothNs)[0];
  }

  private sum(of: (part: { readonly reference: ReferencePass }) => number): number {
    let sum = 0;
    for (const part of this.hosts.values()) sum += of(part);
    return sum;
  }

  private *pump(frontierNs: number): Generator<void> {
    if (this.pending !== undefined) return;
    for (const { host } of this.hosts.values()) host.pump(frontierNs);
    for (const simulation of this.simulations ?? []) while (!simulation.pump(frontierNs)) yield;
  }

  private find(strategy: Strategy, scale: CostScale): Replayed {
    return this.replayed.find(
      (of) => of.strategy === strategy && of.scale === scale && of !== this.control,
    ) as Replayed;
  }

  private add(strategy: Strategy, scale: CostScale): void {
    const { ablations, strategies, sanitizes, observer } = this.setup;
    if (this.find(strategy, scale) !== undefined) return;
    const isAblation = ablations.includes(scale);
    const sides = strategies.flatMap((its, side) => (its === strategy ? [side] : []));
    if (!this.canBeFree(scale)) return;
    this.replayed.push(
      this.newReplayed(
        strategy,
        scale,
        isAblation ? [NO_SIDE] : sides,
        sanitizes && !isAblation ? [] : undefined,
        isAblation ? undefined : observer,
        this.isElsewhere || (this.onOneCpu && !keepsOrder(strategy, this.recorder, this.setup.stage2.fwb)),
      ),
    );
  }

  private newReplayed(
    strategy: Strategy,
    scale: CostScale,
    sides: readonly number[],
    sanitizers: Sanitizer[] | undefined,
    observer: Observer | undefined,
    isSimulated: boolean,
  ): Replayed {
    const counters = new Counters();
    return { strategy, scale, sides, sanitizers, observer, isSimulated, counters, epochs: new Epochs() };
  }

  private take(activity: Activity): void {
    if (activity.kind === ActivityKind.fault) checkAddress(this.setup.stage2.iaBits, activity, activity.ipa);
    this.accessTimes?.estimate(activity);
    if (this.pending !== undefined) {
      this.pending.push(activity);
      if (activity.kind === ActivityKind.accessRun) this.decide("accesses");
      else if (activity.kind === ActivityKind.fault) this.decide("record");
      return;
    }
    this.feed(activity);
  }

  private takeBarrier(barrier: Barrier): void {
    if (barrier.label !== undefined) this.labels.add(barrier.label);
    if (barrier.slotChange !== undefined) this.slots.add(barrier.slotChange.slot);
    this.accessTimes?.passBarrier();
    if (this.pending !== undefined) this.pending.push(barrier);
    else this.feedBarrier(barrier);
  }

  /** Decides whether there is a record, and forwards what was held back. */
  private decide(kind: "record" | "accesses"): void {
    const pending = this.pending as (Activity | Barrier)[];
    this.pending = undefined;
    if (kind === "accesses") {
      this.hasRecord = false;
      this.simulations = this.replayed.map((replayed) =>
        this.simulation(
          replayed,
          (ledger) => this.profileTime(replayed, ledger),
          (activity) => this.fold.pool.release(activity),
        ),
      );
    }
    for (const item of pending) {
      if ("cause" in item) this.feedBarrier(item);
      else this.feed(item);
    }
  }

  private feed(activity: Activity): void {
    if (this.simulations === undefined) {
      this.hostOf(activity.vm).feed(activity);
      return;
    }
    activity.holders = this.simulations.length;
    for (const simulation of this.simulations) simulation.feed(activity);
  }

  private feedBarrier(barrier: Barrier): void {
    if (this.simulations !== undefined) {
      for (const simulation of this.simulations) simulation.feed(barrier);
      return;
    }
    if (this.isOneHost || barrier.vm >= 0) {
      this.hostOf(barrier.vm).feedBarrier(barrier);
      return;
    }
    this.everyones.push(barrier);
    for (const { host } of this.hosts.values()) host.feedBarrier(barrier);
  }

  /** Whether all VMs share the CPUs, or should. */
  private get isOneHost(): boolean {
    return this.onOneCpu || this.isElsewhere;
  }

  private hostOf(vm: number): RecordHost {
    const key = this.isOneHost ? 0 : vm;
    const known = this.hosts.get(key);
    if (known !== undefined) return known.host;
    const part = this.newHost();
    this.hosts.set(key, part);
    for (const barrier of this.everyones) part.host.feedBarrier(barrier);
    return part.host;
  }

  private newHost(): { host: RecordHost; reference: ReferencePass; learnt: Learnt } {
    const { setup, recorder, onOneCpu } = this;
    const { profile, stage2, counts, arrivalSeed } = setup;
    const exitNs = profile.figure("exitEntryNs");
    const exit = new ExitPath(exitNs);
    // In one stream others' turns are in between: an emulated machine's profile has the exit path measured.
    const exitNsOf = onOneCpu ? () => exitNs : (activity: Activity) => exit.of(activity);
    const host = new RecordHost(exitNsOf, (activity) => this.fold.pool.release(activity));
    const learnt = new Learnt(
      profile,
      unitCosts(profile, recorder),
      new Granule(stage2.granuleBytes, stage2.iaBits),
      recorder.faultPathCleans && !stage2.fwb,
      () => exit.ns,
    );
    const arrivals = arrivalSeed === undefined ? undefined : new Arrivals(arrivalSeed, exitNs);
    const reference = new ReferencePass({
      guests: new RecordGuests(stage2, recorder, undefined, false),
      judgement: this.judgement,
      sharesLock: recorder.lockRegime === "shared",
      isOneStream: onOneCpu,
      notesCauses: this.replayed.some((replayed) => this.isRecordOf(replayed)),
      counts: (activity, epoch, { memory }) => counts(activity, epoch, memory),
      offsetNs: (activity, thinkNs) => arrivals?.offsetNs(activity.sequence, thinkNs) ?? 0,
      settled: host.settled,
    });
    const waits = new Waits({
      learnt,
      judgement: this.judgement,
      isOneStream: onOneCpu,
      waitersSpin: setup.recordedLockWait === "spin",
      recorderCleans: recorder.faultPathCleans && !stage2.fwb,
      pageBytes: stage2.granuleBytes,
      handlerNs: profile.figure("handlerNs"),
    });
    host.begin(reference, waits, this.replayers(host, learnt));
    return { host, reference, learnt };
  }

  private replayers(host: RecordHost, learnt: Learnt): Replayer[] {
    return this.replayed.map((replayed) =>
      replayed.isSimulated ? this.simulated(replayed, host, learnt) : this.side(replayed, host, learnt),
    );
  }

  /** The recorder's own side with unchanged costs and no observer: nothing needs to be replayed. */
  private isRecordOf({ strategy, scale, sanitizers, observer, isSimulated }: Replayed): boolean {
    if (isSimulated || strategy !== this.setup.recorder || !scale.isWhole) return false;
    return sanitizers === undefined && observer?.ended === undefined;
  }

  private side(replayed: Replayed, host: RecordHost, learnt: Learnt): Replayer {
    const { strategy, scale, counters, epochs, sanitizers, sides, observer } = replayed;
    const { stage2, profile, recorder, countsVm } = this.setup;
    const holdTime = this.holdTime(replayed, learnt);
    const [SideOfMachine, LedgerOfMachine] = this.onOneCpu
      ? ([StreamSide, StreamLedger] as const)
      : ([ThreadSide, ThreadLedger] as const);
    const ledger = new LedgerOfMachine({
      strategy,
      scale,
      counters,
      holdTime,
      learnt,
      fwb: stage2.fwb,
      pageBytes: stage2.granuleBytes,
    });
    if (this.isRecordOf(replayed))
      return new RecordSide({
        ledger,
        holdTime,
        epochs,
        isOneStream: this.onOneCpu,
        countsVm,
        done: host.done,
      });
    return new SideOfMachine({
      strategy,
      sides,
      scale,
      guests: new RecordGuests(stage2, strategy, sanitizers, hearsEach(observer)),
      holdTime,
      learnt,
      ledger,
      knowsRecorder: recorder !== undefined,
      recorderShares: this.recorder.lockRegime === "shared",
      retryLapNs: profile.figure("retryLapNs"),
      counters,
      countsVm,
      epochs,
      observer,
      like: host.like,
      done: host.done,
    });
  }

  private simulated(replayed: Replayed, host: RecordHost, learnt: Learnt): SimulatedSide {
    const time = this.holdTime(replayed, learnt);
    return new SimulatedSide(
      (side) =>
        this.simulation(
          replayed,
          (ledger) => new RecordTime(learnt, time, ledger, side.baselineOf, host.like),
          (activity) => side.done(activity),
        ),
      host.done,
    );
  }

  private profileTime({ strategy, scale }: Replayed, ledger: Ledger): ProfileTime {
    const { profile } = this.setup;
    return new ProfileTime(profile, unitCosts(profile, strategy), scale, ledger);
  }

  private holdTime({ strategy, scale }: Replayed, learnt: Learnt): HoldTime {
    const { profile } = this.setup;
    return new HoldTime(learnt, profile, unitCosts(profile, strategy), scale);
  }

  private simulation(
    { strategy, scale, counters, epochs, sanitizers, sides, observer }: Replayed,
    time: (ledger: Ledger) => OperationTime,
    release: (activity: Activity) => void,
  ): Simulation {
    const { profile, pcpus, lockWait, emulatedCpus, stage2, counts, countsVm, arrivalSeed } = this.setup;
    const exitNs = profile.figure("exitEntryNs");
    const lapNs = profile.figure("retryLapNs") - exitNs * (1 - scale.of(Cost.exit));
    const config: SimulationConfig = {
      strategy,
      sides,
      fwb: stage2.fwb,
      profile,
      scale,
      pcpus: scale.cpusAreFree ? Number.POSITIVE_INFINITY : pcpus,
      waitersSleep: lockWait === "sleep",
      emulatedCpus,
      claimsLate: isRwlock(strategy) && lockWait === "sleep" && Number.isFinite(pcpus),
      arrivals: arrivalSeed === undefined ? undefined : new Arrivals(arrivalSeed, exitNs),
      exitNs,
      retryLapNs: Math.max(1, lapNs * scale.of(Cost.retry)),
      wholeLapNs: Math.max(1, profile.figure("retryLapNs")),
      handoffNs: lockWait === "spin" ? profile.figure("lockHandoffNs") : 0,
      stage2,
      sanitizers,
      counters,
      counts,
      countsVm,
      epochs,
      release,
      observer,
    };
    return new Simulation(config, time);
  }

  /** Closes the epochs, which are those of all hosts together. */
  private closeEpochs({ counters, epochs, sides, observer }: Replayed): void {
    for (const span of epochs.all()) {
      counters.closeEpoch(span, span.faults);
      const { label, number, startNs, makespanNs, recordedNs, recordedMakespanNs } = span;
      for (const side of sides)
        observer?.closed?.(side, { number, label, startNs, recordedNs, makespanNs, recordedMakespanNs });
    }
  }
}
