import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 60_000 });

const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const trace = fileURLToPath(new URL("../../traces/5.10.262-prepatch-h2m-1v.ndjson.gz", import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-fixture-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("s2replay fixture new", () => {
  it("cuts one epoch out of a recording, and check passes it", () => {
    const made = run("fixture", "new", "adjust", "--from", trace, "--epoch", "ADJUST", "--rebase");
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(made.stdout).toMatch(/^fixtures\/adjust: 33 episodes in \d+ lines\. /);
    const text = readFileSync(join(folder, "fixtures/adjust/trace.ndjson"), "utf8");
    expect(text).not.toMatch(/kvm_page_table_|0xffff00|vcpu_pc/);
    expect(run("check")).toMatchObject({ status: 0, stderr: "" });
    const again = run("fixture", "new", "adjust", "--from", trace);
    expect(again.stderr).toBe("s2replay: fixtures/adjust: is there already, and is left as it is\n");
  });

  it.each([
    [["--epoch", "ADJSUT"], 'no epoch "ADJSUT" (did you mean "ADJUST"?)'],
    [["--vm", "x"], 'no VM "x"'],
    [["--between", "2"], "--between: expected T1,T2 in seconds"],
    [["--between", "2,1"], "--between: expected T1,T2 with T1 < T2"],
  ])("%j", (args, problem) => {
    const { status, stderr } = run("fixture", "new", "x", "--from", trace, ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(problem);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("s2replay shrink", () => {
  const coalesce = "base.faults.byCause.coalesceTrigger >= 1 and base.faults.byCause.loggingWrite >= 1";

  it("writes a fixture of the least that keeps a condition", () => {
    const { status, stdout } = run("shrink", trace, "--keep", coalesce, "-o", "least");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^least: 2 of 8,338 episodes, in \d+ replays\n$/);
    expect(run("check", "least")).toMatchObject({ status: 0, stderr: "" });
  });

  it("refuses a misspelt condition before it reads the trace", () => {
    const { status, stderr } = run("shrink", "nowhere.ndjson", "--keep", "base.fualts.total > 1");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^s2replay: --keep: column 1: unknown path "base.fualts.total" \(did you mean/);
  });

  it("interrupted, writes the best so far", async () => {
    const child = spawn(process.execPath, [program, "shrink", trace, "--keep", coalesce, "-o", "best"], {
      cwd: folder,
    });
    let printed = "";
    child.stdout.on("data", (data) => {
      printed += data;
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    // The first try begins when its folder is there; before that ^C ends the program, and nothing is written.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    child.kill("SIGINT");
    const status = await ended;
    if (status === 0) {
      expect(printed).toMatch(/^best: [\d,]+ of 8,338 episodes, (interrupted after|in) \d+ replays?\n$/);
      expect(existsSync(join(folder, "best/expected.json"))).toBe(true);
    } else expect(existsSync(join(folder, "best"))).toBe(false);
  });
});
