/**
 * Known answers of a lock's order, by hand. In the record vCPU 1 holds the lock from 0 to 100, vCPU 2 asks at 10 and has it
 * at 101: 1 is the hand-off. Times in us.
 */

import { describe, expect, it } from "vitest";
import { Baseline, Hold } from "./baseline.js";
import { RecordLock } from "./lock.js";
import { Track, Turn } from "./track.js";

/** A hold as recorded; `handoff` where it waited. */
function recorded(
  thread: number,
  request: number,
  held: number,
  released: number,
  handoff = Number.NaN,
): Hold {
  return Object.assign(new Hold(), {
    thread,
    requestNs: request,
    heldNs: held,
    releasedNs: released,
    handoffNs: handoff,
  });
}

/** Plays requests and holds on a side. */
class Side {
  readonly granted = new Map<Turn, number>();
  readonly tracks = [new Track(0), new Track(1), new Track(2), new Track(3)] as const;
  readonly lock: RecordLock;

  constructor(spread = 0, isFree = false) {
    this.lock = new RecordLock(
      { spreadNs: () => spread, handoffNs: () => 3, knowsRecorder: true, isFree },
      (turn, atNs) => this.granted.set(turn, atNs),
    );
  }

  turn(hold: Hold, isShared = false): Turn {
    const turn = new Turn().begin(this.tracks[hold.thread as 0 | 1 | 2 | 3], new Baseline(), hold, isShared);
    this.lock.expect(turn);
    return turn;
  }
}

const first = () => recorded(1, 0, 0, 100);
const second = () => recorded(2, 10, 101, 111, 1);

describe("vCPU 2 waits for vCPU 1", () => {
  it.each([
    ["as recorded: from 10 to the release at 100, and 1 of hand-off", 100, 91],
    ["a hold of 40: to 40, and the hand-off", 40, 31],
    ["a hold of 200", 200, 191],
    ["a hold of 5 is over when vCPU 2 asks: the lock is free, and nothing is handed over", 5, 0],
  ])("%s", (_what, released, waits) => {
    const side = new Side();
    const [one, two] = [side.turn(first()), side.turn(second())];
    side.lock.ask(one, 0);
    expect(side.granted.get(one)).toBe(0);
    if (released < 10) side.lock.release(one, released);
    side.lock.ask(two, 10);
    if (released >= 10) side.lock.release(one, released);
    expect((side.granted.get(two) as number) - 10).toBe(waits);
  });

  it("and vCPU 3 for both: each has its own hand-off", () => {
    const side = new Side();
    const third = recorded(3, 20, 113, 120, 2);
    const [one, two, three] = [side.turn(first()), side.turn(second()), side.turn(third)];
    side.lock.ask(one, 0);
    side.lock.ask(two, 10);
    side.lock.ask(three, 20);
    side.lock.release(one, 40);
    expect(side.granted.get(two)).toBe(41);
    // It holds it for its own 10.
    side.lock.release(two, 51);
    expect(side.granted.get(three)).toBe(53);
  });

  it("only on this side: the record has no hand-off for it, the usual one is 3", () => {
    const side = new Side();
    const late = recorded(2, 150, 150, 160);
    const [one, two] = [side.turn(first()), side.turn(late)];
    side.lock.ask(one, 0);
    side.lock.ask(two, 150);
    side.lock.release(one, 200);
    expect(side.granted.get(two)).toBe(203);
  });

  it("but vCPU 1 never requests it, since its access succeeds: vCPU 2 has the lock at its request", () => {
    const side = new Side();
    const [one, two] = [side.turn(first()), side.turn(second())];
    side.lock.ask(two, 10);
    expect(side.granted.has(two), "vCPU 1 is to come, at 0").toBe(false);
    side.lock.void(one, 12);
    expect(side.granted.get(two)).toBe(10);
  });
});

describe("a turn that has requested the lock goes first", () => {
  const late = (byNs: number, spread: number) => {
    const side = new Side(spread);
    side.turn(first());
    const two = side.turn(second());
    side.tracks[1].shiftNs = byNs;
    side.lock.ask(two, 10);
    return side.granted.get(two);
  };

  it("if the turn before it comes later than the record accounts for: 11 is after 10", () => {
    expect(late(11, 0)).toBe(10);
  });

  it("but not if both come at the same time", () => {
    expect(late(10, 0)).toBeUndefined();
  });

  it("nor if they differ by less than the spread of own times: a nanosecond does not reorder", () => {
    expect(late(11, 1)).toBeUndefined();
    expect(late(12, 1)).toBe(10);
  });
});

describe("holds may overlap", () => {
  it("if they overlap in the record", () => {
    const side = new Side();
    const [one, two] = [side.turn(first()), side.turn(recorded(2, 10, 50, 60))];
    side.lock.ask(one, 0);
    side.lock.ask(two, 50);
    expect(side.granted.get(two)).toBe(50);
  });

  it("if they are readers, and a writer waits for all of them", () => {
    const side = new Side();
    const shared = (thread: number, at: number) =>
      Object.assign(recorded(thread, at, at, at + 50), { isShared: true });
    const [one, two] = [side.turn(shared(1, 0), true), side.turn(shared(2, 10), true)];
    const writer = side.turn(recorded(3, 20, 61, 70, 1));
    side.lock.ask(one, 0);
    side.lock.ask(two, 10);
    side.lock.ask(writer, 20);
    side.lock.release(one, 50);
    expect(side.granted.has(writer)).toBe(false);
    side.lock.release(two, 60);
    expect(side.granted.get(writer)).toBe(61);
  });

  it("if the lock excludes nobody", () => {
    const side = new Side(0, true);
    const [one, two] = [side.turn(first()), side.turn(second())];
    side.lock.ask(two, 10);
    side.lock.ask(one, 12);
    expect([side.granted.get(one), side.granted.get(two)]).toEqual([12, 10]);
  });
});
