import { NO_HINT, type OpsObserver, type PutKind, type StoreKind } from "../stage2/ops.js";
import { isLeaf, isTable, isValid } from "../stage2/pte.js";
import { Order, type Visit } from "../stage2/walk.js";

/** An event of a golden file: a name, then numbers and hex strings. */
export type GoldenEvent = (string | number)[];

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

export function hexPte(lo: number, hi: number): string {
  return `0x${((BigInt(hi) << 32n) | BigInt(lo)).toString(16)}`;
}

function hintOf(level: number): number | string {
  return level === NO_HINT ? "unk" : level;
}

/** Collects the events of one operation as the golden files print them. */
export class EventLog implements OpsObserver {
  events: GoldenEvent[] = [];
  counts: Record<string, number> = {};
  windows: number[] = [];
  private steps = 0;
  private readonly broken = new Map<number, number>();

  begin(): void {
    this.events = [];
    this.counts = {};
    this.windows = [];
    this.broken.clear();
  }

  private add(event: GoldenEvent, counter = String(event[0])): void {
    this.steps++;
    this.events.push(event);
    this.count(counter, 1);
  }

  private count(counter: string, by: number): void {
    this.counts[counter] = (this.counts[counter] ?? 0) + by;
  }

  visited(order: Order, visit: Visit): void {
    const last = this.events.at(-1);
    if (order === Order.leaf) {
      // Merged with the visit before it when that one was of the neighbour in the same table.
      if (
        last !== undefined &&
        last[0] === "leaf" &&
        last[1] === visit.level &&
        last[3] === visit.page &&
        Number(last[2]) + Number(last[4]) * visit.bytes === visit.ipa
      ) {
        this.steps++;
        last[4] = Number(last[4]) + 1;
        this.count("leaf", 1);
      } else this.add(["leaf", visit.level, hex(visit.ipa), visit.page, 1]);
    } else this.add([order === Order.tablePre ? "pre" : "post", visit.level, hex(visit.ipa), visit.page]);
  }

  stored(kind: StoreKind, visit: Visit, oldLo: number, oldHi: number, newLo: number, newHi: number): void {
    const wire = { once: "w", release: "rel", exchange: "cas" }[kind];
    this.add([
      "st",
      wire,
      visit.level,
      hex(visit.base),
      visit.page,
      hexPte(oldLo, oldHi),
      hexPte(newLo, newHi),
    ]);
    if (isTable(oldLo, visit.level) && !isValid(newLo)) this.broken.set(visit.slot, this.steps);
    const since = this.broken.get(visit.slot);
    if (since !== undefined && isLeaf(newLo, visit.level)) {
      this.windows.push(this.steps - since - 1);
      this.broken.delete(visit.slot);
    }
  }

  gotPage(page: number, refs: number): void {
    this.add(["get", page, refs]);
  }

  putPage(kind: PutKind, page: number, refs: number): void {
    this.add([{ put: "put", free: "fp", "free-root": "fpx" }[kind], page, refs], "put");
    if (refs === 0) this.add(["free", page], "freed");
  }

  allocated(page: number): void {
    if (page === 0) this.events.push(["enomem"]);
    else this.add(["alloc", page]);
  }

  flushedVmid(): void {
    this.add(["tlbi_vmid"], "vmid");
  }

  flushedIpa(ipa: number, level: number): void {
    this.add(["tlbi_ipa", hex(ipa), hintOf(level)], "ipa");
  }

  flushedIpaLocally(ipa: number, level: number): void {
    this.add(["tlbi_ipa_nsh", hex(ipa), hintOf(level)], "nsh");
  }

  flushedRange(ipa: number, bytes: number): void {
    this.add(["tlbi_range", hex(ipa), bytes / 4096], "range");
  }

  cleaned(phys: number, bytes: number): void {
    this.add(["dc", hex(phys), hex(bytes)]);
    this.count("dcb", bytes);
  }

  invalidatedIcache(phys: number, bytes: number): void {
    this.add(["ic", hex(phys), hex(bytes)]);
    this.count("icb", bytes);
  }

  barrier(): void {
    this.add(["dsb", "ishst"]);
  }

  deferred(page: number, level: number): void {
    this.add(["rcu_defer", page, level], "rcu");
  }

  ranDeferred(page: number, level: number): void {
    this.events.push(["rcu_run", page, level]);
  }
}
