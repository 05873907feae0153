import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 60_000 });

const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-import-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(args: readonly string[], input: string | Buffer = "") {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    input,
  });
  return { status, stdout, stderr };
}

const header = '{"type":"header","schema":"s2replay-trace/1"';
const events =
  '{"ts":1.000000001,"cpu":0,"pid":1,"comm":"a","event":"s2_abort"}\n' +
  '{"ts":1.000000002,"cpu":0,"pid":1,"comm":"a","event":"s2_abort_ret","ret":1}\n';

describe("import", () => {
  it("writes a file by its name, the same bytes each time", () => {
    writeFileSync(join(folder, "in.ndjson"), events);
    const args = [
      "import",
      "in.ndjson",
      "-o",
      "out.ndjson.gz",
      "--walker",
      "v6.1",
      "--no-fwb",
      "--pcpus",
      "1",
    ];
    expect(run(args)).toEqual({ status: 0, stdout: "", stderr: "in.ndjson: 2 events from NDJSON\n" });
    const packed = readFileSync(join(folder, "out.ndjson.gz"));
    expect(packed.readUInt32LE(4)).toBe(0); // The gzip header's time.
    expect(gunzipSync(packed).toString()).toBe(
      `${header},"name":"out.ndjson.gz","fwb":false,"walker":"v6.1","pcpus":1}\n${events}`,
    );
    run(args);
    expect(readFileSync(join(folder, "out.ndjson.gz"))).toEqual(packed);
  });

  it("reads standard input and writes standard output", () => {
    expect(run(["import", "-"], events).stdout).toBe(`${header}}\n${events}`);
  });

  it("leaves the old output, and nothing else, when an input is bad", () => {
    writeFileSync(join(folder, "in.ndjson"), `${events}${"x".repeat(1024 * 1024 + 1)}`);
    writeFileSync(join(folder, "out.ndjson"), "old");
    expect(run(["import", "in.ndjson", "-o", "out.ndjson"])).toEqual({
      status: 2,
      stdout: "",
      stderr: "s2replay: in.ndjson: a line over 1 MiB\n",
    });
    expect(readFileSync(join(folder, "out.ndjson"), "utf8")).toBe("old");
    expect(readdirSync(folder).sort()).toEqual(["in.ndjson", "out.ndjson"]);
  });

  it.each<[string, string[], string]>([
    ["no such file", ["import", "none"], "none: no such file"],
    ["a folder", ["import", "."], ".: is a directory, expected a trace"],
    ["no events", ["import", "-"], "stdin: no events, expected at least one"],
    [
      "an alias of nothing",
      ["import", "-", "--map", "my=s2_mapp"],
      '--map: my: no event is called s2_mapp (did you mean "s2_map"?)',
    ],
    [
      "an alias without an event",
      ["import", "-", "--map", "mine"],
      "--map: mine: expected the event that it stands for: mine=EVENT",
    ],
    [
      "an alias of no field",
      ["import", "-", "--map", "m=s2_map:a=b"],
      "--map: m: neither a nor b is a field of s2_map: pgt, addr, size, phys, prot",
    ],
    [
      "an alias file that is not there",
      ["import", "-", "--map", "@none"],
      "--map: none: cannot be read (ENOENT)",
    ],
    ["no count", ["import", "-", "--pcpus", "0"], '--pcpus: expected a whole number from 1 up, got "0"'],
  ])("says what is wrong: %s", (_what, args, problem) => {
    expect(run(args)).toEqual({ status: 2, stdout: "", stderr: `s2replay: ${problem}\n` });
  });
});
