import type { Activity, Operation } from "../../activity/activity.js";
import type { Barrier } from "../../activity/epoch.js";
import { Shape } from "../plan.js";
import { Baseline, BaselinePool, type Hold } from "./baseline.js";
import type { ReferencePass } from "./reference-pass.js";
import type { Waits } from "./waits.js";

/** One side: it replays what the reference has settled. */
export interface Replayer {
  feed(baseline: Baseline): void;
  feedBarrier(barrier: Barrier): void;
  /** Nothing that is not fed began before `frontierNs` of the record. */
  pump(frontierNs: number): void;
}

/** So many activities are learnt from before the first of them is replayed. */
const FIRST_WINDOW = 2048;
/** From then on; so few stay in the processor's cache from the reference to the last side. */
const NEXT_WINDOW = 128;

/** Where a window's operations on one entry are found: by VM, then by the entry. */
type Entries = ReadonlyMap<number, ReadonlyMap<number, readonly Hold[]>>;

/** A stretch of the record: what happened in it, and what its sides have not done with. */
class Window {
  readonly items: (Baseline | Barrier)[] = [];
  readonly baselines: Baseline[] = [];
  /** Baselines, times sides, that are not done with. */
  open = 0;
  private entries: Entries | undefined;

  /** The recorded operation of this shape on the entry, the nearest in time; undefined where there is none. */
  like(vm: number, { ipa, bytes, startNs }: Operation, shape: number): Hold | undefined {
    this.entries ??= entriesOf(this.baselines);
    let nearest: Hold | undefined;
    for (const hold of this.entries.get(vm)?.get(keyOf(ipa, bytes)) ?? []) {
      if (hold.operation.shape !== shape) continue;
      const distance = Math.abs(hold.operation.startNs - startNs);
      if (nearest === undefined || distance < Math.abs(nearest.operation.startNs - startNs)) nearest = hold;
    }
    return nearest;
  }
}

function entriesOf(baselines: readonly Baseline[]): Entries {
  const entries = new Map<number, Map<number, Hold[]>>();
  for (const { activity, holds } of baselines)
    for (let n = 0; n < activity.operationCount; n++) {
      const hold = holds[n] as Hold;
      const { operation } = hold;
      if (operation.shape < 0 || operation.shape === Shape.other || Number.isNaN(operation.endNs)) continue;
      let ofVm = entries.get(activity.vm);
      if (ofVm === undefined) {
        ofVm = new Map();
        entries.set(activity.vm, ofVm);
      }
      const key = keyOf(operation.ipa, operation.bytes);
      const found = ofVm.get(key);
      if (found === undefined) ofVm.set(key, [hold]);
      else found.push(hold);
    }
  return entries;
}

/** Addresses are multiples of a page: the size in it is told apart by its logarithm. */
function keyOf(ipa: number, bytes: number): number {
  return ipa + Math.log2(bytes);
}

/**
 * All that shares nothing with the rest of the trace: a VM whose vCPUs have CPUs of their own, or a machine whose one
 * CPU ran everything. Its record goes through the reference, then, a window at a time, what it tells about durations and
 * waits is settled, and then each side replays it.
 */
export class RecordHost {
  private readonly pool = new BaselinePool();
  private window = new Window();
  private windowSize = FIRST_WINDOW;
  private reference!: ReferencePass;
  private waits!: Waits;
  private sides: readonly Replayer[] = [];

  constructor(
    private readonly exitNsOf: (activity: Activity) => number,
    private readonly release: (activity: Activity) => void,
  ) {}

  begin(reference: ReferencePass, waits: Waits, sides: readonly Replayer[]): void {
    this.reference = reference;
    this.waits = waits;
    this.sides = sides;
  }

  feed(activity: Activity): void {
    this.reference.feed(this.pool.take(activity, this.exitNsOf(activity)));
  }

  feedBarrier(barrier: Barrier): void {
    this.reference.feedBarrier(barrier);
  }

  /** As far as the record is known. Infinity = it is over. */
  pump(frontierNs: number): void {
    this.reference.pump(frontierNs, this.passed);
    if (frontierNs === Number.POSITIVE_INFINITY) this.close(frontierNs);
  }

  /** The reference knows all of the activity. Where a window ends, its count of activities tells alone. */
  readonly settled = (baseline: Baseline): void => {
    const { window, reference } = this;
    window.items.push(baseline);
    window.baselines.push(baseline);
    if (window.baselines.length < this.windowSize) return;
    this.close(reference.openSinceNs);
    this.windowSize = NEXT_WINDOW;
  };

  /** A baseline is done with by one side. */
  readonly done = (baseline: Baseline): void => {
    const window = baseline.window as Window;
    if (--window.open === 0) this.drop(window);
  };

  private drop(window: Window): void {
    for (const each of window.baselines) {
      this.release(each.activity);
      this.pool.release(each);
    }
  }

  /** What the record has on the operation's entry, of this shape. */
  readonly like = (baseline: Baseline, operation: Operation, shape: number): Hold | undefined =>
    (baseline.window as Window).like(baseline.activity.vm, operation, shape);

  private readonly passed = (barrier: Barrier): void => {
    this.window.items.push(barrier);
  };

  private close(frontierNs: number): void {
    const { window } = this;
    this.window = new Window();
    this.waits.settle(window.baselines);
    window.open = window.baselines.length * this.sides.length;
    for (const baseline of window.baselines) baseline.window = window;
    if (this.sides.length === 0) this.drop(window);
    for (const side of this.sides) {
      for (const item of window.items) {
        if (item instanceof Baseline) side.feed(item);
        else side.feedBarrier(item);
      }
      side.pump(frontierNs);
    }
  }
}
