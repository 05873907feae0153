import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseCheck } from "../fixture/check-result.js";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 60_000 });

const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-check-"));
  for (const name of ["hole", "lost-race"])
    cpSync(join(fixtures, name), join(folder, "fixtures", name), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...extra };
  for (const name of ["CI", "NO_COLOR", "FORCE_COLOR", "GITHUB_STEP_SUMMARY"])
    if (!(name in extra)) delete env[name];
  return env;
}

function check(args: readonly string[], extra: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "check", ...args], {
    cwd: folder,
    encoding: "utf8",
    env: environment(extra),
  });
  return { status, stdout, stderr };
}

const expectedFile = () => join(folder, "fixtures/hole/expected.json");

function breakHole(): void {
  const text = readFileSync(expectedFile(), "utf8");
  writeFileSync(
    expectedFile(),
    text.replace('"base.faults.byCause.hole": 2', '"base.faults.byCause.hole": 3'),
  );
}

describe("s2replay check", () => {
  it("passes, a line each", () => {
    const { status, stdout, stderr } = check([]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^ok {2}hole {7}\d+ hold$/m);
    expect(stdout).toMatch(/\n2 passed, 0 failed\n$/);
  });

  it("fails with the figure and the faults behind it", () => {
    breakHole();
    const { status, stdout } = check([]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}hole {7}base\.faults\.byCause\.hole +3 +2 {2}-1 \(-33\.3 %\)$/m);
    expect(stdout).toContain("0x40005000: translation fault, level 3, hole, at ");
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/);
  });

  it("is in trouble where there are none, or one cannot be read", () => {
    expect(check(["nowhere"])).toEqual({
      status: 2,
      stdout: "",
      stderr: "s2replay: nowhere: no such folder\n",
    });
    writeFileSync(expectedFile(), "{");
    const { status, stderr } = check([]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^s2replay: fixtures\/hole\/expected.json: not JSON/);
  });

  it("--update writes the figure that moved, and never in CI", () => {
    const before = readFileSync(expectedFile(), "utf8");
    breakHole();
    expect(check(["--update"], { CI: "true" })).toMatchObject({ status: 2, stdout: "" });
    const { status, stderr } = check(["--update"]);
    expect(status).toBe(0);
    expect(stderr).toContain("fixtures/hole/expected.json: base.faults.byCause.hole: 3 -> 2 -1 (-33.3 %)");
    expect(readFileSync(expectedFile(), "utf8")).toBe(before);
  });

  it("--format github annotates the line and adds a summary", () => {
    breakHole();
    const summary = join(folder, "summary.md");
    const { stdout } = check(["--format", "github"], { GITHUB_STEP_SUMMARY: summary });
    const line = readFileSync(expectedFile(), "utf8")
      .split("\n")
      .findIndex((text) => text.includes("base.faults.byCause.hole"));
    expect(stdout).toContain(
      `::error file=fixtures/hole/expected.json,line=${line + 1},title=hole%3A base.faults.byCause.hole::expected 3, got 2: -1 (-33.3 %25)%0A`,
    );
    expect(readFileSync(summary, "utf8")).toContain(
      "| :x: | hole | base.faults.byCause.hole | 3 | 2 | -1 (-33.3 %) |",
    );
  });

  it("--format junit is XML with one failure", () => {
    breakHole();
    const { stdout } = check(["--format", "junit"]);
    expect(stdout).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites tests="2" failures="1"/);
    expect(stdout).toContain('<failure message="base.faults.byCause.hole: expected 3, got 2, -1 (-33.3 %)">');
  });

  it("--baseline shows old against new", () => {
    const { stdout } = check(["--format", "json"]);
    const result = parseCheck(JSON.parse(stdout), "-");
    result.fixtures[0]!.figures["candidate.makespanNs"]! -= 1000;
    writeFileSync(join(folder, "old.json"), JSON.stringify(result));
    const compared = check(["--baseline", "old.json"]);
    expect(compared.stdout).toMatch(/^hole {5}candidate\.makespanNs +[\d,]+ +[\d,]+ {2}\+1,000 \(/m);
    expect(compared.status).toBe(0);
  });

  it("--strategy holds a walker against the one that it derives from", () => {
    writeFileSync(
      join(folder, "mine.js"),
      'export default ({ strategyByName }) => ({ ...strategyByName("post-patch"), name: "mine" });\n',
    );
    expect(check(["--strategy", "./mine.js", "--like", "post-patch"])).toMatchObject({
      status: 0,
      stderr: "",
    });
    const { stdout } = check(["--strategy", "./mine.js", "--like", "v6.12"]);
    expect(stdout).toContain("hole       expects nothing of v6.12");
  });

  it("--watch runs again when a fixture changes", async () => {
    const child = spawn(process.execPath, [program, "check", "--watch"], { cwd: folder, env: environment() });
    let seen = "";
    child.stdout.on("data", (data) => {
      seen += data;
    });
    child.stderr.on("data", (data) => {
      seen += data;
    });
    const until = (text: string) => vi.waitUntil(() => seen.includes(text), { timeout: 30_000 });
    try {
      await until("watching");
      expect(seen).toContain("2 passed, 0 failed");
      seen = "";
      breakHole();
      await until("watching");
      expect(seen).toContain("1 passed, 1 failed");
    } finally {
      child.kill("SIGINT");
    }
  });
});
