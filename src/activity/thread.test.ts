/** Whose CPU time a silence was, where one CPU runs all. */
import { expect, it } from "vitest";
import { CpuClock, Thread } from "./thread.js";

const ABORT = 1;
const GUEST_FAULT = 2;
const MAP = 3;

function clockOf(...events: [thread: Thread, kind: number, atNs: number][]): void {
  const clock = new CpuClock(true, GUEST_FAULT, MAP);
  for (const [thread, kind, atNs] of events) clock.advance(thread, kind, atNs, 0, 0);
}

it("law: the clean before a map belongs to its thread, even before any handler has been seen alone", () => {
  const [leader, follower] = [new Thread(0, 100), new Thread(1, 101)];
  clockOf(
    [follower, ABORT, 0],
    [follower, GUEST_FAULT, 1_200],
    [leader, ABORT, 10_000],
    [leader, GUEST_FAULT, 11_200],
    // The follower has had the lock meanwhile, and cleaned 1 GiB.
    [follower, MAP, 67_000_000],
  );
  expect(leader.cpuNs).toBeLessThan(20_000);
  expect(follower.cpuNs).toBeGreaterThan(66_900_000);
});

it("a handler time that was seen alone is charged to a thread before it waits", () => {
  const [leader, follower] = [new Thread(0, 100), new Thread(1, 101)];
  clockOf(
    [leader, GUEST_FAULT, 0],
    [leader, MAP, 2_000],
    [leader, GUEST_FAULT, 3_000],
    [follower, ABORT, 9_000],
  );
  expect(leader.cpuNs).toBe(5_000);
  expect(follower.cpuNs).toBe(4_000);
});
