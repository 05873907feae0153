import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { recordingsSheet } from "../report/recordings.js";
import { render as renderText } from "../report/terminal.js";
import { replayTrace } from "./diff.js";
import { resultOfDocument } from "./documents.js";
import { figurePaths, numberAt } from "./figures.js";
import { besideEachOther, compareRecordings } from "./recordings.js";
import { sampleReplayRun } from "./result.test.data.js";
import { recordingsSchema } from "./result-recordings.js";
import type { SeenSlot, TraceResult } from "./trace-result.js";

const traceOf = (name: string) =>
  fileURLToPath(new URL(`../../traces/5.10.262-${name}.ndjson.gz`, import.meta.url));
const prepatch = traceOf("prepatch-h2m-1v");
const postpatch = traceOf("postpatch-h2m-1v");

interface RunChange {
  readonly adjustNs?: number;
  readonly labels?: readonly string[];
  readonly lostEvents?: number;
  readonly vcpus?: number;
  readonly slots?: readonly SeenSlot[];
}

/** A recording of one epoch or more, each of the same time. */
function run({
  adjustNs = 100,
  labels = ["ADJUST"],
  lostEvents = 0,
  vcpus = 4,
  slots = [],
}: RunChange): TraceResult {
  const result = resultOfDocument(sampleReplayRun());
  const [side] = result.sides;
  return {
    ...result,
    trace: { ...result.trace, lostEvents, vcpus },
    epochs: labels.map((label) => ({ label, startNs: 0 })),
    sides: [{ ...side!, epochs: labels.map(() => ({ makespanNs: adjustNs, faults: 10 })) }],
    memslots: slots,
  };
}

const runs = (...times: number[]) => times.map((adjustNs) => run({ adjustNs }));

describe("the verdict", () => {
  it.each([
    ["gain", runs(10, 11, 12, 13), runs(6, 7, 8, 9)],
    ["loss", runs(6, 7, 8, 9), runs(10, 11, 12, 13)],
    ["no significant change", runs(6, 7, 8, 11), runs(9, 10, 12, 13)],
    ["no significant change", runs(6, 7, 8), runs(8, 9, 10)],
    ["does not tell", runs(6, 7, 8), runs(9, 10, 11)],
    ["does not tell", runs(6), runs(5)],
    ["no significant change", runs(6), runs(6)],
  ])("%s", (outcome, before, after) => {
    const result = besideEachOther({ before, after });
    expect(result.verdict).toMatchObject({ outcome, change: { epoch: "ADJUST" } });
    expect(renderText(recordingsSheet(result), { color: false })).toMatch(
      new RegExp(`^verdict +${outcome}: ADJUST takes`),
    );
  });

  it("claims no significance of fewer than four runs a side, and says what their ranges do", () => {
    const few = (before: TraceResult[], after: TraceResult[]) =>
      renderText(recordingsSheet(besideEachOther({ before, after })), { color: false }).replace(/\s+/g, " ");
    expect(few(runs(6, 7, 8), runs(9, 10, 11))).toContain("their ranges lie apart");
    expect(few(runs(6, 7, 8), runs(8, 10, 11))).toContain("(the ranges overlap)");
    expect(few(runs(6), runs(5))).toContain("one run a side shows no significant change");
    expect(few(runs(6, 7, 8), runs(9, 10, 11))).not.toMatch(/p=/);
  });

  it("is about what changes significantly before what merely changes most, and names the others", () => {
    const of = (createNs: number, adjustNs: number): TraceResult => {
      const result = run({ labels: ["CREATE", "UPDATE", "ADJUST"] });
      const epochs = [createNs, adjustNs / 10, adjustNs].map((makespanNs) => ({ makespanNs, faults: 1 }));
      return { ...result, sides: [{ ...result.sides[0]!, epochs }] };
    };
    const result = besideEachOther({
      before: [of(1000, 50), of(5000, 51), of(6000, 52), of(9000, 53)],
      after: [of(500, 40), of(2000, 41), of(3000, 42), of(8000, 43)],
    });
    expect(result.verdict).toMatchObject({ outcome: "gain", change: { epoch: "ADJUST" } });
    const [heading = ""] = renderText(recordingsSheet(result), { color: false }).split("\nbefore");
    expect(heading.replace(/\s+/g, " ")).toContain("; besides, UPDATE -19.4 % (p=0.029 n=4+4)");
  });
});

