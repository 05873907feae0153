import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { compareTrace, diffTrace, replayTrace } from "./diff.js";
import { numberAt } from "./figures.js";
import type { DiffResult, FigureKind } from "./result.js";

const of = (name: string) => `traces/5.10.262-${name}.ndjson.gz`;
const sides = { base: "pre-patch", candidate: "post-patch", lenient: false };

/** Every path at which the document holds a replay's number. */
function paths(document: object, at = ""): string[] {
  return Object.entries(document).flatMap(([key, part]: [string, unknown]) => {
    const path = at === "" ? key : `${at}.${key}`;
    if (typeof part === "number") return [path];
    return typeof part === "object" && part !== null ? paths(part, path) : [];
  });
}

const isFigure = (path: string) =>
  /^(base|candidate|result|sides\.\d+\.result)\./.test(path) ||
  /^epochs\..*\.(makespanNs|faults)$/.test(path);

it("law: each number of each side has its kind, and nothing else has one", async () => {
  const input = of("prepatch-h2m-1v");
  for (const result of [
    await diffTrace({ input, ...sides }),
    await replayTrace({ input, strategy: "pre-patch", lenient: false }),
    await compareTrace({ input, strategies: ["pre-patch", "v6.1", "v6.12"], lenient: false }),
  ]) {
    const { figures, ...rest } = result;
    expect(Object.keys(figures!).sort()).toEqual(paths(rest).filter(isFigure).sort());
    for (const path of Object.keys(figures!)) expect(numberAt(rest, path)).toBeTypeOf("number");
  }
});

const kindOf =
  ({ figures }: DiffResult) =>
  (path: string): FigureKind =>
    figures![path]!.kind;

it("recording walker: what the trace has is recorded, what follows from it is exact, waits are modelled", async () => {
  const kind = kindOf(await diffTrace({ input: of("prepatch-h2m-1v"), ...sides }));
  for (const path of ["faults.total", "windows.count", "windows.p50Ns", "costNs.clean", "mmioAborts"])
    expect([path, kind(`base.${path}`)]).toEqual([path, "recorded"]);
  for (const path of ["ops.pagesPut", "faults.byCause.hole"])
    expect([path, kind(`base.${path}`)]).toEqual([path, "exact"]);
  for (const path of ["costNs.lockWait", "costNs.exit", "stallNs.total"])
    expect([path, kind(`base.${path}`)]).toEqual([path, "modelled"]);
});

it("law: what is called recorded is what the trace's own lines say", async () => {
  const input = of("prepatch-h2m-4v");
  const result = await diffTrace({ input, ...sides });
  const windows: number[] = [];
  let brokenAt = Number.NaN;
  for (const line of gunzipSync(readFileSync(input)).toString().trim().split("\n")) {
    const { event, ts } = JSON.parse(line) as { event: string; ts: number };
    if (event === "s2_break") brokenAt = ts;
    if (event === "s2_install") windows.push(Math.round((ts - brokenAt) * 1e9));
  }
  expect(kindOf(result)("base.windows.totalNs")).toBe("recorded");
  expect(windows).toHaveLength(32);
  expect(result.base.windows.totalNs).toBe(windows.reduce((sum, ns) => sum + ns, 0));
  expect(result.base.windows.maxNs).toBe(Math.max(...windows));
});

it("law: a bound holds: the walker's own recording has as many faults, or more", async () => {
  const result = await diffTrace({ input: of("prepatch-h2m-1v"), ...sides });
  expect(kindOf(result)("candidate.faults.total")).toBe("at least");
  const measured = await replayTrace({
    input: of("postpatch-h2m-1v"),
    strategy: "post-patch",
    lenient: false,
  });
  expect(measured.figures!["result.faults.total"]!.kind).toBe("recorded");
  expect(measured.result.faults.total).toBeGreaterThanOrEqual(result.candidate.faults.total);
});

const adjust = { input: "fixtures/recorded-adjust-of-5.10-prepatch/trace.ndjson", ...sides };

it("faults added by vCPUs that share the lock have no bound", async () => {
  expect(kindOf(await diffTrace(adjust))("candidate.faults.added")).toBe("at least");
  expect(kindOf(await diffTrace({ ...adjust, candidate: "v6.12" }))("candidate.faults.added")).toBe(
    "modelled",
  );
});

it("on other CPUs than recorded nothing is the record", async () => {
  const there = kindOf(await diffTrace({ ...adjust, whatIf: { pcpus: 2 } }));
  for (const path of ["faults.total", "windows.p50Ns", "windows.count", "makespanNs", "ops.pagesPut"])
    expect([path, there(`base.${path}`)]).toEqual([path, "modelled"]);
});
