/** What of the shipped recordings is taken for a cost, and what is not. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CostSample } from "../cost/cost-sample.js";
import { openTrace } from "../import/open-trace.js";
import { strategyByName } from "../strategy/index.js";
import { CostRecorder } from "./cost-recorder.js";

const traces = join(import.meta.dirname, "../../traces");

async function sampleOf(name: string): Promise<CostSample> {
  const source = await openTrace(join(traces, `${name}.ndjson.gz`), { lenient: false });
  const { walker, ia_bits, fwb, pcpus } = source.header!;
  const stage2 = { granuleBytes: 4096, iaBits: ia_bits!, fwb: fwb! };
  const recorder = new CostRecorder(
    source.name,
    strategyByName(walker!)!,
    stage2,
    pcpus === 1,
    source.strings,
  );
  for await (const batch of source.batches()) recorder.consume(batch);
  return recorder.finish();
}

const prepatch = sampleOf("5.10.262-prepatch-h2m-4v");
const fittedOf = (sample: CostSample, kind: string) => sample.kinds.get(kind)?.fitted ?? [];

describe("a coalesce", () => {
  it("has its work, with its flush and the lines at the window's edges counted separately", async () => {
    const sample = await prepatch;
    const coalesces = fittedOf(sample, "coalesce 2 MiB");
    expect(coalesces.length).toBeGreaterThan(20);
    for (const { ns, apartNs, edgeLines, counts } of coalesces) {
      expect(counts).toMatchObject({ mapFixedNs: 1, entryVisitNs: 518, tableFreeNs: 1, cleanLineNs: 32768 });
      expect(counts.tlbiVmidNs).toBeUndefined();
      expect(edgeLines).toBe(2);
      // traces/README.md: the flush, and the window of 192.6 us around it.
      expect(apartNs).toBeGreaterThan(3000);
      expect(apartNs).toBeLessThan(5000);
      expect(ns).toBeGreaterThan(190_000);
    }
    expect(sample.direct("tlbiVmidNs").count).toBe(31);
  });

  it("whose subtree was filled while nothing was recorded is left out", async () => {
    const sample = await sampleOf("5.10.262-prepatch-h1g-4v");
    expect([...sample.kinds.keys()].filter((kind) => /coalesce|unmap/.test(kind))).toEqual([]);
    expect(sample.leftOut).toBeGreaterThan(0);
  });
});

describe("a sample", () => {
  it("does not grow with the trace: of each kind it keeps at most 256 to fit and 256 to test", async () => {
    const unchanged = (await prepatch).kinds.get("unchanged 4 KiB")!;
    expect(unchanged.fitted).toHaveLength(256);
    expect(unchanged.heldOut).toHaveLength(256);
  });

  it("holds no duration that includes another thread's turn", async () => {
    // A turn of the shared CPU is some microseconds; the figures agree with what is alone to about one.
    const installs = fittedOf(await prepatch, "install 4 KiB").map(({ ns }) => ns);
    const sorted = installs.sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length * 0.9)]! - sorted[0]!).toBeLessThan(1000);
  });

  it("takes the fault path's clean from handlers, and does not take the zeroing of a new block for one", async () => {
    const sample = await sampleOf("5.10.262-vanilla-h2m-4v");
    const before = fittedOf(sample, "before a map of 4 KiB");
    expect(before[0]!.counts).toEqual({ handlerNs: 1, cleanLineNs: 64 });
    expect(sample.kinds.has("before a map of 2 MiB")).toBe(false);
    expect((await prepatch).kinds.has("before a map of 4 KiB")).toBe(false);
  });
});
