/** What the trace tells of durations is told to the simulation as it is to the sides that keep to the record. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { diffTrace } from "../../compare/diff.js";
import { faultFields, firstTouch, mapFields, traceText } from "../../compare/trace-text.test.support.js";

const IPA = 0x40000000;
const BLOCK = 2 ** 21;
const TEARDOWN_NS = 47_000;

const folder = mkdtempSync(join(tmpdir(), "s2replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A coalesce that leaves its table to somebody else, and how long that took. */
const deferred = traceText(
  { walker: "v6.12", pcpus: 1, lock_wait: "sleep" },
  `${firstTouch(1000, 101, IPA)}
   20000 101 s2_abort
   20500 101 kvm_guest_fault ${faultFields(IPA + 0x1000, 3)}
   23000 101 s2_map ${mapFields(IPA, BLOCK)}
   26000 101 s2_map_ret {"ret":0}
   27000 101 s2_abort_ret {"ret":1}
   30000 101 s2_teardown {"pgt":"0xa000","addr":"0x40000000"}
   ${30_000 + TEARDOWN_NS} 101 s2_teardown_ret
   ${firstTouch(90_000, 101, IPA + 2 * BLOCK)}`,
);

it("a simulated walker that tears tables down itself takes as long as a deferred tear-down in the trace", async () => {
  const input = join(folder, "deferred.ndjson");
  writeFileSync(input, deferred);
  const { base, candidate } = await diffTrace({
    input,
    lenient: false,
    base: "v6.12",
    candidate: "pre-patch",
  });
  expect(base.costNs.teardown).toBe(0);
  expect(candidate.costNs.teardown).toBe(TEARDOWN_NS);
});
