/** Readers side by side: one clock gives each the time that adding up his own progress gives. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GuestReads } from "./guest-reads.js";
import { Thread } from "./thread.js";

const paceNs = (vcpus: number) => 40 + 3.7 * (vcpus - 1) ** 1.3;

interface Reader {
  readonly startNs: number;
  readonly accesses: number;
}

/** When each ends, by the sum of everybody's progress between starts and ends; fractions of a nanosecond. */
function endsOneByOne(readers: readonly Reader[]): number[] {
  const left = readers.map(({ accesses }) => accesses);
  const ends = readers.map(() => Number.NaN);
  let nowNs = 0;
  for (;;) {
    const reading = left
      .map((_, n) => n)
      .filter((n) => (readers[n] as Reader).startNs <= nowNs && Number.isNaN(ends[n]));
    const starts = readers.map(({ startNs }) => startNs).filter((startNs) => startNs > nowNs);
    if (reading.length === 0 && starts.length === 0) return ends;
    const pace = paceNs(reading.length);
    const doneNs = Math.min(...reading.map((n) => nowNs + (left[n] as number) * pace));
    const nextNs = Math.min(doneNs, ...starts);
    for (const n of reading) {
      left[n] = (left[n] as number) - (nextNs - nowNs) / pace;
      if ((left[n] as number) < 1e-6) ends[n] = nextNs;
    }
    nowNs = nextNs;
  }
}

function endsByClock(readers: readonly Reader[]): number[] {
  const clock = new GuestReads(paceNs);
  const threads = readers.map((_, n) => new Thread(n));
  const ends = readers.map(() => Number.NaN);
  const waiting = readers
    .map((_, n) => n)
    .sort((a, b) => (readers[a] as Reader).startNs - (readers[b] as Reader).startNs);
  for (;;) {
    const next = waiting[0];
    const startNs = next === undefined ? Number.POSITIVE_INFINITY : (readers[next] as Reader).startNs;
    const endNs = clock.nextNs();
    if (startNs === Number.POSITIVE_INFINITY && endNs === Number.POSITIVE_INFINITY) return ends;
    if (next !== undefined && startNs < endNs) {
      clock.begin(threads[next] as Thread, (readers[next] as Reader).accesses, startNs, false);
      waiting.shift();
    } else ends[clock.pop(endNs).index] = endNs;
  }
}

describe("guest reads", () => {
  it("end when each reader's progress adds up to its accesses", () => {
    const reader = fc.record({ startNs: fc.nat(200_000), accesses: fc.integer({ min: 1, max: 3000 }) });
    fc.assert(
      fc.property(fc.array(reader, { minLength: 1, maxLength: 12 }), (readers) => {
        const expected = endsOneByOne(readers);
        for (const [n, endNs] of endsByClock(readers).entries()) {
          // A whole nanosecond later at each end that changed the pace before, and the rate's own rounding.
          expect(Math.abs(endNs - (expected[n] as number))).toBeLessThan(2 + readers.length + 1e-5 * endNs);
        }
      }),
      { seed: 3 },
    );
  });

  it("are cut at the next access: what has been read stays read, to the nanosecond", () => {
    const clock = new GuestReads(() => 64);
    const thread = new Thread(0);
    clock.begin(thread, 1000, 0, false);
    // 7.8 accesses are made by then: the 8th has begun.
    expect(clock.cut(thread, 1000, 501)).toBe(992);
    expect(clock.nextNs()).toBe(512);
    expect(clock.pop(512)).toBe(thread);
  });

  it("continue between two nanoseconds: a run in pieces takes as long as a whole one", () => {
    const end = (pieces: number): number => {
      const clock = new GuestReads(() => 40.3);
      const thread = new Thread(0);
      let atNs = 0;
      for (let piece = 0; piece < pieces; piece++) {
        clock.begin(thread, 1200 / pieces, atNs, piece > 0);
        atNs = clock.nextNs();
        clock.pop(atNs);
      }
      return atNs;
    };
    expect(end(400)).toBe(end(1));
  });
});
