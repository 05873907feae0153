/** Turns of an emulated CPU: a share of the time to the next tick, and one whole one while a holder is out of turn. */
import { expect, it } from "vitest";
import { EmulatedTurns } from "./emulated-turns.js";

const TICK = 4_000_000;

it.each([
  [0, 800_000],
  [1_000_000, 600_000],
  [3_000_000, 200_000],
  [TICK + 1_000_000, 600_000],
])("a turn of one of five CPUs that begins at %i ns lasts %i ns", (atNs, ns) => {
  expect(new EmulatedTurns(5).endNs(atNs) - atNs).toBe(ns);
});

it("law: a turn has some length, however near the tick is", () => {
  const turns = new EmulatedTurns(5);
  for (let atNs = TICK - 20_000; atNs < TICK; atNs++) expect(turns.endNs(atNs)).toBeGreaterThan(atNs);
});

it("law: between two turns of a holder only one other CPU uses a whole turn; one that waits does not", () => {
  const turns = new EmulatedTurns(5);
  const whole = turns.endNs(0);
  turns.ended(false);
  expect(turns.endNs(0)).toBe(whole);
  turns.ended(true);
  // Others may have a turn each, and wait in it.
  expect(turns.endNs(0)).toBe(whole);
  turns.ended(false);
  expect(turns.endNs(0)).toBeLessThan(whole / 10);
  turns.resumed();
  expect(turns.endNs(0)).toBe(whole);
});
