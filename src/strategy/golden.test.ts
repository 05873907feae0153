import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type GoldenLine, GoldenRun } from "./golden-run.js";
import { strategies } from "./index.js";
import type { Strategy } from "./strategy.js";

interface Recorded extends Partial<GoldenLine> {
  readonly s: string;
  readonly op: string;
  readonly en: number;
  /** On a scenario's first line. */
  readonly cfg?: { readonly ver: string; readonly fwb: number; readonly range: number; readonly ipa: number };
}

const lines = gunzipSync(readFileSync(new URL("../../fixtures/golden/subset.ndjson.gz", import.meta.url)))
  .toString()
  .trimEnd()
  .split("\n")
  .map((text): Recorded => JSON.parse(text));

const fields = [
  "ret",
  "ev",
  "live",
  "rsum",
  "rc",
  "lv",
  "level",
  "pte",
  "valid",
  "phys",
  "prot",
  "leaves",
] as const satisfies (keyof GoldenLine)[];

interface Scenario {
  readonly name: string;
  readonly version: string;
  readonly header: string;
  readonly lines: Recorded[];
}

const scenarios: Scenario[] = [];
for (const line of lines) {
  if (line.cfg !== undefined) {
    const { ver, fwb, range, ipa } = line.cfg;
    const header = `S ${line.s} fwb=${fwb} range=${range} ipa=${ipa}`;
    scenarios.push({ name: line.s, version: ver, header, lines: [] });
  }
  scenarios.at(-1)!.lines.push(line);
}

const modelled = strategies.filter((strategy): strategy is Strategy & { golden: string } => {
  return scenarios.some(({ version }) => version === strategy.golden);
});

describe.each(modelled)("$name does what the kernel's walker did", (strategy) => {
  const own = scenarios.filter((scenario) => scenario.version === strategy.golden);
  test.each(own)("$name", ({ header, lines }) => {
    const run = new GoldenRun(strategy, header);
    for (const recorded of lines) {
      const done = recorded.cfg === undefined ? run.operation(recorded.op) : run.init();
      const { op, en, win, n } = recorded;
      expect(done.ev.length, op).toBe(en);
      expect(done.win, op).toEqual(win);
      expect(done.n, op).toEqual(n);
      // A field that is absent, or null for a long list of events, says nothing.
      for (const field of fields)
        if (recorded[field] !== undefined && recorded[field] !== null)
          expect(done[field], `${op}: ${field}`).toEqual(recorded[field]);
    }
  });
});

/** The events of a scenario's coalesce, as one short word each. */
function coalesceOf(name: string): string {
  const strategy = strategies.find((each) => each.name === name)!;
  const run = new GoldenRun(strategy, "S basic fwb=0 range=0");
  run.operation("map 0x40000000 0x3000 0x1040000000 rwx");
  return run
    .operation("map 0x40000000 0x200000 0x1040000000 rwx")
    .ev.map((event) => {
      const [kind, a, b, , , oldPte, newPte] = event;
      if (kind === "pre" || kind === "post") return `${kind}-L${a}`;
      if (kind === "leaf") return `leaf*${event[4]}`;
      if (kind === "st") return `${a}:${oldPte}>${newPte}`;
      if (kind === "dc" || kind === "ic") return `${kind}:${b}`;
      if (kind === "get" || kind === "put" || kind === "fp") return `${kind}-p${a}`;
      return String(kind);
    })
    .join(" ");
}

// The table in the golden README, step by step: three of 512 pages mapped, no FWB.
describe("the order of the basic 2 MiB coalesce", () => {
  const leaves = "leaf*1 put-p4 leaf*1 put-p4 leaf*1 put-p4 leaf*509";

  test("pre-patch: the block comes last, behind teardown and clean", () => {
    expect(coalesceOf("pre-patch")).toBe(
      `pre-L1 pre-L2 w:0x7e0000004003>0x7e0000004002 tlbi_vmid ${leaves} ` +
        "post-L2 fp-p4 free put-p3 dc:0x200000 rel:0x7e0000004002>0x10400007fd get-p3 post-L1 dsb",
    );
  });
  test("post-patch: the block comes right after the flush", () => {
    expect(coalesceOf("post-patch")).toBe(
      `pre-L1 pre-L2 w:0x7e0000004003>0x7e0000004002 tlbi_vmid rel:0x7e0000004002>0x10400007fd ${leaves} ` +
        "post-L2 fp-p4 free post-L1 dsb",
    );
  });
  test("v6.1: the block comes behind teardown, clean and I-cache, but before the frees", () => {
    expect(coalesceOf("v6.1")).toBe(
      `pre-L1 pre-L2 w:0x7e0000004003>0x0 tlbi_vmid ${leaves} ` +
        "post-L2 dc:0x200000 ic:0x200000 rel:0x0>0x10400007fd get-p3 put-p4 free put-p3 post-L1 dsb",
    );
  });
});
