import { expect, it } from "vitest";
import { loadProfile } from "../../cost/profile.js";
import { chargeKinds } from "../../stage2/meter.js";
import { TraceTiming } from "./trace-timing.js";

const PAGE = 4096;
const BLOCK = 2 ** 21;

const timing = () =>
  new TraceTiming(loadProfile("emulated"), new Float64Array(chargeKinds), () => 0, PAGE, true);

it("law: what a block takes from the lock to its map beyond what a page takes is its clean; zeroing is not", () => {
  const learning = timing();
  learning.learnClean(PAGE, 90_000, 1_500);
  // A first touch zeroes the block as well; who waits behind it only cleans.
  learning.learnClean(BLOCK, 262_000, 900_000);
  learning.learnClean(BLOCK, 390_000, 132_300);
  learning.learnClean(BLOCK, 390_000, 140_000);
  expect(learning.knowsClean).toBe(true);
  expect(learning.cleanNs(BLOCK)).toBeCloseTo((130_800 * BLOCK) / (BLOCK - PAGE), 3);
});

it("where nobody waited, the least of those who came first is it", () => {
  const learning = timing();
  learning.learnClean(PAGE, 3_500, 900_000);
  learning.learnClean(BLOCK, 262_000, 900_000);
  learning.learnClean(BLOCK, 134_500, 900_000);
  expect(learning.cleanNs(BLOCK)).toBeCloseTo((131_000 * BLOCK) / (BLOCK - PAGE), 3);
});

it("does not know the clean from pages alone", () => {
  const learning = timing();
  learning.learnClean(PAGE, 1_500, 900_000);
  learning.learnClean(PAGE, 90_000, 1_500);
  expect(learning.knowsClean).toBe(false);
});
