import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchPool } from "./batch-rows.js";
import { ReorderWindow } from "./reorder.js";

/** Feeds times in the given order; gives [time, place in the input] as delivered, and what was refused. */
function run(
  times: readonly number[],
  windowNs: number,
  capacity: number,
): { out: number[][]; late: number[]; held: number } {
  const pool = new BatchPool(capacity);
  const window = new ReorderWindow(pool, windowNs);
  const out: number[][] = [];
  const late: number[] = [];
  let held = 0;
  const drain = (atEnd: boolean): void => {
    for (let batch = window.next(atEnd); batch !== undefined; batch = window.next(atEnd)) {
      for (let row = 0; row < batch.count; row++) {
        out.push([batch.atNs[row]!, batch.line[row]!]);
        // The row travels whole, its rare columns too.
        expect(batch.thinkNs[row]).toBe(batch.line[row]! % 3 === 0 ? batch.line[row] : Number.NaN);
        expect(batch.addr[row]).toBe(batch.line[row]);
      }
      pool.release(batch);
    }
  };
  for (const [index, atNs] of times.entries()) {
    if (window.isFull) {
      window.hold();
      drain(false);
    }
    const { filling } = window;
    const row = filling.count;
    filling.atNs[row] = atNs;
    filling.line[row] = index;
    filling.addr[row] = index;
    if (index % 3 === 0) pool.own(filling, "thinkNs")[row] = index;
    if (window.accept() !== "accepted") {
      pool.clearRow(filling, row);
      late.push(index);
    }
    held = Math.max(held, index + 1 - late.length - out.length);
  }
  window.hold();
  drain(true);
  return { out, late, held };
}

test("a stable sort, of all that is not later than the window", () => {
  const steps = fc.array(fc.integer({ min: -30, max: 40 }), { maxLength: 300 });
  fc.assert(
    fc.property(steps, fc.nat(60), fc.integer({ min: 1, max: 9 }), (deltas, windowNs, capacity) => {
      let now = 0;
      const times = deltas.map((delta) => (now += delta));
      let newest = Number.NEGATIVE_INFINITY;
      const wanted: number[][] = [];
      const late: number[] = [];
      for (const [index, atNs] of times.entries()) {
        if (atNs < newest - windowNs) late.push(index);
        else wanted.push([atNs, index]);
        newest = Math.max(newest, atNs);
      }
      wanted.sort(([a], [b]) => a! - b!);
      const { out, late: refused } = run(times, windowNs, capacity);
      expect(out).toEqual(wanted);
      expect(refused).toEqual(late);
    }),
    { numRuns: 1000 },
  );
});

test("no more is held than the window and two batches", () => {
  const times = Array.from({ length: 5000 }, (_, index) => index * 10 + (index % 7) * 13);
  expect(run(times, 1000, 16).held).toBeLessThan(100 + 32 + 10);
});
