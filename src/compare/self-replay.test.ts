/** A self-replay lists each fault that it did not match, and its sums are those of the list. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
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

it("a trace of an unknown walker is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "s2replay-self-"));
  try {
    const [, ...events] = readFileSync(join(root, "fixtures/two-epochs/trace.ndjson"), "utf8").split("\n");
    const input = join(folder, "headless.ndjson");
    writeFileSync(input, events.join("\n"));
    await expect(selfReplayTrace({ input, lenient: false })).rejects.toThrow(UsageError);
    expect((await selfReplayTrace({ input, lenient: false, recordedUnder: "v6.1" })).strategy).toBe("v6.1");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
