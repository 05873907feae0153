import { expect, it } from "vitest";
import { resultOfDocument } from "../../compare/documents.js";
import type { DiffResult } from "../../compare/result.js";
import { sampleDiff, sampleReplayRun } from "../../compare/result.test.data.js";
import { html, scriptJson } from "./markup.js";
import { verdictOf } from "./verdict.js";

const changed = (change: (diff: DiffResult) => void) => {
  const diff = sampleDiff();
  change(diff);
  return verdictOf(resultOfDocument(diff));
};

it("names the epoch whose time changes most, faults and windows", () => {
  expect(verdictOf(resultOfDocument(sampleDiff()))).toMatchInlineSnapshot(
    `"ADJUST takes ~3.35 ms under post-patch, 57.5 % less than the 7.88 ms under pre-patch; faults fall from 128 to ~125; 32 windows, 192.6 us at the median, then ~4.43 us."`,
  );
  expect(verdictOf(resultOfDocument(sampleReplayRun()))).toMatchInlineSnapshot(
    `"Under pre-patch 128 faults stall the guest for 21.4 ms; 32 windows, the longest 201.0 us."`,
  );
});

it("law: figures carry their marks: a bound says so, and what is modelled is marked", () => {
  const bound = changed(({ figures }) => {
    figures!["candidate.faults.total"] = { kind: "at least" };
  });
  expect(bound).toContain("to at least 125;");
  const recorded = changed(({ figures, timing }) => {
    timing.candidateRecordedRatio = 1;
    for (const figure of Object.values(figures!)) figure.kind = "recorded";
  });
  expect(recorded).not.toMatch(/~|at least/);
});

it("law: text in markup stays text", () => {
  const hostile = `</script><img src=x onerror="alert('1')">&\u0007`;
  expect(html`<p title="${hostile}">${[html`<b>${hostile}</b>`]}${1}</p>`.text).toBe(
    '<p title="&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;\\u0007">' +
      "<b>&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;\\u0007</b>1</p>",
  );
  expect(scriptJson({ hostile }).text).not.toMatch(/[<>&]/);
  expect(JSON.parse(scriptJson({ hostile }).text)).toEqual({ hostile });
});
