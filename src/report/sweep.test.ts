import { describe, expect, it } from "vitest";
import { resultOfDocument } from "../compare/documents.js";
import { sampleDiff } from "../compare/result.test.data.js";
import type { SweepPoint } from "../compare/result-sweep.js";
import type { SweepResult } from "../compare/sweep.js";
import { renderMarkdown, renderText } from "./sweep.js";
import { renderCsv } from "./sweep-rows.js";

function point(clean: number, mode: string, changeNs: number): SweepPoint {
  const side = { strategy: "a|b", makespanNs: 4_000_000, stallNs: 5, faults: 7, recordedRatio: 0.5 };
  return {
    schema: "s2replay-sweep/1",
    parameters: { clean, mode },
    epoch: null,
    base: side,
    candidate: { ...side, strategy: "c", makespanNs: 4_000_000 + changeNs, recordedRatio: 1 },
    change: { makespanNs: changeNs, makespanRatio: changeNs / 4_000_000, stallNs: 0, faults: 0 },
    caveats: ["x", "y"],
  };
}

const result: SweepResult = {
  input: "trace.ndjson",
  axes: [
    { name: "clean", unit: "ratio", values: [0, 0.5] },
    { name: "mode", unit: "text", values: ['say "hi", twice'] },
  ],
  points: [point(0, 'say "hi", twice', -1_000_000), point(0.5, "<b>", 2_000_000)],
  first: resultOfDocument(sampleDiff()),
  oneSelfReplay: false,
  caveats: [
    { code: "x", text: "of all", points: 2 },
    { code: "y", text: "of some", points: 1 },
  ],
};

describe("a sweep as text", () => {
  it("marks what was modelled, and says where a caveat does not hold everywhere", () => {
    const text = renderText(result, { color: false });
    const rows = text.split("\n").map((row) => row.trim().split(/ {2,}/));
    expect(rows).toContainEqual([
      "0%",
      'say "hi", twice',
      "~4.00 ms",
      "3.00 ms",
      "-1.00 ms",
      "-25.0 %",
      "7",
      "7",
      "0",
    ]);
    expect(rows).toContainEqual(["50%", "<b>", "~4.00 ms", "6.00 ms", "+2.00 ms", "+50.0 %", "7", "7", "0"]);
    expect(text).toMatch(/note: of all\nnote: of some \(at 1 of 2 points\)\n$/);
    expect(text).toContain("self-replay  differs; at the first point:\n");
  });

  it("colours a gain green and a loss red", () => {
    const text = renderText(result, { color: true });
    expect(text).toContain("\u001b[32m-25.0 %\u001b[39m");
    expect(text).toContain("\u001b[31m+50.0 %\u001b[39m");
  });

  it("markdown has a cell for each, and nothing in it becomes markup", () => {
    const lines = renderMarkdown(result).split("\n");
    const table = lines.filter((line) => line.startsWith("|"));
    expect(table).toHaveLength(4);
    for (const line of table) expect(line.replaceAll("\\|", "").split("|")).toHaveLength(2 + 2 + 7);
    expect(table[0]).toContain("whole trace: a\\|b");
    expect(table[3]).toContain("&lt;b\\>");
  });
});

it("csv quotes what needs it", () => {
  const [head, first, second] = renderCsv(result).split("\r\n");
  expect(head).toMatch(/^clean,mode,epoch,base,candidate,/);
  expect(first).toBe('0,"say ""hi"", twice",,a|b,c,4000000,3000000,-1000000,-0.25,5,5,0,7,7,0,0.5,1,x y');
  expect(second).toMatch(/^0\.5,<b>,,a\|b,c,4000000,6000000,2000000,0\.5,/);
});
