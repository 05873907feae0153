import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

vi.setConfig({ testTimeout: 60_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-record-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "record", ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

/** The script's own settings: NAME=VALUE. */
function settings(script: string): Map<string, string> {
  const lines = [...script.matchAll(/^(\w+)=(.*)$/gm)];
  return new Map(lines.map(([, name, value]) => [name!, value!]));
}

describe("s2replay record --print", () => {
  it("prints the same script for the same options", () => {
    const first = run(["--print"]);
    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(first.stdout.startsWith("#!/bin/sh\n")).toBe(true);
    expect(run(["--print"]).stdout).toBe(first.stdout);
  });

  it("the options become the script's settings", () => {
    const given =
      "--print --level walk --exits -o host --seconds 30 --clock boot --buffer-kb 64 --pid 7 --text";
    const edges = ["--break-at", "f+0x8 ptep=%x20:x64", "--install-at", "f+0x10"];
    const { stdout } = run([...given.split(" "), ...edges]);
    const found = settings(stdout);
    expect(Object.fromEntries([...found].slice(0, 11))).toEqual({
      level: "walk",
      exits: "1",
      name: "host",
      duration: "30",
      pid: "7",
      clock: "boot",
      buffer: "64",
      break_at: "'f+0x8 ptep=%x20:x64'",
      install_at: "f+0x10",
      text: "1",
      clean: "0",
    });
  });

  it.each([
    [["--print", "--", "ls"], "s2replay: --print and a command exclude each other\n"],
    [["--print", "--seconds", "0"], 's2replay: --seconds: expected a whole number from 1 up, got "0"\n'],
    [
      ["--print", "--buffer-kb", "1M"],
      's2replay: --buffer-kb: expected a whole number from 1 up, got "1M"\n',
    ],
    [
      ["--print", "--level", "all"],
      's2replay: --level: expected one of "faults", "map", "walk", got "all"; see s2replay record --help\n',
    ],
  ])("%j is refused", (args, message) => {
    expect(run([...args])).toEqual({ status: 2, stdout: "", stderr: message });
  });
});

describe("s2replay record", () => {
  it("hands on why this machine cannot be recorded", () => {
    // Whatever this machine is, it has no instruction of that name.
    const { status, stderr } = run(["--level", "walk", "--break-at", "no_function+0x4", "--", "false"]);
    expect(stderr).toMatch(/^s2replay record: \S.*\n/);
    expect(status).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    [["sleep", "5"], "sleep 5"],
    [["--", "ls", "-l", "a b"], "ls -l a b"],
    [["--seconds", "3", "--", "true"], "true"],
  ])("%j gives the script its command, word by word", (args, words) => {
    const bin = mkdtempSync(join(tmpdir(), "s2replay-bin-"));
    try {
      writeFileSync(join(bin, "sh"), `#!/bin/sh\nshift 2\necho "$# $*"\n`, { mode: 0o755 });
      const { stdout } = run(args, { PATH: `${bin}:${process.env.PATH}` });
      expect(stdout).toBe(`${args.filter((arg) => !/^(--.*|3)$/.test(arg)).length} ${words}\n`);
    } finally {
      rmSync(bin, { recursive: true });
    }
  });
});
