import { expect, it } from "vitest";
import { FaultBins, Repetitions } from "./merged-faults.js";

it("law: widening terminates and loses no fault, even with more epochs and causes than bins", () => {
  const bins = new FaultBins();
  const count = 70_000;
  for (let n = 0; n < count; n++)
    bins.add({
      thread: 1,
      segment: n,
      startNs: n * 1000,
      cause: n % 3,
      faults: 1,
      stallNs: 5,
      lockWaitNs: 2,
    });
  const { columns, count: rows } = bins.rows;
  expect(rows).toBe(count);
  expect(columns.faults.slice(0, rows).reduce((sum, n) => sum + n, 0)).toBe(count);
  expect(Number.isFinite(bins.spanNs)).toBe(true);
});

it("law: bins of different intervals stay separate in late epochs", () => {
  const bins = new FaultBins();
  const add = (startNs: number) =>
    bins.add({ thread: 0, segment: 16_385, startNs, cause: 0, faults: 1, stallNs: 1, lockWaitNs: 0 });
  add(0);
  add(bins.spanNs);
  expect(bins.rows.count).toBe(2);
});

it("law: joining terminates for repetitions with alternating causes", () => {
  const repetitions = new Repetitions();
  for (let n = 0; n < 25_000; n++) repetitions.add(0, n * 100, n * 100 + 50, 1, 1, n % 2);
  expect(repetitions.rows.count).toBe(25_000);
});
