import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 120_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-verify-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("a strategy of one's own", () => {
  it("begins with a template that is sound", () => {
    const written = run("strategies", "new", "mine.mjs");
    expect(written).toMatchObject({ status: 0, stderr: "" });
    expect(written.stdout).toContain("  s2replay verify ./mine.mjs\n");
    const verdict = run("verify", "./mine.mjs", "--generated", "20");
    expect(verdict).toMatchObject({ status: 0, stderr: "" });
    expect(verdict.stdout).toMatch(/^mine: /);
    expect(verdict.stdout).toContain("\nVERDICT     clean: no rule broken\n");
    expect(run("walk", "--strategy", "v6.1", "--diff", "./mine.mjs").stdout).not.toMatch(/ [|<>] /);
  });

  it("without its TLBI is told so", () => {
    run("strategies", "new", "sound.mjs");
    const sound = readFileSync(join(folder, "sound.mjs"), "utf8");
    const changed = sound.replace(/^.*tlbiVmid.*\n/m, "");
    expect(changed).not.toBe(sound);
    writeFileSync(join(folder, "no-tlbi.mjs"), changed);
    const { status, stdout, stderr } = run("verify", "no-tlbi.mjs", "--generated", "20");
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout).toContain("\nVERDICT     2 rules broken: flush-missing, freed-before-flush\n");
    expect(stdout).toContain("was broken and replaced, and no TLBI came");
  });

  it("is not written over another file, nor under a name that cannot be loaded", () => {
    writeFileSync(join(folder, "there.js"), "// mine");
    expect(run("strategies", "new", "there.js")).toEqual({
      status: 2,
      stdout: "",
      stderr: "s2replay: there.js: is there already, and is left as it is\n",
    });
    expect(readFileSync(join(folder, "there.js"), "utf8")).toBe("// mine");
    expect(run("strategies", "new", "mine.cjs").stderr).toContain(
      "expected a name that ends in .js, .mjs or .ts",
    );
    expect(run("strategies", "new", "no/mine.js").stderr).toContain("no/mine.js: no such folder");
  });

  it("never takes a built-in one's name", () => {
    expect(run("strategies", "new", "v6.1.mjs").status).toBe(0);
    expect(readFileSync(join(folder, "v6.1.mjs"), "utf8")).toContain('name: "v6.1-mine"');
  });
});

it.each([
  [["verify"], "expected a strategy; see s2replay verify --help"],
  [["verify", "v6.X"], 'no strategy named "v6.X"'],
  [["verify", "v5.4"], "no strategy stands for kernel v5.4: the nearest is v5.10"],
  [["verify", "v6.1", "--seed", "x"], "--seed: expected a whole number"],
  [["verify", "v6.1", "--like", "v61"], 'no strategy named "v61"'],
])("%j ends with status 2", (args, message) => {
  const { status, stdout, stderr } = run(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(message);
});
