import type { OpsObserver, PutKind, StoreKind } from "../stage2/ops.js";
import { isLeaf, isTable, isValid } from "../stage2/pte.js";
import { Order, type Visit } from "../stage2/visit.js";
import { LeafRun } from "./leaf-run.js";

/** The counters of a golden line, in their order there. */
const counterNames = [
  "pre",
  "leaf",
  "post",
  "st",
  "get",
  "put",
  "alloc",
  "freed",
  "vmid",
  "ipa",
  "nsh",
  "range",
  "dc",
  "dcb",
  "ic",
  "icb",
  "rcu",
  "dsb",
] as const;
type CounterName = (typeof counterNames)[number];

/** Replacements of a table by a block: their number, and the sum and the maximum of their windows in steps. */
export type Windows = readonly [replacements: number, sum: number, longest: number];

/**
 * Counts what one operation does and allocates nothing per event: hundreds of millions of events pass through here.
 *
 * A step is one event before leaf visits are merged. A window is the number of steps between the store that
 * breaks a table entry and the store that puts a leaf in its place.
 */
export class EventCount implements OpsObserver {
  /** Number of events after leaf visits are merged. */
  events = 0;
  private steps = 0;
  private readonly visits = new Float64Array(3);
  private readonly counts = new Map<CounterName, number>();
  private stores = 0;
  private gets = 0;
  private puts = 0;
  private barriers = 0;
  private replacements = 0;
  private windowSum = 0;
  private longestWindow = 0;
  private readonly run = new LeafRun();
  /** For each slot, the step at which its table entry was broken. */
  private readonly broken = new Map<number, number>();

  begin(): void {
    this.events = 0;
    this.steps = 0;
    this.visits.fill(0);
    this.counts.clear();
    this.stores = 0;
    this.gets = 0;
    this.puts = 0;
    this.barriers = 0;
    this.replacements = 0;
    this.windowSum = 0;
    this.longestWindow = 0;
    this.run.end();
    this.broken.clear();
  }

  /** The counters that are not zero. */
  get counters(): Partial<Record<CounterName, number>> {
    const { counts, visits } = this;
    counts.set("pre", visits[Order.tablePre]!);
    counts.set("leaf", visits[Order.leaf]!);
    counts.set("post", visits[Order.tablePost]!);
    counts.set("st", this.stores);
    counts.set("get", this.gets);
    counts.set("put", this.puts);
    counts.set("dsb", this.barriers);
    const counters: Partial<Record<CounterName, number>> = {};
    for (const name of counterNames) {
      const count = counts.get(name);
      if (count !== undefined && count !== 0) counters[name] = count;
    }
    return counters;
  }

  /** Undefined where no table was replaced. */
  get windows(): Windows | undefined {
    return this.replacements === 0 ? undefined : [this.replacements, this.windowSum, this.longestWindow];
  }

  visited(order: Order, visit: Visit): void {
    this.steps++;
    this.visits[order]!++;
    if (order !== Order.leaf) {
      this.run.end();
      this.events++;
    } else if (!this.run.takes(visit)) this.events++;
  }

  stored(_: StoreKind, visit: Visit, oldLo: number, _oldHi: number, newLo: number): void {
    this.step();
    this.stores++;
    if (isTable(oldLo, visit.level) && !isValid(newLo)) this.broken.set(visit.slot, this.steps);
    if (this.broken.size === 0 || !isLeaf(newLo, visit.level)) return;
    const since = this.broken.get(visit.slot);
    if (since === undefined) return;
    const window = this.steps - since - 1;
    this.replacements++;
    this.windowSum += window;
    this.longestWindow = Math.max(this.longestWindow, window);
    this.broken.delete(visit.slot);
  }

  gotPage(): void {
    this.step();
    this.gets++;
  }

  putPage(_: PutKind, _page: number, refs: number): void {
    this.step();
    this.puts++;
    if (refs === 0) this.count("freed");
  }

  allocated(page: number): void {
    if (page === 0) this.note();
    else this.count("alloc");
  }

  flushedVmid(): void {
    this.count("vmid");
  }

  flushedIpa(): void {
    this.count("ipa");
  }

  flushedIpaLocally(): void {
    this.count("nsh");
  }

  flushedRange(): void {
    this.count("range");
  }

  cleaned(_: number, bytes: number): void {
    this.count("dc");
    this.add("dcb", bytes);
  }

  invalidatedIcache(_: number, bytes: number): void {
    this.count("ic");
    this.add("icb", bytes);
  }

  barrier(): void {
    this.step();
    this.barriers++;
  }

  deferred(): void {
    this.count("rcu");
  }

  ranDeferred(): void {
    this.note();
  }

  private count(name: CounterName): void {
    this.step();
    this.add(name, 1);
  }

  private add(name: CounterName, by: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  private step(): void {
    this.steps++;
    this.note();
  }

  /** Counts an event that is no step of the walker. */
  private note(): void {
    this.events++;
    this.run.end();
  }
}
