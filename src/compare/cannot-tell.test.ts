/** Where a result does not tell what it seems to, it says so itself. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { diffTrace } from "./diff.js";
import { faultFields, firstTouch, mapFields, traceText } from "./trace-text.test.support.js";

const scratch = mkdtempSync(join(tmpdir(), "s2replay-cannot-tell-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A coalesce of which 230 us are walk and tear-down; behind the install under post-patch, inside the window before. */
const coalesce = (ns: number, block: number) => `
  ${ns} 101 s2_abort
  ${ns + 500} 101 kvm_guest_fault ${faultFields(block, 3)}
  ${ns + 2000} 101 s2_map ${mapFields(block, 0x20_0000)}
  ${ns + 2100} 101 s2_break
  ${ns + 2200} 101 tlb_vmid {"mmu":"0xb000"}
  ${ns + 3000} 101 tlb_vmid_ret
  ${ns + 233_000} 101 s2_install
  ${ns + 235_000} 101 s2_map_ret {"ret":0}
  ${ns + 236_000} 101 s2_abort_ret {"ret":1}`;

/** Another vCPU meets the window that began at `ns`, and waits for the lock until it is over. */
const meets = (ns: number, afterNs: number, block: number) => `
  ${ns + afterNs} 102 s2_abort
  ${ns + afterNs + 500} 102 kvm_guest_fault ${faultFields(block + 0x1000, 2)}
  ${ns + 236_000} 102 s2_map ${mapFields(block, 0x20_0000)}
  ${ns + 236_700} 102 s2_map_ret {"ret":-11}
  ${ns + 237_000} 102 s2_abort_ret {"ret":1}`;

/** The other vCPU comes so long after each of the leader's aborts. */
async function reasons(afterNs: readonly number[]): Promise<string> {
  const lines = afterNs.flatMap((ns, n) => {
    const block = 0x4000_0000 + n * 0x20_0000;
    const at = 1_000_000 + n * 300_000;
    return [firstTouch(10_000 + n * 10_000, 102, block + 0x1000), coalesce(at, block), meets(at, ns, block)];
  });
  const file = join(scratch, `${afterNs.join("-")}.ndjson`);
  // With FWB nothing is cleaned: the order is all that the two differ by.
  writeFileSync(file, traceText({ walker: "pre-patch", fwb: true }, lines.join("\n")));
  const { verdict, candidate } = await diffTrace({
    input: file,
    lenient: false,
    base: "pre-patch",
    candidate: "post-patch",
  });
  expect(candidate.faults.avoided).toBeGreaterThan(0);
  return verdict!.reasons.join("; ");
}

it("does not tell where saved waits put a vCPU just ahead of windows that it met in the record", async () => {
  // The first window is over before it comes: it saves its wait, and is ahead from then on.
  expect(await reasons([100_000, 6_000, 6_000, 6_000])).toMatch(
    /3 of 12 recorded faults would go through just before the window/,
  );
});

it("tells where the vCPU still comes after each window", async () => {
  expect(await reasons([100_000])).not.toMatch(/just before the window/);
});
