import { expect, it } from "vitest";
import { diffTrace, replayTrace } from "./diff.js";

const of = (name: string) => ({ input: `traces/${name}.ndjson.gz`, lenient: false });
const small = { input: "fixtures/abort-printed-after-the-window/trace.ndjson", lenient: false };

it("the base defaults to the recording walker, the candidate against pre-patch to post-patch", async () => {
  const { base, candidate } = await diffTrace(of("5.10.262-prepatch-h2m-1v"));
  expect([base.strategy, candidate.strategy]).toEqual(["pre-patch", "post-patch"]);
  const other = await diffTrace({ ...of("6.1.192-h2m-4v"), candidate: "v6.12" });
  expect([other.base.strategy, other.candidate.strategy]).toEqual(["v6.1", "v6.12"]);
});

it("against any other base the candidate must be named", async () => {
  await expect(diffTrace({ ...small, base: "v6.1" })).rejects.toThrow(
    /^--candidate: expected what v6.1 is to be compared with: pre-patch, post-patch, /,
  );
});

it("a kernel release is the strategy that stands for it, and the result says which", async () => {
  const { candidate, caveats } = await diffTrace({ ...small, candidate: "v6.6" });
  expect(candidate.strategy).toBe("v6.12");
  expect(caveats).toContainEqual({ code: "stands-for", text: "v6.12 stands for v6.6: the same walker" });
  const named = await replayTrace({ ...small, strategy: "v6.12" });
  expect(named.caveats.map(({ code }) => code)).not.toContain("stands-for");
});

it.each([
  ["v5.4", "v5.10"],
  ["v9.1", "v7.2"],
])("what no strategy stands for is refused, with the nearest one: %s", async (strategy, nearest) => {
  await expect(replayTrace({ ...small, strategy })).rejects.toThrow(
    `no strategy stands for kernel ${strategy}: the nearest is ${nearest}`,
  );
});
