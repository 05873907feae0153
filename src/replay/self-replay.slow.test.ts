/** Self-replay is no tautology: a record that was tampered with does not replay as it was. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diffTrace } from "../compare/diff.js";
import type { SelfReplay } from "../compare/result.js";

interface Event {
  /** Seconds; the header has none. */
  ts?: number;
  event: string;
  pid: number;
  addr?: string;
  size?: string;
  phys?: string;
  ret?: number;
}

/** The events of one thread come so much later, or earlier. */
function moved(events: readonly Event[], pid: number, byNs: number): Event[] {
  return events
    .map((event) =>
      event.pid === pid && event.ts !== undefined
        ? { ...event, ts: Number((event.ts + byNs / 1e9).toFixed(9)) }
        : event,
    )
    .sort((a, b) => (a.ts ?? 0) - (b.ts ?? 0));
}

const SLOW = { timeout: 120_000 };
const folder = mkdtempSync(join(tmpdir(), "s2replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The lines of a map: from its entry to its return, on its thread, the window's edges between them included. */
function linesOfMap(events: readonly Event[], at: number): number[] {
  const own = ["s2_map", "s2_break", "s2_install", "s2_map_ret"];
  const { pid } = events[at] as Event;
  const lines: number[] = [];
  for (let n = at; n < events.length; n++) {
    const event = events[n] as Event;
    if (event.pid !== pid || !own.includes(event.event)) continue;
    lines.push(n);
    if (event.event === "s2_map_ret") break;
  }
  return lines;
}

/** Not answered with -EAGAIN: another vCPU had been there first. */
function hasMapped(events: readonly Event[], at: number): boolean {
  return events[linesOfMap(events, at).at(-1) as number]?.ret === 0;
}

function without(events: readonly Event[], at: number): Event[] {
  const lines = new Set(linesOfMap(events, at));
  return events.filter((_, n) => !lines.has(n));
}

/** Two maps change places: each is done where the other was. */
function swapped(events: readonly Event[], a: number, b: number): Event[] {
  const copy = events.map((event) => ({ ...event }));
  const [first, second] = [copy[a], copy[b]] as [Event, Event];
  const { addr, phys, size } = first;
  Object.assign(first, { addr: second.addr, phys: second.phys, size: second.size });
  Object.assign(second, { addr, phys, size });
  return copy;
}

describe.each(["5.10.262-prepatch-h2m-1v", "5.10.262-prepatch-h2m-4v"])("%s", SLOW, (name) => {
  const events: Event[] = [];
  let whole: SelfReplay;

  const replayed = async (changed: readonly Event[]): Promise<SelfReplay> => {
    const input = join(folder, `${name}.ndjson`);
    writeFileSync(input, changed.map((event) => `${JSON.stringify(event)}\n`).join(""));
    const result = await diffTrace({ input, lenient: false, base: "pre-patch", candidate: "post-patch" });
    return result.selfReplay as SelfReplay;
  };

  /** Index of a stage's n-th map that satisfies the predicate and did map something. */
  const find = (stage: string, nth: number, is: (event: Event) => boolean): number => {
    const from = events.findIndex((event) => (event as { text?: string }).text === stage);
    let left = nth;
    const at = events.findIndex((event, n) => n > from && is(event) && hasMapped(events, n) && left-- === 0);
    expect(at).toBeGreaterThan(from);
    return at;
  };
  const isBlockMap = ({ event, size }: Event) => event === "s2_map" && size === "0x200000";
  const isPageMap = ({ event, size }: Event) => event === "s2_map" && size === "0x1000";
  /** A map of the first page of a block: it splits the block. */
  const isSplit = (event: Event) => isPageMap(event) && Number(event.addr) % 0x20_0000 === 0;

  beforeAll(async () => {
    const text = gunzipSync(
      readFileSync(join(import.meta.dirname, `../../traces/${name}.ndjson.gz`)),
    ).toString();
    for (const line of text.trim().split("\n")) events.push(JSON.parse(line) as Event);
    whole = await replayed(events);
  });

  it("as recorded", () => {
    expect(whole.matched).toBeGreaterThan(0.99 * whole.recordedFaults);
    expect(whole.recordedFaults).toBeGreaterThan(8000);
  });

  it.each([0, 5, 17])("without a block's first maps (%i): nothing explains its split", async (nth) => {
    // All of them: a vCPU that came second, and was answered -EAGAIN, maps it where the first did not.
    const { addr } = events[find("CREATE", nth, isBlockMap)] as Event;
    const end = find("UPDATE", 0, isPageMap);
    let changed: readonly Event[] = events;
    for (let n = end; n >= 0; n--) {
      const event = events[n] as Event;
      if (isBlockMap(event) && event.addr === addr) changed = without(changed, n);
    }
    const { matched, recordedFaults } = await replayed(changed);
    expect(recordedFaults).toBe(whole.recordedFaults);
    expect(matched).toBeLessThan(whole.matched);
  });

  it.each([0, 9])("without a split (%i): nothing explains its holes", async (nth) => {
    const at = find("UPDATE", nth, isSplit);
    const { matched } = await replayed(without(events, at));
    expect(matched).toBeLessThan(whole.matched);
  });

  it.each([
    ["two blocks", "CREATE", 3, isBlockMap],
    ["two pages, of which one splits a block", "UPDATE", 0, isPageMap],
  ] as const)("with %s swapped", async (_what, stage, nth, is) => {
    const { matched, corrected, missing } = await replayed(
      swapped(events, find(stage, nth, is), find(stage, nth + 4, is)),
    );
    expect(matched).toBeLessThan(whole.matched);
    expect(corrected + missing).toBeGreaterThan(whole.corrected + whole.missing);
  });

  it.each(name.endsWith("4v") ? [50_000, -50_000] : [])("with one vCPU moved by %i ns", async (byNs) => {
    const vcpu = (events[find("UPDATE", 0, isPageMap)] as Event).pid;
    const { matched, corrected, missing } = await replayed(moved(events, vcpu, byNs));
    // Its accesses are many, and each that was a race is another one now.
    expect(whole.matched - matched).toBeGreaterThan(0.05 * whole.matched);
    expect(corrected + missing).toBeGreaterThan(10 * (whole.corrected + whole.missing));
  });
});
