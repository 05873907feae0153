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
  /** Everything that began before `frontierNs` of the record has been fed. */
  pump(frontierNs: number): void;
}

/** Activities to learn from before the first of them is replayed. */
const FIRST_WINDOW = 2048;
/** The same for later windows; so few stay in the CPU's cache from the reference to the last side. */
const NEXT_WINDOW = 128;

/** A window's operations by VM, then by entry. */
type Entries = ReadonlyMap<number, ReadonlyMap<number, readonly Hold[]>>;

/** A window of the record: its items, and how many of them the sides have not finished. */
class Window {
  readonly items: (Baseline | Barrier)[] = [];
  readonly baselines: Baseline[] = [];
  /** Unfinished baselines, counted once for each side. */
  open = 0;
  private entries: Entries | undefined;

  /** The recorded operation of this shape on the entry that is nearest in time; undefined if there is none. */
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

/** Addresses are multiples of a page, so adding the logarithm of the size makes a unique key. */
function keyOf(ipa: number, bytes: number): number {
  return ipa + Math.log2(bytes);
}

/**
 * A part of the trace that shares nothing with the rest: a VM whose vCPUs have their own CPUs, or a machine whose one
 * CPU ran everything. Its record goes through the reference; then, one window at a time, durations and waits are
 * settled, and each side replays it.
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

  /** Proceeds as far as the record is known; Infinity = it has ended. */
  pump(frontierNs: number): void {
    this.reference.pump(frontierNs, this.passed);
    if (frontierNs === Number.POSITIVE_INFINITY) this.close(frontierNs);
  }

  /** The reference has settled the activity. Only the count of activities decides where a window ends. */
  readonly settled = (baseline: Baseline): void => {
    const { window, reference } = this;
    window.items.push(baseline);
    window.baselines.push(baseline);
    if (window.baselines.length < this.windowSize) return;
    this.close(reference.openSinceNs);
    this.windowSize = NEXT_WINDOW;
  };

  /** One side has finished the baseline. */
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

  /** The record's operation of this shape on the same entry. */
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
