import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { renderText as render, renderMarkdown } from "../report/published.js";
import { compareTrace, diffTrace } from "./diff.js";
import { compareSchema } from "./result.js";
import { traceText } from "./trace-text.test.support.js";

const input = fileURLToPath(
  new URL("../../fixtures/second-vcpu-inside-the-window/trace.ndjson", import.meta.url),
);
const options = { input, lenient: false };

it("law: a side is what it is in a diff, whatever stands beside it", async () => {
  const compared = await compareTrace({
    ...options,
    strategies: ["v6.12", "pre-patch", "post-patch", "v6.1"],
  });
  expect(compareSchema.parse(compared)).toEqual(compared);
  const [newest, pre, post, old] = compared.sides;
  const diff = await diffTrace({ ...options, base: "pre-patch", candidate: "post-patch" });
  const other = await diffTrace({ ...options, base: "v6.1", candidate: "v6.12" });
  expect([pre!.result, post!.result]).toEqual([diff.base, diff.candidate]);
  expect([old!.result, newest!.result]).toEqual([other.base, other.candidate]);
  expect([pre!.recordedRatio, post!.recordedRatio]).toEqual(Object.values(diff.timing));
  expect(compared.epochs.map(({ sides }) => sides[1])).toEqual(diff.epochs.map(({ base }) => base));
  expect(compared.selfReplay).toEqual(diff.selfReplay);
});

it("sets every strategy against the first", async () => {
  const compared = await compareTrace({
    ...options,
    strategies: ["pre-patch", "post-patch+clean", "post-patch"],
  });
  const { sides } = compared;
  const median = render(compared, { color: false })
    .split("\n")
    .find((line) => line.startsWith("  median"))!;
  const shown = median.trim().split(/\s{2,}/);
  const change = (side: number): string => {
    const [base, own] = [sides[0]!.result.windows.p50Ns, sides[side]!.result.windows.p50Ns];
    return `${((100 * (own - base)) / base).toFixed(1)} %`;
  };
  expect(shown).toHaveLength(6);
  expect([shown[3], shown[5]]).toEqual([change(1), `${change(2)}!`]);
  expect(renderMarkdown(compared)).toContain("| pre-patch | post-patch+clean |  | post-patch |  |");
});

it("refuses a strategy named twice, and an empty list", async () => {
  await expect(compareTrace({ ...options, strategies: ["v6.1", "v6.1"] })).rejects.toThrow(
    "v6.1 is named twice",
  );
  await expect(compareTrace({ ...options, strategies: [] })).rejects.toThrow(
    "expected at least one strategy",
  );
});

it("refuses two walkers of the same name", async () => {
  const folder = mkdtempSync(join(tmpdir(), "s2replay-compare-"));
  const walker = (file: string, of: string) => {
    const path = join(folder, file);
    const strategies = new URL("../../dist/strategy/index.js", import.meta.url);
    writeFileSync(
      path,
      `import { strategyByName } from "${strategies}";\nexport default { ...strategyByName("${of}"), name: "mine" };\n`,
    );
    return path;
  };
  const [base, candidate] = [walker("old.mjs", "pre-patch"), walker("new.mjs", "post-patch")];
  await expect(diffTrace({ ...options, base, candidate })).rejects.toThrow('both call themselves "mine"');
  rmSync(folder, { recursive: true });
});

it.each([
  ["coalesce-of-a-sparse-1-gib-block", { epochGapNs: 1e6 }, "pre-patch", "v6.12"],
  ["logging-switched-on-during-a-coalesce", { recording: { pcpus: 1 } }, "v5.10", "post-patch"],
] as const)(
  "law: epochs are paired with themselves even if nothing happens in them on one side: %s",
  async (name, more, a, b) => {
    const fixture = fileURLToPath(new URL(`../../fixtures/${name}/trace.ndjson`, import.meta.url));
    const diff = (base: string, candidate: string) =>
      diffTrace({ input: fixture, lenient: false, recording: { walker: a }, ...more, base, candidate });
    const [there, back] = [await diff(a, b), await diff(b, a)];
    expect(there.epochs.some(({ base, candidate }) => base.faults !== candidate.faults)).toBe(true);
    expect(back.epochs.map(({ label, base, candidate }) => [label, candidate, base])).toEqual(
      there.epochs.map(({ label, base, candidate }) => [label, base, candidate]),
    );
  },
);

it("an access that waits for a split that never comes continues when nothing else is left, on another machine too", async () => {
  // The first map splits the block that its abort met; events are lost while the second abort is under way.
  const text = traceText(
    { ia_bits: 48 },
    `100000 101 kvm_guest_fault {"ipa":"0xffffffa00000","hsr":"0x9200004e","hxfar":"0xc0000000"}
     17861000 101 s2_map {"pgt":"0xa000","addr":"0xffffffb21000","size":"0x1000","phys":"0x52121000","prot":"0x4"}
     17873000 101 s2_map_ret {"ret":0}
     17938000 101 kvm_guest_fault {"ipa":"0xffffffb22000","hsr":"0x92000007","hxfar":"0xc0122000"}
     17954000 101 lost_events {"count":3}
     17954000 101 s2_map {"pgt":"0xa000","addr":"0xffffffb22000","size":"0x1000","phys":"0x52122000","prot":"0x4"}
     17966000 101 s2_map_ret {"ret":0}`,
  );
  const folder = mkdtempSync(join(tmpdir(), "s2replay-ahead-"));
  const file = join(folder, "trace.ndjson");
  writeFileSync(file, text);
  const { base } = await diffTrace({
    input: file,
    lenient: false,
    base: "v7.2",
    candidate: "v6.12",
    whatIf: { pcpus: 1 },
  }).finally(() => rmSync(folder, { recursive: true }));
  expect(base.faults.total).toBe(2);
});
