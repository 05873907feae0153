/** What a thread was off its CPU for, by hand. Times in us. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { diffTrace } from "../compare/diff.js";
import { selfReplayTrace } from "../compare/self-replay.js";
import { lawsOf } from "./laws.js";

const BLOCK = 0x20_0000;
const ALONE = 0x8000_0000;

const folder = mkdtempSync(join(tmpdir(), "s2replay-off-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Lines of a trace by time. */
class Trace {
  private readonly lines: { readonly at: number; readonly line: string }[] = [];

  constructor(private readonly header: string) {}

  add(at: number, thread: number, event: string, fields = ""): this {
    const line = `{"ts_ns":${Math.round(at * 1000)},"cpu":${thread},"pid":${thread},"event":"${event}"${fields}}`;
    this.lines.push({ at, line });
    return this;
  }

  /** A fault of 2 us and a hold: the operation begins at `from`, ends at `to`, and 1 us later the guest goes on. */
  fault(at: number, thread: number, ipa: number, from: number, to: number, bytes = 4096): this {
    const base = ipa - (ipa % bytes);
    return this.add(at, thread, "kvm_guest_fault", `,"ipa":"0x${ipa.toString(16)}","hsr":"0x92000007"`)
      .add(
        from,
        thread,
        "s2_map",
        `,"pgt":"0x1","addr":"0x${base.toString(16)}","size":"0x${bytes.toString(16)}","phys":"0x0","prot":"0x6"`,
      )
      .add(to, thread, "s2_map_ret", ',"ret":0')
      .add(to + 1, thread, "kvm_entry");
  }

  off(thread: number, state: string, from: number, to: number): this {
    return this.add(from, thread, "sched_switch", `,"prev_state":"${state}","next_pid":0`).add(
      to,
      0,
      "sched_switch",
      `,"prev_state":"R","next_pid":${thread}`,
    );
  }

  /** A file of it. */
  get input(): string {
    const sorted = this.lines.map((one, n) => ({ ...one, n })).sort((a, b) => a.at - b.at || a.n - b.n);
    const file = join(folder, "trace.ndjson");
    writeFileSync(file, [this.header, ...sorted.map(({ line }) => line), ""].join("\n"));
    return file;
  }
}

const header = (walker: string, more = "") =>
  `{"type":"header","schema":"s2replay-trace/1","granule":4096,"ia_bits":40,"fwb":true,"walker":"${walker}"${more}}`;

describe("a wait, and what is none", () => {
  /** 20 faults alone take 1 us; then vCPU 2 has the lock from 10100 to 10200, and vCPU 1 aborts at 10110. */
  const waiting = (lockWait: "spin" | "sleep") => {
    const trace = new Trace(header("pre-patch", `,"lock_wait":"${lockWait}"`));
    for (let n = 0; n < 20; n++) trace.fault(100 * n, 1, ALONE + 4096 * n, 100 * n + 1, 100 * n + 3);
    return trace
      .fault(10099, 2, ALONE + 0x10_0000, 10100, 10200)
      .fault(10110, 1, ALONE + 0x11_0000, 10201, 10203);
  };
  const figures = async (trace: Trace) => {
    const { lockWaitNs, offCpuNs, explainedRatio } = await selfReplayTrace({
      input: trace.input,
      lenient: false,
    });
    return { excess: lockWaitNs.recorded / 1000, wait: lockWaitNs.replayed / 1000, offCpuNs, explainedRatio };
  };

  it("without sched events: all of the 90 us beyond its own time is a wait", async () => {
    expect(await figures(waiting("spin"))).toEqual({
      excess: 90,
      wait: 90,
      offCpuNs: undefined,
      explainedRatio: 1,
    });
  });

  it("who spins asked when it had come onto its CPU: 65 us without one, 21 us of wait, 4 us of neither", async () => {
    expect(await figures(waiting("spin").off(1, "R+", 10115, 10180))).toEqual({
      excess: 90,
      wait: 21,
      offCpuNs: { preempted: 65_000, slept: 0 },
      explainedRatio: 86 / 90,
    });
  });

  it("asleep is told from fit to run by the wake-up", async () => {
    const trace = waiting("spin").off(1, "D", 10115, 10180).add(10150, 9, "sched_waking", ',"target_pid":1');
    expect((await figures(trace)).offCpuNs).toEqual({ preempted: 30_000, slept: 35_000 });
  });

  it("came onto its CPU after the release: no wait at all", async () => {
    expect(await figures(waiting("spin").off(1, "R", 10115, 10200.5))).toMatchObject({
      wait: 0,
      offCpuNs: { preempted: 85_500, slept: 0 },
    });
  });

  it("who sleeps for the lock is off its CPU while it waits: that is a wait", async () => {
    expect(await figures(waiting("sleep").off(1, "S", 10115, 10180))).toEqual({
      excess: 90,
      wait: 90,
      offCpuNs: { preempted: 0, slept: 0 },
      explainedRatio: 1,
    });
  });

  it("is no work: own time is learnt net of it", async () => {
    const trace = new Trace(header("pre-patch"));
    for (let n = 0; n < 20; n++)
      trace
        .fault(200 * n, 1, ALONE + 4096 * n, 200 * n + 51, 200 * n + 53)
        .off(1, "R+", 200 * n + 0.5, 200 * n + 50.5);
    expect(await figures(trace)).toMatchObject({
      excess: 20 * 50,
      wait: 0,
      offCpuNs: { preempted: 20 * 50_000 },
      explainedRatio: 1,
    });
  });
});

