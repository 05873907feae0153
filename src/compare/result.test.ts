import { describe, expect, it } from "vitest";
import { diffSchema, jsonSchemaOf, replaySchema } from "./result.js";
import { sampleDiff, sampleReplayRun } from "./result.test.data.js";

describe("schemas", () => {
  it("accept the samples", () => {
    expect(diffSchema.parse(sampleDiff())).toEqual(sampleDiff());
    expect(replaySchema.parse(sampleReplayRun())).toEqual(sampleReplayRun());
  });

  it.each([
    ["a fraction of a fault", (d: ReturnType<typeof sampleDiff>) => (d.base.faults.total = 0.5)],
    ["a negative count", (d: ReturnType<typeof sampleDiff>) => (d.candidate.ops.pagesPut = -1)],
    ["a fraction of a nanosecond", (d: ReturnType<typeof sampleDiff>) => (d.base.stallNs.p50 = 1.5)],
    ["a ratio over 1", (d: ReturnType<typeof sampleDiff>) => (d.timing.baseRecordedRatio = 1.01)],
  ])("refuse %s", (_name, change) => {
    const diff = sampleDiff();
    change(diff);
    expect(diffSchema.safeParse(diff).success).toBe(false);
  });

  it("accept null where the recording walker is unknown", () => {
    expect(diffSchema.safeParse({ ...sampleDiff(), selfReplay: null }).success).toBe(true);
  });
});

describe("published JSON Schema", () => {
  it("names the version and requires every field", () => {
    const schema = jsonSchemaOf(diffSchema);
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "s2replay-diff/1",
      properties: { schema: { const: "s2replay-diff/1" } },
    });
    // What came within the major version is not in documents of before.
    expect(schema.required).toEqual(
      Object.keys(sampleDiff()).filter((key) => key !== "figures" && key !== "verdict"),
    );
  });

  it("allows fields of a later minor version", () => {
    expect(JSON.stringify(jsonSchemaOf(replaySchema))).not.toContain('"additionalProperties":false');
  });
});
