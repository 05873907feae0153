import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it, vi } from "vitest";
import { predictionSchema } from "../compare/result-prediction.js";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 60_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const cwd = fileURLToPath(new URL("../../traces", import.meta.url));
const [prepatch, postpatch] = ["prepatch", "postpatch"].map((name) => `5.10.262-${name}-h2m-1v.ndjson.gz`);

function run(...args: (string | undefined)[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "validate", ...args.map(String)], {
    cwd,
    encoding: "utf8",
    input: "",
  });
  return { status, stdout, stderr };
}

const against = [prepatch, "--against", postpatch, "--candidate", "post-patch"];

it("--against holds a prediction against a recording, and --fail-on asks of it", () => {
  const { status, stdout, stderr } = run(
    ...against,
    "--slot",
    "1",
    "--format",
    "json",
    "--fail-on",
    "verdict.unsafe",
  );
  expect([status, stderr]).toEqual([1, "s2replay: --fail-on holds: verdict.unsafe\n"]);
  const result = predictionSchema.parse(JSON.parse(stdout));
  expect(result.epochs.map(({ label }) => label)).toContain("ADJUST");
  expect(result.before.runs[0]!.source).toBe(prepatch);
  expect(result.after.strategy).toBe("post-patch");
});

it("takes several runs a side, and the operands of an option end at the next one", () => {
  const { status, stdout } = run(
    ...[prepatch, postpatch, "--against", postpatch, prepatch, "--candidate", "post-patch"],
    ...["--epoch", "ADJUST", "--columns", "predicted,error"],
  );
  expect(status).toBe(0);
  expect(stdout).toMatch(/^before +2 runs/m);
  expect(stdout).toMatch(/^after +2 runs/m);
  expect(stdout).toMatch(/\n +predicted +error\n/);
});

it.each([
  [[prepatch, "--against", postpatch], "--candidate: expected the strategy that the kernel of --against ran"],
  [[prepatch, postpatch], `unexpected argument "${postpatch}": several traces need --against`],
  [[prepatch, "--candidate", "v6.1"], "--candidate: needs --against"],
  [[prepatch, "--format", "markdown"], "--format: expected text or json: markdown needs --against"],
  [[prepatch, "--epoch", "ADJUST"], "--epoch: needs --self-replay or --against"],
  [[...against, "--self-replay"], "--against and --self-replay exclude each other"],
  [["-", ...against.slice(1)], "-: expected files: no recording can come from standard input here"],
  [[...against, "--candidate", "v61"], 'no strategy named "v61" (did you mean "v6.1"?)'],
  [[...against, "--epoch", "NONE"], 'before: no epoch "NONE"'],
  [[...against, "--fail-on", "verdict.eopch"], "--fail-on"],
  [[prepatch, "--against", "nowhere.dat", "--candidate", "post-patch"], "nowhere.dat"],
])("%j ends with status 2", (args, message) => {
  const { status, stdout, stderr } = run(...args);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(message);
});
