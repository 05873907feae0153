/** A self-replay lists each fault that it did not match, and its sums are those of the list. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { mismatchReasons } from "../replay/mismatch.js";
import { render } from "../report/self-replay.js";
import { type SelfReplayResult, selfReplaySchema } from "./result-self-replay.js";
import { selfReplayTrace } from "./self-replay.js";

const SLOW = { timeout: 120_000 };
const root = join(import.meta.dirname, "../..");
const trace = (name: string) => join(root, "traces", `${name}.ndjson.gz`);

describe.each(["6.1.192-h2m-4v", "5.10.262-prepatch-h1g-4v", "5.10.262-postpatch-h2m-1v"])(
  "%s",
  SLOW,
  (name) => {
    const replayed = selfReplayTrace({ input: trace(name), lenient: false });

    it("holds to its schema", async () => {
      expect(selfReplaySchema.parse(await replayed)).toEqual(await replayed);
    });

    it("lists what it counts, whole and by epoch", async () => {
      const { byEpoch, mismatches, byReason, ...whole } = await replayed;
      const sums = (list: SelfReplayResult["mismatches"]) =>
        Object.fromEntries(
          (["corrected", "missing", "extra"] as const).map((verdict) => [
            verdict,
            list.reduce((sum, one) => sum + one[verdict], 0),
          ]),
        );
      expect(whole).toMatchObject(sums(mismatches));
      for (const epoch of byEpoch)
        expect(epoch).toMatchObject(sums(mismatches.filter((one) => one.epoch === epoch.label)));
      for (const reason of Object.keys(mismatchReasons) as (keyof typeof mismatchReasons)[])
        expect(mismatches.filter((one) => one.reason === reason)).toHaveLength(byReason[reason] ?? 0);
      expect(whole.matched + whole.corrected + whole.missing).toBe(whole.recordedFaults);
    });

    it("keeps the epochs' makespans", async () => {
      for (const { makespanNs } of (await replayed).byEpoch)
        expect(Math.abs(makespanNs.replayed / makespanNs.recorded - 1)).toBeLessThan(0.02);
    });

    it("prints each reason with its count", async () => {
      const text = render(await replayed);
      for (const [reason, count] of Object.entries((await replayed).byReason))
        expect(text).toContain(`\n${count} ${reason}: `);
    });
  },
);

describe("what was recorded otherwise", () => {
  const folder = mkdtempSync(join(tmpdir(), "s2replay-self-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Self-replay of a fixture's trace after a change to its lines. */
  const replayed = (fixture: string, change: (lines: string[]) => string[], walker?: string) => {
    const lines = readFileSync(join(root, "fixtures", fixture, "trace.ndjson"), "utf8")
      .trim()
      .split("\n");
    const input = join(folder, `${fixture}.ndjson`);
    writeFileSync(input, `${change(lines).join("\n")}\n`);
    return selfReplayTrace({
      input,
      lenient: false,
      ...(walker === undefined ? {} : { recording: { walker } }),
    });
  };

  it("a block that is installed earlier lets later laps through", async () => {
    const { matched, missing, byReason } = await replayed("laps-as-recorded", (lines) =>
      lines
        .map((line) =>
          line.replace('"ts_ns":1541500', '"ts_ns":1200000').replace('"ts_ns":1542000', '"ts_ns":1200500'),
        )
        .sort((a, b) => timeOf(a) - timeOf(b)),
    );
    // The lap that the record has 100 us after the block may have been tried right after the one before it; the next not.
    expect({ matched, missing, byReason }).toEqual({
      matched: 5,
      missing: 1,
      byReason: { accessEarlier: 1, lapFree: 1 },
    });
  });

  it("a trace of an unknown walker is refused", async () => {
    const headless = ([, ...events]: string[]) => events;
    await expect(replayed("two-epochs", headless)).rejects.toThrow(UsageError);
    expect((await replayed("two-epochs", headless, "v6.1")).strategy).toBe("v6.1");
  });
});

/** The header comes first. */
function timeOf(line: string): number {
  return (JSON.parse(line) as { ts_ns?: number }).ts_ns ?? -1;
}
