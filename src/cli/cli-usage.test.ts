import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { strategies } from "../strategy/index.js";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 60_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const env: NodeJS.ProcessEnv = { ...process.env, LANG: "de_DE.UTF-8" };
  for (const name of ["NO_COLOR", "FORCE_COLOR", "S2REPLAY_DEBUG"]) delete env[name];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    env,
  });
  return { status, stdout, stderr };
}

describe("help and version", () => {
  it("--help lists every command", () => {
    const { status, stdout, stderr } = run("--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const command of [
      "diff",
      "compare",
      "sweep",
      "replay",
      "calibrate",
      "walk",
      "workload",
      "validate",
      "check",
      "fixture",
      "shrink",
      "record",
      "import",
      "export",
      "strategies",
      "schema",
      "completion",
    ]) {
      expect(stdout).toMatch(new RegExp(`^  s2replay ${command}\\b`, "m"));
    }
  });

  it.each([
    "diff",
    "compare",
    "sweep",
    "replay",
    "calibrate",
    "walk",
    "validate",
    "record",
    "import",
    "export",
    "strategies",
    "schema",
    "completion",
  ])("%s --help has examples", (command) => {
    const { status, stdout } = run(command, "--help");
    expect(status).toBe(0);
    expect(stdout).toContain("Examples:\n");
  });

  it("--version is the package's", () => {
    const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    expect(run("--version")).toEqual({ status: 0, stdout: `${JSON.parse(manifest).version}\n`, stderr: "" });
  });
});

describe("a wrong command line ends with status 2 and one line on stderr", () => {
  it.each<[string[], string]>([
    [[], "expected a command; see s2replay --help"],
    [["dif", "x"], 'unknown command "dif" (did you mean "diff"?); see s2replay --help'],
    [["frobnicate"], 'unknown command "frobnicate"; see s2replay --help'],
    [["diff"], "expected a trace; see s2replay diff --help"],
    [["diff", "a", "b", "c"], 'unexpected argument "c"; see s2replay diff --help'],
    [
      ["diff", "a", "--formt", "json"],
      'unknown option --formt (did you mean "--format"?); see s2replay diff --help',
    ],
    [["diff", "a", "-x"], "unknown option -x; see s2replay diff --help"],
    [
      ["diff", "a", "--format", "xml"],
      '--format: expected one of "text", "json", "markdown", got "xml"; see s2replay diff --help',
    ],
    [["diff", "a", "--profile"], "--profile: expected a value; see s2replay diff --help"],
    [
      ["diff", "a", "--slot", "1", "--ipa", "0-1"],
      "--slot and --ipa exclude each other; see s2replay diff --help",
    ],
    [["diff", "a", "--slot", "-1"], '--slot: expected a whole number from 0 up, got "-1"'],
    [["diff", "a", "--pcpus", "0"], '--pcpus: expected a whole number from 1 up, got "0"'],
    [["diff", "a", "--epoch-gap", "soon"], '--epoch-gap: expected seconds, such as 0.5, got "soon"'],
    [
      ["diff", "a", "--ipa", "0x2000-0x1000"],
      '--ipa: expected START-END with START < END, such as 0xc0000000-0xc4000000, got "0x2000-0x1000"',
    ],
    [
      ["diff", "a", "--fail-on", "candidate.fault.total > 1"],
      '--fail-on: column 1: unknown path "candidate.fault.total" (did you mean "candidate.faults.total"?)',
    ],
    [
      ["replay", "a", "--strategy", "pre-patch", "--fail-on", "result.faults.total >"],
      '--fail-on: column 22: expected a number, a path or "(", got the end',
    ],
    [["replay", "a"], "--strategy: expected a value; see s2replay replay --help"],
    [
      ["schema", "foo"],
      'of: expected one of "diff", "compare", "sweep", "recordings", "prediction", "replay", "validate", "self-replay", "check", "episodes", got "foo"; see s2replay schema --help',
    ],
    [
      ["completion", "fish"],
      'shell: expected one of "bash", "zsh", got "fish"; see s2replay completion --help',
    ],
  ])("%j", (args, problem) => {
    expect(run(...args)).toEqual({ status: 2, stdout: "", stderr: `s2replay: ${problem}\n` });
  });
});

describe("a file that is not there ends with status 2", () => {
  it.each([[["diff"]], [["replay", "--strategy", "pre-patch"]], [["validate"]]])("%j", (args) => {
    const { status, stdout, stderr } = run(...args, "none.ndjson");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^s2replay: .*none\.ndjson.*\n$/);
  });
});

describe("strategies", () => {
  it("lists every built-in one with what it models", () => {
    const lines = run("strategies").stdout.trimEnd().split("\n").slice(1);
    expect(lines.map((line) => line.split(" ")[0])).toEqual(strategies.map(({ name }) => name));
    for (const [i, { models, lockRegime }] of strategies.entries()) {
      expect(lines[i]).toContain(models);
      expect(lines[i]).toContain(lockRegime);
    }
  });

  it("--format json", () => {
    const listed = JSON.parse(run("strategies", "--format", "json").stdout);
    expect(listed).toContainEqual({
      name: "v5.10",
      models: expect.any(String),
      lockRegime: "exclusive",
      faultPathCleans: true,
      deferredFrees: false,
    });
  });
});

describe("schema", () => {
  it.each([
    [[], "s2replay-diff/1"],
    [["diff"], "s2replay-diff/1"],
    [["compare"], "s2replay-compare/1"],
    [["replay"], "s2replay-replay/1"],
    [["validate"], "s2replay-validate/1"],
  ])("%j", (args, title) => {
    const schema = JSON.parse(run("schema", ...args).stdout);
    expect(schema).toMatchObject({ title, properties: { schema: { const: title } } });
  });
});

describe("completion", () => {
  it.each(["bash", "zsh"])("prints a script for %s", (shell) => {
    expect(run("completion", shell)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`completion ${shell}`),
      stderr: "",
    });
  });

  it.each([
    ["s2replay d", "diff"],
    ["s2replay diff --cand", "--candidate"],
  ])("bash completes %j to %s", (typed, completed) => {
    // As bash would call it: a function named s2replay stands for the installed program.
    const script = `
      s2replay() { "$NODE" "$PROGRAM" "$@"; }
      source <(s2replay completion bash)
      COMP_WORDS=(${typed}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _s2replay
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync("bash", ["-c", script], {
      encoding: "utf8",
      env: { ...process.env, NODE: process.execPath, PROGRAM: program },
    });
    expect(stdout.trimEnd().split("\n")).toContain(completed);
  });
});
