import { expect, it } from "vitest";
import { compareTrace, diffTrace, replayTrace, sampleDiff } from "./diff.js";
import { documentOf, resultOfDocument } from "./documents.js";

const input = "fixtures/abort-printed-after-the-window/trace.ndjson";
const lenient = false;

it("law: a document tells all of the result that it was made of", async () => {
  const options = { input, lenient, base: "pre-patch", candidate: "post-patch", ablate: ["clean"] as const };
  const diff = await diffTrace(options);
  for (const document of [
    diff,
    await sampleDiff(diff, options, { count: 2, seed: 1, threads: 1 }),
    await compareTrace({ input, lenient, strategies: ["pre-patch", "v6.1", "v6.12"], sanitize: true }),
    await replayTrace({ input, lenient, strategy: "v6.1" }),
  ])
    expect(documentOf(resultOfDocument(document))).toEqual(document);
});