describe("a thread that is late or early here", () => {
  /** After a coalesce, whose duration is the walker's, the guest works until 1400 us. */
  const working = (walker: string) =>
    new Trace(header(walker))
      .fault(0, 1, BLOCK * 512, 1, 3)
      .fault(100, 1, BLOCK * 512 + 4096, 101, 150, BLOCK)
      .fault(1400, 1, ALONE, 1401, 1403);

  /** By how much the last fault comes later under the other walker; us. */
  async function shiftOf(walker: string, trace: Trace): Promise<number> {
    const startsNs: number[] = [];
    await diffTrace({
      input: trace.input,
      lenient: false,
      base: walker,
      candidate: other(walker),
      observer: {
        ended: ({ side, ipa, startNs }) => {
          if (ipa === ALONE) startsNs[side] = startNs;
        },
      },
    });
    return ((startsNs[1] as number) - (startsNs[0] as number)) / 1000;
  }
  const others: Record<string, string> = { "v6.12": "v5.10", "v5.10": "v6.12", "pre-patch": "post-patch" };
  const other = (walker: string) => others[walker] as string;

  it.each(["v6.12", "v5.10"])("%s: it sleeps so much less, or so much longer", async (walker) => {
    const shift = await shiftOf(walker, working(walker));
    expect(Math.abs(shift)).toBeGreaterThan(1);
    const late = Math.max(0, shift);
    const half = Math.abs(shift) / 2;
    const slept = (us: number) => working(walker).off(1, "S", 300, 300 + us);
    expect(await shiftOf(walker, slept(half))).toBeCloseTo(late / 2, 2);
    expect(await shiftOf(walker, slept(900))).toBe(0);
    // What follows the wake-up is no sleep, and a preemption is none at all.
    const woken = slept(900).add(300 + half, 9, "sched_waking", ',"target_pid":1');
    expect(await shiftOf(walker, woken)).toBeCloseTo(late / 2, 2);
    expect(await shiftOf(walker, working(walker).off(1, "R+", 300, 1200))).toBe(shift);
  });

  it("whose access goes through saves what its fault took, but not what others had its CPU", async () => {
    // vCPU 2 meets the entry that vCPU 1 has broken, early in a window which post-patch does not have.
    const met = () =>
      new Trace(header("pre-patch"))
        .fault(0, 1, BLOCK * 512, 1, 3)
        .fault(100, 1, BLOCK * 512 + 4096, 101, 900, BLOCK)
        .add(110, 1, "s2_break", ',"level":2')
        .add(890, 1, "s2_install", ',"level":2')
        .add(700, 2, "kvm_guest_fault", `,"ipa":"0x${(BLOCK * 512 + 8192).toString(16)}","hsr":"0x92000006"`)
        .add(
          901,
          2,
          "s2_map",
          `,"pgt":"0x1","addr":"0x${(BLOCK * 512).toString(16)}","size":"0x200000","phys":"0x0","prot":"0x6"`,
        )
        .add(902, 2, "s2_map_ret", ',"ret":-11')
        .add(903, 2, "kvm_entry")
        .fault(1400, 2, ALONE, 1401, 1403);
    const saved = await shiftOf("pre-patch", met());
    expect(saved).toBeLessThan(-200);
    expect(await shiftOf("pre-patch", met().off(2, "R+", 750, 800))).toBeCloseTo(saved + 50, 3);
    expect(await shiftOf("pre-patch", met().off(2, "D", 750, 800))).toBeCloseTo(saved, 3);
  });

  it("a barrier moves what is slept for with all the rest", async () => {
    const marked = () => working("v5.10").add(300, 7, "marker", ',"text":"x"');
    const shift = await shiftOf("v5.10", marked());
    expect(Math.abs(shift)).toBeGreaterThan(1);
    expect(await shiftOf("v5.10", marked().off(1, "S", 400, 1300))).toBe(shift);
  });
});

describe("a recording of four vCPUs on two CPUs", { timeout: 120_000 }, () => {
  const file = join(import.meta.dirname, "../../traces/6.1.192-sched-4v-2cpu.ndjson.gz");

  it("keeps the laws: a walker that does nothing else changes nothing", async () => {
    const outcomes = await lawsOf({ file, walker: "v6.1", header: undefined });
    expect(outcomes.filter(({ is }) => is !== "kept")).toEqual([]);
  });

  it("shows nearly half of what passes beyond own time off the CPU", async () => {
    const { lockWaitNs, offCpuNs, explainedRatio } = await selfReplayTrace({ input: file, lenient: false });
    const { preempted, slept } = offCpuNs as { preempted: number; slept: number };
    expect((preempted + slept) / lockWaitNs.recorded).toBeCloseTo(0.468, 3);
    expect(explainedRatio).toBeCloseTo((lockWaitNs.replayed + preempted + slept) / lockWaitNs.recorded, 6);
  });
});
