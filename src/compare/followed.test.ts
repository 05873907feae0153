/** A vCPU that caught up with one that coalesces, by hand: it does not come first where that one is held up. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { diffTrace } from "./diff.js";
import { faultFields, firstTouch, mapFields, traceText } from "./trace-text.test.support.js";

const scratch = mkdtempSync(join(tmpdir(), "s2replay-followed-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const IPA = 0x4000_0000;
const BLOCK = 0x20_0000;
const blockAt = (n: number) => IPA + n * BLOCK;

/** A fault at `at` on the block's second page: its map runs from `from`, for 10 us, and the guest goes on 1 us later. */
function fault(at: number, thread: number, block: number, from: number, ret: number): string {
  const to = from + (ret === 0 ? 10_000 : 1000);
  return `${at} ${thread} s2_abort
   ${at + 500} ${thread} kvm_guest_fault ${faultFields(blockAt(block) + 0x1000, 3)}
   ${from} ${thread} s2_map ${mapFields(blockAt(block), BLOCK)}
   ${to} ${thread} s2_map_ret {"ret":${ret}}
   ${to + 1000} ${thread} s2_abort_ret {"ret":1}`;
}

/** vCPU 101 coalesces blocks; 102 is 1 us behind it at the first and at the last, and loses both races. */
async function replayed(coalesced: readonly number[]) {
  const pages = coalesced.map((block, n) => firstTouch(10_000 * n + 1000, 101, blockAt(block)));
  const last = coalesced.length - 1;
  const faults = coalesced.map((block, n) => {
    const at = 100_000 * (n + 1);
    const first = fault(at, 101, block, at + 2000, 0);
    return n === 0 || n === last ? `${first}\n${fault(at + 1000, 102, block, at + 12_500, -11)}` : first;
  });
  const input = join(scratch, "trace.ndjson");
  writeFileSync(input, traceText({ walker: "post-patch" }, [...pages, ...faults].join("\n")));
  const { base, candidate } = await diffTrace({
    input,
    lenient: false,
    base: "post-patch",
    candidate: "pre-patch",
  });
  return [base, candidate].map(({ faults: { byCause } }) => byCause);
}

it("at the next block it is as late as the leader, as it waited for the first clean too", async () => {
  const [, prePatch] = await replayed([0, 1]);
  expect(prePatch).toMatchObject({ coalesceTrigger: 2, lostRace: 2, brokenWindow: 0 });
});

it("at a later block it is as late as the leader that cleaned the ones between", async () => {
  const [postPatch, prePatch] = await replayed([0, 1, 2, 3]);
  expect(postPatch).toMatchObject({ coalesceTrigger: 4, lostRace: 2, brokenWindow: 0 });
  expect(prePatch).toEqual(postPatch);
});