describe("what is unlike", () => {
  const reasonsOf = (before: RunChange, after: RunChange) =>
    besideEachOther({ before: [run(before)], after: [run(after)] }).verdict.reasons;

  it("is named as the reason why the change does not tell", () => {
    expect(reasonsOf({}, { vcpus: 2 })).toEqual([
      "the sides have not the same number of vCPUs: 4 before, 2 after",
    ]);
    expect(reasonsOf({}, { lostEvents: 3 })).toEqual([
      expect.stringMatching(/^after is lossy: .* lost 3 events/),
    ]);
    const [reason] = reasonsOf(
      { slots: [{ slot: 1, bytes: 2 ** 26 }] },
      { slots: [{ slot: 1, bytes: 2 ** 30 }] },
    );
    expect(reason).toBe("the sides have not the same memslots: slot 1 of 64M before, slot 1 of 1G after");
    const lossy = besideEachOther({
      before: [...runs(1, 2, 3), run({ lostEvents: 1 })],
      after: runs(300, 400, 500, 600),
    });
    expect(lossy.verdict).toMatchObject({ outcome: "does not tell", change: { significant: true } });
    expect(lossy.caveats.map(({ code }) => code)).toContain("lossy-before");
  });

  it("is refused where the slot that is asked for is other memory, or no epochs can be paired", () => {
    const [before, after] = [2 ** 26, 2 ** 30].map((bytes) => [run({ slots: [{ slot: 1, bytes }] })]);
    const sides = { before: before!, after: after! };
    expect(() => besideEachOther(sides, { slot: 1 })).toThrow(/^--slot 1: is not the same memory in both/);
    expect(besideEachOther(sides, { slot: 0 }).verdict.reasons).toEqual([]);
    expect(() =>
      besideEachOther({ before: [run({ labels: ["A"] })], after: [run({ labels: ["B", "C"] })] }),
    ).toThrow(/^no epoch is common to the recordings/);
  });

  it("an epoch that one side alone has is named and not shown", () => {
    const { epochs, caveats } = besideEachOther({
      before: [run({ labels: ["CREATE", "ADJUST"] })],
      after: [run({ labels: ["ADJUST"] })],
    });
    expect(epochs.map(({ label }) => label)).toEqual(["ADJUST"]);
    expect(caveats.find(({ code }) => code === "epoch-apart")!.text).toMatch(
      /^epoch CREATE .* only before has it$/,
    );
  });
});

describe("recordings", () => {
  const options = { lenient: false, slot: 1, epoch: "ADJUST", threads: 1 };
  const side = (...inputs: string[]) => ({ inputs });

  it("law: a recording against itself shows nothing", async () => {
    const result = await compareRecordings({ ...options, before: side(prepatch), after: side(prepatch) });
    expect(recordingsSchema.parse(result)).toEqual(result);
    expect(result.verdict.outcome).toBe("no significant change");
    for (const compared of Object.values(result.figures)) expect(compared.change).toBe(0);
  });

  it("law: a side is the record, which is the replay under the walker that recorded it", async () => {
    const result = await compareRecordings({ ...options, before: side(prepatch), after: side(postpatch) });
    for (const [input, strategy, of] of [
      [prepatch, "pre-patch", "before"],
      [postpatch, "post-patch", "after"],
    ] as const) {
      const replayed = await replayTrace({ ...options, input, strategy });
      for (const path of figurePaths(replayed.result)) {
        expect(result.figures[path]![of].median).toBe(numberAt(replayed.result, path));
        expect(result.figures[path]![of].kind).toBe(replayed.figures![`result.${path}`]!.kind);
      }
      expect(result.epochs[0]!.makespanNs[of].median).toBe(replayed.epochs[0]!.makespanNs);
    }
    expect(result.verdict).toMatchObject({ unsafe: true, change: { before: { kind: "recorded" } } });
  });

  it("refuses a run that is named twice on one side, and a side without runs", async () => {
    const twice = compareRecordings({ ...options, before: side(prepatch, prepatch), after: side(postpatch) });
    await expect(twice).rejects.toThrow(/is named twice on one side/);
    await expect(compareRecordings({ ...options, before: side(), after: side(postpatch) })).rejects.toThrow(
      /expected a recording at least/,
    );
  });

  it("refuses a recording of which nothing says which walker recorded it", async () => {
    const nameless = fileURLToPath(
      new URL("../../fixtures/coalesce-of-a-full-table/trace.ndjson", import.meta.url),
    );
    await expect(
      compareRecordings({ lenient: false, threads: 1, before: side(nameless), after: side(prepatch) }),
    ).rejects.toThrow(/--walker NAME tells/);
  });
});
