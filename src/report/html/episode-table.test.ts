import { expect, it } from "vitest";
import { Cause, Cost } from "../../replay/counters.js";
import { Episode } from "../../replay/episode.js";
import { seededRandom } from "../../seeded-random.js";
import { EpisodeTable } from "./episode-table.js";

const threads = 5;

/** Stalls of few lengths, as replays have them; every hundredth with a window. */
function fill(table: EpisodeTable, count: number): { stallNs: number; windows: number; longestNs: number } {
  const random = seededRandom(7);
  const episode = new Episode();
  const clockNs = new Float64Array(threads);
  const sums = { stallNs: 0, windows: 0, longestNs: 0 };
  for (let n = 0; n < count; n++) {
    const thread = Math.floor(random() * threads);
    const stallNs = 1000 * (1 + Math.floor(random() * 4)) + (n === count >> 1 ? 1e6 : 0);
    episode.side = 0;
    episode.isFault = episode.counted = true;
    episode.thread = thread;
    episode.line = n;
    episode.startNs = clockNs[thread]!;
    episode.endNs = clockNs[thread] = clockNs[thread]! + stallNs;
    episode.cause = n % 100 === 0 ? Cause.coalesceTrigger : Cause.lostRace;
    episode.windows = n % 100 === 0 ? 1 : 0;
    episode.costNs.fill(0);
    episode.costNs[Cost.lockWait] = 500;
    clockNs[thread] = clockNs[thread]! + 100;
    table.add(episode);
    sums.stallNs += stallNs;
    sums.windows += episode.windows;
    sums.longestNs = Math.max(sums.longestNs, stallNs);
  }
  return sums;
}

const sum = (column: Float64Array, count: number) => column.slice(0, count).reduce((all, of) => all + of, 0);

it.each([200, 1000, 20_000])("law: beyond the limit nothing is lost from the sums: %i episodes", (count) => {
  const table = new EpisodeTable(1000);
  const told = fill(table, count);
  const { rows, bins, merged } = table;
  expect(rows.count).toBeLessThanOrEqual(1000);
  expect(rows.count + merged).toBe(count);
  expect(sum(bins.rows.columns.faults, bins.rows.count)).toBe(merged);
  expect(sum(rows.columns.spanNs, rows.count) + sum(bins.rows.columns.stallNs, bins.rows.count)).toBe(
    told.stallNs,
  );
  expect(sum(rows.columns.lockWait, rows.count) + sum(bins.rows.columns.lockWait, bins.rows.count)).toBe(
    500 * count,
  );
});

it("law: windows and the longest stalls are kept, and among equal ones some from the whole trace", () => {
  const table = new EpisodeTable(1000);
  const told = fill(table, 20_000);
  const { columns, count } = table.rows;
  expect(count).toBeGreaterThan(300);
  expect(sum(columns.windows, count)).toBe(told.windows);
  expect(Math.max(...columns.spanNs.slice(0, count))).toBe(told.longestNs);
  const plain = [...columns.line.slice(0, count)].filter((_, row) => columns.windows[row] === 0);
  for (const from of [0, 5000, 10_000, 15_000])
    expect(plain.filter((line) => line >= from && line < from + 5000).length).toBeGreaterThan(20);
});

it("law: however long the trace, there are few sums", () => {
  const table = new EpisodeTable(100);
  fill(table, 300_000);
  expect(table.bins.rows.count).toBeLessThanOrEqual(60_000);
  expect(table.rows.count + table.merged).toBe(300_000);
});
