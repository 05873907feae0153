import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Activity } from "../activity/activity.js";
import { EventQueue } from "./queue.js";
import { Thread } from "./simulation/thread.js";

function threadAt(dueNs: number, sequence: number): Thread {
  const thread = new Thread(sequence);
  thread.activity = new Activity();
  thread.activity.sequence = sequence;
  thread.dueNs = dueNs;
  return thread;
}

const nameOf = ({ dueNs, sequence }: Thread) => `${dueNs}/${sequence}`;

describe("the event queue", () => {
  it("gives threads by time, and by trace order where times are equal", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(8), { maxLength: 80 }), fc.infiniteStream(fc.nat()), (times, shuffle) => {
        // Each its own sequence, pushed in any order.
        const threads = times.map((at, n) => threadAt(at, n));
        const pushed = threads
          .map((thread) => ({ thread, key: shuffle.next().value as number }))
          .sort((a, b) => a.key - b.key);
        const queue = new EventQueue<Thread>();
        for (const { thread } of pushed) queue.push(thread);
        const popped: Thread[] = [];
        while (queue.size > 0) {
          expect(queue.peek()).toBeDefined();
          const next = queue.peek();
          popped.push(queue.pop());
          expect(popped.at(-1)).toBe(next);
        }
        const inOrder = [...threads].sort((a, b) => a.dueNs - b.dueNs || a.sequence - b.sequence);
        expect(popped.map(nameOf)).toEqual(inOrder.map(nameOf));
      }),
    );
  });

  it("keeps its order when pushes and pops alternate, as a sorted list does", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(20)), { maxLength: 120 }), (steps) => {
        const queue = new EventQueue<Thread>();
        const model: Thread[] = [];
        for (const [n, at] of steps.entries()) {
          if (at !== null) {
            const thread = threadAt(at, n);
            queue.push(thread);
            model.push(thread);
            model.sort((a, b) => a.dueNs - b.dueNs || a.sequence - b.sequence);
          } else if (model.length > 0) {
            expect(queue.pop()).toBe(model.shift());
          }
          expect(queue.size).toBe(model.length);
          expect(queue.peek()).toBe(model[0]);
        }
      }),
    );
  });

  it("has nothing to show when empty", () => expect(new EventQueue<Thread>().peek()).toBeUndefined());
});
