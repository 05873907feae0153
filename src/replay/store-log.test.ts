import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOpenEnded, StoreLog } from "./store-log.js";

const SLOTS = 6;

/** A table of a few entries, whose whole history is kept beside the log: state n is the table after n stores. */
class History {
  readonly log = new StoreLog();
  readonly states: number[][] = [Array.from({ length: SLOTS }, () => 0)];
  readonly times: number[] = [];

  store(slot: number, value: number, atNs: number): void {
    const now = this.now;
    this.log.add(slot, now[slot] as number, 0, atNs);
    this.states.push(now.map((old, n) => (n === slot ? value : old)));
    this.times.push(atNs);
  }

  get now(): number[] {
    return this.states.at(-1) as number[];
  }

  /** The table as the log shows it. */
  asOf(atNs: number): number[] {
    const overlay = this.log.asOf(atNs);
    return this.now.map((value, slot) => {
      const at = overlay?.find(slot) ?? -1;
      return overlay === undefined || at < 0 ? value : overlay.lo(at);
    });
  }

  /** The table as the whole history shows it. */
  naiveAsOf(atNs: number): number[] {
    return this.states[this.times.filter((time) => time <= atNs).length] as number[];
  }
}

/** Stores with times that never go back; values are unique, so that no state is another's twin by chance. */
const stores = (most: number) =>
  fc
    .array(fc.record({ slot: fc.nat(SLOTS - 1), stepNs: fc.nat(3) }), { maxLength: most, size: "max" })
    .map((list) => {
      const history = new History();
      let atNs = 10;
      for (const [n, { slot, stepNs }] of list.entries()) {
        atNs += stepNs;
        history.store(slot, n + 1, atNs);
      }
      return history;
    });

