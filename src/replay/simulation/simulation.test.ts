/** What a simulation counts where only a part of it is asked for. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { diffTrace } from "../../compare/diff.js";

const input = join(import.meta.dirname, "../../../fixtures/two-vms-interleaved/trace.ndjson");

/** Time of all epochs, of one VM or of all, with enough CPUs or with one. */
async function makespanNs(pcpus: number, vm?: string): Promise<number> {
  const { base } = await diffTrace({
    input,
    lenient: false,
    base: "pre-patch",
    candidate: "post-patch",
    whatIf: { pcpus },
    ...(vm === undefined ? {} : { vm }),
  });
  return base.makespanNs;
}

it.each([1, 64])("with %i CPUs the makespan of one VM does not include the other", async (pcpus) => {
  const whole = await makespanNs(pcpus);
  for (const vm of ["0xa000", "0xb000"]) expect(await makespanNs(pcpus, vm)).toBeLessThan(whole);
  // The one has three vCPUs at work, and a coalesce; the other one populates memory, and is done.
  expect(await makespanNs(pcpus, "0xb000")).toBeLessThan(await makespanNs(pcpus, "0xa000"));
});
