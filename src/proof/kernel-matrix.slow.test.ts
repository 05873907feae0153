/** Predictions across kernels: what is printed is what diff gives, and errors are counted from the measured range. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { diffTrace } from "../compare/diff.js";
import { errorOf } from "../compare/range.js";
import { UsageError } from "../errors.js";
import { kernelMatrix } from "./kernel-matrix.js";
import { recordingsIn, shippedRecordings, walkerOf } from "./kernel-recordings.js";

const SLOW = { timeout: 120_000 };
const traces = join(import.meta.dirname, "../../traces");
const folder = mkdtempSync(join(tmpdir(), "s2replay-kernels-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the error of a prediction", () => {
  const range = { mean: 100, median: 100, least: 90, most: 110, runs: 3, from: "figures" } as const;

  it.each([
    [100, 0],
    [90, 0],
    [110, 0],
    [121, 0.1],
    [81, -0.1],
  ])("%i, where 90 to 110 was measured: %f", (value, error) => {
    expect(errorOf(value, range)).toBeCloseTo(error, 12);
  });

  it("is none where nothing but 0 was measured", () => {
    expect(errorOf(1, { least: 0, most: 0 })).toBeNull();
    expect(errorOf(0, { least: 0, most: 0 })).toBe(0);
  });
});

describe("the shipped recordings", () => {
  const set = shippedRecordings(traces);

  it("are all taken, and each has measured figures", () => {
    const listed = readFileSync(join(traces, "README.md"), "utf8").match(/^\| \S+\.ndjson\.(gz|zst)/gm) ?? [];
    expect(set.recordings).toHaveLength(listed.length);
    for (const { kernel, scenario } of set.recordings)
      expect(
        set.measured.filter((run) => run.kernel === kernel && run.scenario === scenario).length,
        `${kernel} ${scenario}`,
      ).toBeGreaterThan(0);
  });

  it("are predicted as diff predicts them, strict pairs first", SLOW, async () => {
    const scenario = "h2m-1v";
    const recordings = set.recordings.filter((one) => one.scenario === scenario);
    const predictions = await kernelMatrix({ recordings, measured: set.measured });
    // Two recordings, each predicting the other and itself, and five kernels that only figures are shipped of.
    expect(predictions.map(({ isStrictPair }) => isStrictPair)).toEqual([
      true,
      true,
      ...Array<boolean>(12).fill(false),
    ]);
    expect(predictions.map(({ from, to }) => from === to)).toEqual([
      false,
      false,
      true,
      true,
      ...Array<boolean>(10).fill(false),
    ]);
    for (const { from, walker, figures, causes } of predictions) {
      const { file } = recordings.find(({ kernel }) => kernel === from) as { file: string };
      const { candidate, epochs } = await diffTrace({
        input: file,
        lenient: false,
        base: walkerOf(from),
        candidate: walker,
        epoch: "ADJUST",
        slot: 1,
      });
      expect(figures.adjustNs.predicted).toBe(epochs[0]?.candidate.makespanNs);
      expect(figures.faults.predicted).toBe(candidate.faults.total);
      expect(figures.windowP50Ns.predicted).toBe(candidate.windows.p50Ns);
      expect(figures.windowMaxNs.predicted).toBe(candidate.windows.maxNs);
      expect(figures.windowTotalNs.predicted).toBe(candidate.windows.totalNs);
      expect(figures.lockWaitNs.predicted).toBe(candidate.costNs.lockWait);
      expect(Object.values(causes.predicted).reduce((a, b) => a + b, 0)).toBe(candidate.faults.total);
    }
  });

  it(
    "an rwlock is taken past its queue: 6.1 is predicted with two faults a block, not four",
    SLOW,
    async () => {
      const recordings = set.recordings.filter(
        ({ kernel, scenario }) => kernel === "5.10.262-prepatch" && scenario === "h2m-4v",
      );
      const predictions = await kernelMatrix({ recordings, measured: set.measured });
      const to61 = predictions.find(({ to }) => to === "6.1.192");
      for (const figure of ["adjustNs", "faults"] as const)
        expect(Math.abs(to61?.figures[figure].error as number), figure).toBeLessThan(0.05);
      const toPostpatch = predictions.find(({ to }) => to === "5.10.262-postpatch");
      expect(toPostpatch?.figures.faults.predicted).toBe(128);
    },
  );
});

describe("a folder of recordings", () => {
  it("leaves out what predicts nothing", () => {
    for (const path of ["6.1.192/h2m-4v/1", "6.1.192/h2m-4v-deep/1", "6.12.117/fwb-h2m-4v/2"]) {
      mkdirSync(join(folder, path), { recursive: true });
      writeFileSync(join(folder, path, "trace.dat"), "");
    }
    writeFileSync(
      join(folder, "figures.csv"),
      "kernel,scenario,run,adjust_faults,adjust_s,break_to_install_us_p50,break_to_install_us_max\n6.1.192,h2m-4v,1,66,0.007,,\n",
    );
    const { recordings, measured } = recordingsIn(folder);
    expect(recordings.map(({ kernel, scenario, run }) => `${kernel} ${scenario} ${run}`)).toEqual([
      "6.1.192 h2m-4v 1",
      "6.12.117 fwb-h2m-4v 2",
    ]);
    expect(recordings.map(({ header }) => [header?.walker, header?.fwb])).toEqual([
      ["v6.1", false],
      ["v6.12", true],
    ]);
    expect(measured).toEqual([
      {
        kernel: "6.1.192",
        scenario: "h2m-4v",
        faults: 66,
        adjustNs: 7e6,
        windowP50Ns: Number.NaN,
        windowMaxNs: Number.NaN,
      },
    ]);
  });

  it.each([
    ["no folder", "none/such", /cannot be read \(ENOENT\)/],
    ["nothing in it", "6.1.192/h2m-4v/1", /no KERNEL\/SCENARIO\/RUN/],
  ])("%s is refused", (_what, path, message) => {
    expect(() => recordingsIn(join(folder, path))).toThrow(UsageError);
    expect(() => recordingsIn(join(folder, path))).toThrow(message);
  });

  it("a kernel of no known walker is refused", () => {
    expect(() => walkerOf("4.19.1")).toThrow(UsageError);
  });
});