describe("the store log", () => {
  it("shows the table as of any time, as the whole history would", () => {
    fc.assert(
      fc.property(stores(200), (history) => {
        const lastNs = history.times.at(-1) ?? 10;
        for (let atNs = 8; atNs <= lastNs + 2; atNs++)
          expect(history.asOf(atNs), `as of ${atNs}`).toEqual(history.naiveAsOf(atNs));
      }),
      { numRuns: 50 },
    );
  });

  it("needs no overlay for the current table", () => {
    const history = new History();
    expect(history.log.asOf(0)).toBeUndefined();
    history.store(1, 7, 100);
    expect(history.log.asOf(99)).toBeDefined();
    expect(history.log.asOf(100)).toBeUndefined();
  });

  it("forgets the oldest stores, never the latest 1024", () => {
    const history = new History();
    for (let n = 1; n <= 3000; n++) history.store(n % SLOTS, n, n * 10);
    for (const n of [2999, 2500, 3000 - 1024])
      expect(history.asOf(n * 10)).toEqual(history.naiveAsOf(n * 10));
    // Beyond: the table as of the oldest store it knows.
    expect(history.asOf(5)).toEqual(history.naiveAsOf((3000 - 1024) * 10));
  });

  it("moves what comes after an interruption, and nothing else", () => {
    fc.assert(
      fc.property(stores(40), fc.nat(60), fc.nat(50), (history, sinceNs, byNs) => {
        history.log.delay(0, 0, sinceNs, byNs);
        for (const [n, atNs] of history.times.entries()) if (atNs > sinceNs) history.times[n] = atNs + byNs;
        const lastNs = history.times.at(-1) ?? 10;
        for (let atNs = 8; atNs <= lastNs + 2; atNs++)
          expect(history.asOf(atNs)).toEqual(history.naiveAsOf(atNs));
      }),
      { numRuns: 50 },
    );
  });

  /** Operations that overlap in time, each with entries of its own: stores of one stand together in the log. */
  const overlapping = fc.array(
    fc.record({ startNs: fc.nat(40), stepsNs: fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }) }),
    { minLength: 1, maxLength: SLOTS },
  );

  it("shows operations that overlap each at its own time, interrupted or not", () => {
    fc.assert(
      fc.property(
        overlapping,
        fc.nat(SLOTS),
        fc.nat(50),
        fc.nat(20),
        (operations, delayed, sinceNs, byNs) => {
          const log = new StoreLog();
          const made: { slot: number; value: number; atNs: number }[] = [];
          let value = 0;
          for (const [slot, { startNs, stepsNs }] of operations.entries()) {
            log.beginOperation();
            let atNs = startNs;
            let old = 0;
            for (const stepNs of stepsNs) {
              atNs += stepNs;
              log.add(slot, old, 0, atNs);
              old = ++value;
              made.push({ slot, value, atNs });
            }
          }
          log.delay(delayed + 1, delayed + 1, sinceNs, byNs);
          for (const store of made) if (store.slot === delayed && store.atNs > sinceNs) store.atNs += byNs;
          for (let atNs = 0; atNs < 120; atNs++) {
            const overlay = log.asOf(atNs);
            for (const slot of operations.keys()) {
              const own = made.filter((store) => store.slot === slot);
              const at = overlay?.find(slot) ?? -1;
              const shown = overlay === undefined || at < 0 ? own.at(-1)?.value : overlay.lo(at);
              expect(shown).toBe(own.findLast((store) => store.atNs <= atNs)?.value ?? 0);
              const later = own.filter((store) => store.atNs > atNs).map((store) => store.atNs);
              expect(log.settledNs(slot, atNs)).toBe(Math.max(...later));
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("names a time within each state between two times, newest first, without the current one", () => {
    fc.assert(
      fc.property(stores(40), fc.nat(60), fc.nat(60), (history, sinceNs, lengthNs) => {
        const untilNs = sinceNs + lengthNs;
        const seen = [...history.log.statesBetween(sinceNs, untilNs)];
        expect(seen).toEqual([...seen].sort((a, b) => b - a));
        const named = new Set(seen.map((atNs) => history.naiveAsOf(atNs).join()));
        // States that last longer than a nanosecond and end inside: each is visited.
        const changes = [...new Set(history.times)].filter((at) => at > sinceNs && at < untilNs);
        for (const [n, at] of changes.entries()) {
          const fromNs = Math.max(sinceNs, n === 0 ? sinceNs : (changes[n - 1] as number));
          if (n > 0 && at - fromNs > 1)
            expect(named, `before ${at}`).toContain(history.naiveAsOf(at - 1).join());
        }
        for (const atNs of seen) {
          expect(atNs).toBeGreaterThanOrEqual(sinceNs);
          expect(atNs).toBeLessThan(untilNs);
        }
      }),
    );
  });
});

describe("stores that were made earlier than they are due", () => {
  /** Two operations under way: one breaks entry 1, links a table there and stores entry 2 below; one stores entry 3. */
  const underWay = () => {
    const history = new History();
    history.log.beginOperation();
    history.store(1, 10, 100);
    history.store(1, 11, 300);
    history.store(2, 12, 400);
    history.log.beginOperation();
    history.store(3, 13, 350);
    return history;
  };

  it("are listed by their time", () => {
    const { log } = underWay();
    expect(log.pendingNs(100)).toEqual([300, 350, 400]);
    expect(log.pendingNs(400)).toEqual([]);
  });

  it("come with the same operation's earlier stores, and no others", () => {
    const history = underWay();
    history.log.hasten(300, 200);
    expect(history.asOf(199)).toEqual([0, 10, 0, 0, 0, 0]);
    expect(history.asOf(200)).toEqual([0, 11, 0, 0, 0, 0]);
    expect(history.asOf(360)).toEqual([0, 11, 0, 13, 0, 0]);
    expect(history.asOf(400)).toEqual([0, 11, 12, 13, 0, 0]);
    history.log.hasten(400, 250);
    expect(history.asOf(250)).toEqual([0, 11, 12, 0, 0, 0]);
    expect(history.log.pendingNs(250)).toEqual([350]);
  });

  it("of an interrupted walk are delayed until it resumes; those of other walks are not", () => {
    const history = underWay();
    history.log.suspend(1, 1, 320);
    const settledNs = history.log.settledNs(2, 320);
    expect(isOpenEnded(settledNs)).toBe(true);
    expect(isOpenEnded(history.log.settledNs(3, 320))).toBe(false);
    expect(history.asOf(1_000)).toEqual([0, 11, 0, 13, 0, 0]);
    history.log.resume(1, 1, 700);
    expect(history.asOf(1_099)).toEqual([0, 11, 0, 13, 0, 0]);
    expect(history.asOf(1_100)).toEqual([0, 11, 12, 13, 0, 0]);
  });
});
