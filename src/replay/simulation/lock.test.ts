/** Who has the MMU lock next, by what it is and by who has a CPU. */
import { describe, expect, it } from "vitest";
import { MmuLock } from "./lock.js";
import { Thread } from "./thread.js";

const threads = () => [0, 1, 2, 3].map((index) => new Thread(index)) as [Thread, Thread, Thread, Thread];

/** Releases the lock. @returns who was left it, or may claim it */
function release(lock: MmuLock, holder: Thread): number[] {
  const next: number[] = [];
  lock.release(holder, 0, ({ index }) => next.push(index));
  return next;
}

describe("a lock that goes from one to the next", () => {
  it("law: no thread passes its queue", () => {
    const [a, b, c, d] = threads();
    const lock = new MmuLock(false, false);
    expect([a, b, c].map((thread) => lock.request(thread))).toEqual([true, false, false]);
    expect(release(lock, a)).toEqual([b.index]);
    expect(lock.request(d)).toBe(false);
    expect(release(lock, b)).toEqual([c.index]);
    expect(release(lock, c)).toEqual([d.index]);
  });
});

describe("an rwlock whose waiters share CPUs", () => {
  it("law: while it is free, the head of the queue, which has claimed it, gets it first", () => {
    const [a, b, c] = threads();
    const lock = new MmuLock(false, true);
    lock.request(a);
    // It had a CPU when it queued.
    expect(lock.request(b)).toBe(false);
    expect(release(lock, a)).toEqual([b.index]);
    expect(lock.request(c)).toBe(false);
    expect(lock.claim(b)).toBe(true);
    expect(lock.head).toBe(c);
  });

  it("law: until the next in the queue has had a CPU, a newcomer takes it; after that it queues", () => {
    const [a, b, c] = threads();
    const lock = new MmuLock(false, true);
    for (const thread of [a, b, c]) lock.request(thread);
    release(lock, a);
    expect(lock.claim(b)).toBe(true);
    // c leads, and has no CPU: b leaves the lock, and comes again.
    expect(release(lock, b)).toEqual([]);
    expect(lock.request(b)).toBe(true);
    expect(lock.claim(c)).toBe(false);
    expect(release(lock, b)).toEqual([c.index]);
    expect(lock.request(b)).toBe(false);
    expect(lock.claim(c)).toBe(true);
  });
});
