import { describe, expect, it } from "vitest";
import { type DiffResult, diffSchema } from "../compare/result.js";
import { sampleDiff, sampleReplayRun } from "../compare/result.test.data.js";
import { renderText as render, renderJson, renderMarkdown } from "./published.js";
import { formatBytes, formatChange, formatCount, formatNs, formatRelative, formatShare } from "./quantity.js";

const text = (result: Parameters<typeof render>[0]) => render(result, { color: false });
const lineOf = (output: string, start: string) => output.split("\n").find((line) => line.startsWith(start));
const changed = (change: (diff: DiffResult) => void) => {
  const diff = sampleDiff();
  change(diff);
  return diff;
};

describe("quantities", () => {
  it.each([
    [0, "0 ns"],
    [999, "999 ns"],
    [1000, "1.00 us"],
    [4430, "4.43 us"],
    [9994, "9.99 us"],
    [9996, "10.0 us"],
    [60_400, "60.4 us"],
    [192_600, "192.6 us"],
    [999_949, "999.9 us"],
    [999_960, "1.00 ms"],
    [7_880_000, "7.88 ms"],
    [59_999_999_999, "60.0 s"],
    [7_200_000_000_000, "7200.0 s"],
  ])("%i ns is %s", (ns, expected) => {
    expect(formatNs(ns)).toBe(expected);
  });

  it("counts, bytes and changes", () => {
    expect(formatCount(1_048_576)).toBe("1,048,576");
    expect(formatCount(128)).toBe("128");
    expect(formatBytes(67_108_864)).toBe("64.0 MiB");
    expect(formatBytes(64)).toBe("64 B");
    expect(formatChange(-4_530_000, "ns")).toBe("-4.53 ms");
    expect(formatChange(0, "ns")).toBe("0");
  });

  it.each([
    [128, 125, "-2.3 %"],
    [0, 5, "new"],
    [0, 0, "0 %"],
    [5, 0, "-100.0 %"],
    [100_000, 1, "->99.9 %"],
    [100_000, 100_001, "+<0.1 %"],
    [1, 500, "+49,900 %"],
  ])("%i to %i is %s", (base, candidate, expected) => {
    expect(formatRelative(base, candidate)).toBe(expected);
  });

  it("a share is never rounded to none or all", () => {
    expect([0, 0.001, 0.5, 0.999, 1].map(formatShare)).toEqual(["0 %", "<1 %", "50 %", ">99 %", "100 %"]);
  });
});

describe("terminal", () => {
  it("is the layout of the README", async () => {
    await expect(text(sampleDiff())).toMatchFileSnapshot("__snapshots__/diff.txt");
    await expect(text(sampleReplayRun())).toMatchFileSnapshot("__snapshots__/replay.txt");
  });

  it("fits 100 columns and leaves no blanks at line ends", () => {
    for (const line of text(sampleDiff()).split("\n")) {
      expect(line.length).toBeLessThanOrEqual(100);
      expect(line).not.toMatch(/\s$/);
    }
  });

  it("colours only when told to", () => {
    expect(text(sampleDiff())).not.toContain("\u001b");
    expect(render(sampleDiff(), { color: true })).toContain("\u001b");
  });

  it("shows a rare cause only where it occurred, on either side; the causes shown sum to the total", () => {
    expect(lineOf(text(sampleDiff()), "  relax")).toBeUndefined();
    const diff = changed((d) => {
      d.candidate.faults.byCause.relax = 3;
      d.candidate.faults.byCause.lostRace -= 3;
    });
    const output = text(diff);
    expect(lineOf(output, "  relax")).toMatch(/ 0 +~3 +\+3 +new$/);
    const causes = output
      .slice(output.indexOf("faults  "), output.indexOf("of these"))
      .split("\n")
      .slice(1, -1);
    const totals = [0, 1].map((i) => causes.reduce((sum, l) => sum + Number(l.match(/\d+/g)![i]), 0));
    expect(totals).toEqual([diff.base.faults.total, diff.candidate.faults.total]);
  });

  it("says `at least` only of a lower bound", () => {
    expect(lineOf(text(sampleDiff()), "  added")).toMatch(/ 0 +at least 1$/);
    const exact = changed((d) => {
      d.figures!["candidate.faults.added"] = { kind: "exact" };
    });
    expect(lineOf(text(exact), "  added")).toMatch(/ 0 +1$/);
  });

  it("says how far the draws reach, the farther of the two ends", () => {
    const drawn = changed((d) => {
      d.figures!["candidate.windows.p50Ns"] = {
        kind: "modelled",
        interval: { low: 4_430 * 0.98, median: 4_430, high: 4_430 * 1.05 },
      };
    });
    expect(lineOf(text(drawn), "  median")).toMatch(/ 192\.6 us +~4\.43 us ±5\.0 % /);
  });

  it("marks what is modelled, and names the profile", () => {
    const output = text(sampleDiff());
    expect(lineOf(output, "guest stall")).toMatch(/ 21\.4 ms +~8\.96 ms/);
    expect(output).toMatch(/what is marked ~ is modelled,\s+times with profile kunpeng920 \(15 of its 18/);
    const recorded = text(sampleReplayRun());
    expect(recorded).not.toContain("~");
    expect(recorded).not.toContain("kunpeng920");
  });

  it("speaks of losses in the first lines", () => {
    const lossy = changed((d) => {
      d.trace.lostEvents = 1234;
      d.trace.incompleteEpisodes = 1;
      d.trace.skipped = 3;
      d.trace.skippedByReason = { "not JSON": 2, "ipa: unaligned": 1 };
    });
    expect(text(lossy).split("\n").slice(0, 3)).toEqual([
      "warning      lossy trace: the ring buffer lost 1,234 events",
      "             1 incomplete episode",
      "             3 lines skipped (not JSON: 2; ipa: unaligned: 1)",
    ]);
  });

  it("says when the recording walker is unknown", () => {
    const unknown = changed((d) => {
      d.selfReplay = null;
      d.trace.recordedUnder = null;
      d.trace.kernel = null;
    });
    expect(text(unknown)).toContain("self-replay  not possible: it is not known");
    expect(text(unknown)).toContain("kernel unknown, recording walker unknown");
  });

  it("prints what a trace says, never obeys it", () => {
    const hostile = changed((d) => {
      d.trace.source = "a\u001b[2Jb\u202e.ndjson";
      d.epochs[0]!.label = "x\ny".repeat(40);
    });
    const output = text(hostile);
    expect(output).toContain("a\\u001b[2Jb\\u202e.ndjson");
    expect(output).not.toContain("\u001b");
    expect(output).toContain("  x\\u000ayx");
    for (const line of output.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
});

describe("markdown", () => {
  it("is one table with the same rows", async () => {
    await expect(renderMarkdown(sampleDiff())).toMatchFileSnapshot("__snapshots__/diff.md.txt");
    const widths = renderMarkdown(sampleDiff())
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .map((line) => line.split(" | ").length);
    expect(new Set(widths)).toEqual(new Set([5]));
  });

  it("escapes markup in a trace's own text", () => {
    const hostile = changed((d) => {
      d.trace.source = "a|b<img src=x>`c`[d](e)";
    });
    expect(renderMarkdown(hostile)).toContain("a\\|b&lt;img src=x\\>\\`c\\`\\[d\\](e)");
  });
});

describe("json", () => {
  it("gives back the result", () => {
    expect(diffSchema.parse(JSON.parse(renderJson(sampleDiff())))).toEqual(sampleDiff());
  });
});
