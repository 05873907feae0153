import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 60_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const golden = fileURLToPath(new URL("../../fixtures/golden", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-walk-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function walk(args: readonly string[], input = "") {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "walk", ...args], {
    cwd: folder,
    encoding: "utf8",
    input,
    maxBuffer: 2 ** 28,
  });
  return { status, stdout, stderr };
}

describe("s2replay walk", () => {
  it("without a script shows the basic coalesce", () => {
    const { status, stdout, stderr } = walk([]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^pre-patch: /);
    expect(stdout).toContain("      ] window closes after 521 steps\n");
  });

  it("--diff shows the patch", () => {
    const { status, stdout } = walk(["--diff", "post-patch"]);
    expect(status).toBe(0);
    expect(stdout).toContain(">       PTE 0x..4002 -> 0x..07fd (2 MiB block rwx, release)\n");
    expect(stdout).toContain(
      "window 521 steps -> 1 step\n\nsanitizer\n  post-patch: unclean-leaf, once, 509 pages;",
    );
  });

  it.each([
    ["A1", "pre-patch"],
    ["E", "v7.2"],
  ])("--format ndjson writes golden file %s byte for byte", (letter, strategy) => {
    const script = join(golden, "scenarios.random30.txt.gz");
    const { status, stdout, stderr } = walk([script, "--strategy", strategy, "--format", "ndjson"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(gunzipSync(readFileSync(join(golden, `random30.${letter}.ndjson.gz`))).toString());
  });

  it("reads a script from standard input, a strategy from a module, and writes to a file", () => {
    writeFileSync(
      join(folder, "mine.mjs"),
      'export default ({ strategyByName }) => ({ ...strategyByName("v6.1"), name: "mine" });',
    );
    const args = ["-", "--strategy", "./mine.mjs", "--format", "ndjson", "--max-events", "none", "-o", "out"];
    expect(walk(args, "S one\nlookup 0x1000\n")).toEqual({ status: 0, stdout: "", stderr: "" });
    const lines = readFileSync(join(folder, "out"), "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0]!).cfg).toEqual({ ver: "mine", fwb: 0, range: 0, ipa: 40 });
    expect(lines[1]).toBe(
      '{"s":"one","i":1,"op":"lookup 0x1000","ret":0,"level":1,"pte":"0x0","valid":0,"en":0,' +
        '"eh":"09612b07b5ecb5a5","n":{},"live":2,"rsum":2,"rh":"474b26367df4006a","rc":[[1,1],[2,1]],' +
        '"lv":[0,0,0],"lh":"cbf29ce484222325"}',
    );
  });

  it("ends quietly when its reader has read enough", () => {
    const script = join(golden, "scenarios.random200.txt.gz");
    const command = `"${process.execPath}" "${program}" walk "${script}" | head -2; echo \${PIPESTATUS[0]} >&2`;
    const { stdout, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
    expect(stdout.split("\n")).toHaveLength(3);
    expect(stderr).toBe("0\n");
  });

  it.each<[string, string[], string]>([
    ["", ["nosuch.txt"], "nosuch.txt: no such file"],
    ["", ["."], ".: is a directory, expected a script"],
    ["", ["-"], "stdin: no scenario: expected a line S NAME [fwb=0|1] [range=0|1] [ipa=BITS]"],
    ["S a\n\nunmap 0x0\n", ["-"], "stdin:3: SIZE is missing (unmap ADDR SIZE)"],
    ["", ["--diff", "v6.1", "--format", "ndjson"], "--diff is printed as text only"],
    ["", ["--max-events", "few"], '--max-events: expected a whole number from 0 up, got "few"'],
    ["", ["--strategy", "./nosuch.js"], "no strategy file ./nosuch.js"],
    ["", ["a", "b"], 'unexpected argument "b"; see s2replay walk --help'],
    ["", ["--dif", "v6.1"], 'unknown option --dif (did you mean "--diff"?); see s2replay walk --help'],
  ])("%j with %j: status 2, %s", (input, args, message) => {
    expect(walk(args, input)).toEqual({ status: 2, stdout: "", stderr: `s2replay: ${message}\n` });
  });

  it("a script that is wrong leaves no file behind", () => {
    expect(walk(["-", "-o", "bad.txt"], "S a\nmpa").status).toBe(2);
    expect(existsSync(join(folder, "bad.txt"))).toBe(false);
  });
});
