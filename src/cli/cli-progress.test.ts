import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

vi.setConfig({ testTimeout: 60_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const trace = fileURLToPath(new URL("../../traces/5.10.262-prepatch-h1g-4v.ndjson.gz", import.meta.url));

const showCursor = "\u001b[?25h";
const hideCursor = "\u001b[?25l";
/** To the first column, and the line erased. */
const cleared = "\u001b[1G\u001b[2K";

/** `script` of util-linux gives a command a terminal. */
const hasTerminal = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-progress-"));
  const lines = gunzipSync(readFileSync(trace))
    .toString()
    .split(/(?<=\n)/);
  writeFileSync(join(folder, "head"), lines.slice(0, 1000).join(""));
  writeFileSync(join(folder, "tail"), lines.slice(1000).join(""));
  writeFileSync(join(folder, "broken"), "{broken\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the terminal gets of a program whose input takes its time. */
function onTerminal(rest: string, args: string, before = "", seconds = 2): { shown: string; stdout: string } {
  const command = `(cat head; sleep ${seconds}; cat ${rest}) | ${before} ${process.execPath} ${program} ${args} > out`;
  const { stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, TERM: "xterm" },
  });
  return { shown: stdout, stdout: readFileSync(join(folder, "out"), "utf8") };
}

const count = (text: string, part: string) => text.split(part).length - 1;

describe.skipIf(!hasTerminal)("on a terminal", () => {
  it("says what was read of an input of unknown size, and leaves nothing of it", () => {
    const { shown, stdout } = onTerminal("tail", "validate -");
    expect(shown).toMatch(/\d\.\d MiB read, \ds/);
    expect(shown.endsWith(cleared)).toBe(true);
    expect(count(shown, hideCursor)).toBe(1);
    expect(shown.lastIndexOf(showCursor)).toBeGreaterThan(shown.lastIndexOf(hideCursor));
    expect(stdout).toMatch(/events/);
    expect(stdout).not.toContain("\u001b");
  });

  it("an error stands on a line of its own", () => {
    const { shown } = onTerminal("broken", "diff -");
    expect(shown).toContain("faults replayed, ");
    expect(shown.slice(shown.lastIndexOf(cleared) + cleared.length)).toMatch(/^s2replay: stdin:1001: /);
    expect(count(shown, hideCursor)).toBe(count(shown, showCursor));
  });

  it("^C gives the cursor back", () => {
    const { shown } = onTerminal("tail", "diff -", "timeout -s INT 5", 7);
    expect(shown).toContain("MiB read, ");
    expect(shown).toContain(cleared);
    expect(shown.lastIndexOf(showCursor)).toBeGreaterThan(shown.lastIndexOf(hideCursor));
  });
});

it("none where standard error is no terminal", () => {
  const command = `(cat head; sleep 2; cat tail) | ${process.execPath} ${program} validate -`;
  const { stderr } = spawnSync("sh", ["-c", command], { cwd: folder, encoding: "utf8" });
  expect(stderr).toBe("");
});
