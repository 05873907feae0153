import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { DiffResult } from "../compare/result.js";
import { type SweepPoint, sweepSchema } from "../compare/result-sweep.js";

vi.setConfig({ testTimeout: 60_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const recorded = resolve("traces/5.10.262-prepatch-h2m-4v.ndjson.gz");
const selftest = ["kvm_page_table_test", "-m", "4", "-t", "2", "-g", "2M", "-s", "16M"];

let folder: string;
/** Where the program keeps temporary files. */
let scratch: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-"));
  scratch = mkdtempSync(join(tmpdir(), "s2replay-cli-tmp-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(scratch, { recursive: true });
});

function run(args: readonly string[], input: string | Buffer = "") {
  return spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    input,
    env: { ...process.env, TMPDIR: scratch, NO_COLOR: "1" },
  });
}

function swept(args: readonly string[], input: string | Buffer = ""): string {
  const { stdout, stderr, status } = run(["sweep", ...args], input);
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return stdout;
}

function points(args: readonly string[], input: string | Buffer = ""): SweepPoint[] {
  const lines = swept([...args, "--format", "ndjson"], input)
    .trimEnd()
    .split("\n");
  return lines.map((line) => sweepSchema.parse(JSON.parse(line)));
}

describe("s2replay sweep", () => {
  it("--columns picks of the table and of the CSV", () => {
    const args = [...selftest, "--vcpus", "1,2", "--epoch", "ADJUST"];
    const text = swept([...args, "--columns", "base_faults,vcpus,percent"]);
    expect(text).toMatch(/^ *faults +ADJUST\npre-patch +vcpus +percent\n +\d+ +1 +-\d+\.\d %!\n/m);
    expect(swept([...args, "--columns", "vcpus,base_faults", "--format", "csv"])).toMatch(
      /^vcpus,base_faults\r\n1,\d+\r\n2,\d+\r\n$/,
    );
    const refused = run(["sweep", ...args, "--columns", "vcpu"]);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('did you mean "vcpus"?') });
  });

  it("each point of a workload is `workload | diff -` with these options", () => {
    const found = points([...selftest, "--vcpus", "1,2..4", "--param", "fwb=off,on", "--epoch", "ADJUST"]);
    expect(found.map(({ parameters }) => parameters)).toEqual(
      [1, 2, 4].flatMap((vcpus) => [false, true].map((fwb) => ({ vcpus, fwb }))),
    );
    for (const { parameters, base, candidate } of found) {
      const options = ["-v", String(parameters.vcpus), ...(parameters.fwb ? ["--fwb"] : [])];
      const trace = run(["workload", ...selftest, ...options]).stdout;
      const alone = JSON.parse(
        run(["diff", "-", "--epoch", "ADJUST", "--format", "json"], trace).stdout,
      ) as DiffResult;
      expect(base.makespanNs).toBe(alone.epochs[0]?.base.makespanNs);
      expect(candidate.makespanNs).toBe(alone.epochs[0]?.candidate.makespanNs);
      expect([base.faults, candidate.faults]).toEqual([
        alone.base.faults.total,
        alone.candidate.faults.total,
      ]);
    }
  });

  it.each(["text", "ndjson"])("--format %s has the same bytes for any number of jobs", (format) => {
    const args = [...selftest, "-v", "1..4", "--param", "clean=0,50%,100%", "--format", format];
    const one = swept([...args, "--jobs", "1"]);
    expect(swept([...args, "--jobs", "3"])).toBe(one);
    expect(one.split("\n").length).toBeGreaterThan(9);
  });

  it("text: what is swept, a line a point, and notes once", () => {
    const text = swept([...selftest, "-v", "2", "--param", "fwb=off,on", "--param", "tlbiVmidNs=50%..200%"]);
    const [heading, table, notes] = text.split("\n\n") as [string, string, string];
    expect(heading).toContain("workload     kvm_page_table_test, mode 4, type 2, granularity 2M, size 16M\n");
    expect(heading).toContain(
      "sweep        vcpus 2; fwb off, on; tlbiVmidNs 500, 1000, 2000 ns (profile: 1000, an",
    );
    expect(heading).toContain("6 points");
    expect(heading.replace(/\s+/g, " ")).toContain(
      "profile kunpeng920 (15 of its 18 figures are assumptions)",
    );
    const rows = table.split("\n").map((row) => row.trim().split(/ {2,}/));
    expect(rows[1]).toEqual([
      ...[
        "vcpus",
        "fwb",
        "tlbiVmidNs",
        "pre-patch",
        "post-patch",
        "change",
        "pre-patch",
        "post-patch",
        "change",
      ],
    ]);
    expect(rows.slice(2).map((row) => row.slice(0, 3).join(" "))).toEqual(
      ["off", "on"].flatMap((fwb) => [500, 1000, 2000].map((ns) => `2 ${fwb} ${ns}`)),
    );
    for (const row of rows.slice(2)) expect(row[3]).toMatch(/^~/);
    expect(notes).toMatch(/^note: post-patch omits the D-cache clean/);
    expect(notes.trimEnd()).toMatch(/\(at 3 of 6\n?\s+points\)$/);
  });

  it("csv: a header row, whole nanoseconds, CRLF", () => {
    const args = [...selftest, "-v", "1,2", "--param", "clean=12.5%", "--epoch", "ADJUST"];
    const lines = swept([...args, "--format", "csv"]).split("\r\n");
    expect(lines.pop()).toBe("");
    const [head, ...rows] = lines.map((line) => line.split(","));
    expect(head?.slice(0, 6)).toEqual(["vcpus", "clean", "epoch", "base", "candidate", "base_makespan_ns"]);
    const column = (name: string) => rows.map((row) => row[head?.indexOf(name) as number]);
    const found = points(args);
    expect(column("clean")).toEqual(["0.125", "0.125"]);
    expect(column("base_makespan_ns")).toEqual(found.map(({ base }) => String(base.makespanNs)));
    expect(column("change_makespan_ns")).toEqual(found.map(({ change }) => String(change.makespanNs)));
    expect(column("candidate_faults")).toEqual(found.map(({ candidate }) => String(candidate.faults)));
  });

  it("a trace from a file and from standard input give the same, and nothing stays behind", () => {
    const args = ["--epoch", "ADJUST", "--slot", "1", "--param", "clean=0,100%", "--format", "ndjson"];
    const fromFile = swept([recorded, ...args]);
    expect(swept(["-", ...args], readFileSync(recorded))).toBe(fromFile);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("-o writes what standard output gets, and nothing where a point fails", () => {
    const args = [...selftest, "-v", "1,2"];
    expect(swept([...args, "-o", "sweep.txt"])).toBe("");
    expect(readFileSync(join(folder, "sweep.txt"), "utf8")).toBe(swept(args));
    expect(run(["sweep", ...args, "--epoch", "ADJSUT", "-o", "none.txt"]).status).toBe(2);
    expect(existsSync(join(folder, "none.txt"))).toBe(false);
  });

  it("the schema is published", () => {
    const schema = JSON.parse(run(["schema", "sweep"]).stdout);
    expect(schema).toMatchObject({ title: "s2replay-sweep/1" });
    const [point] = points([...selftest, "-v", "1"]);
    // What came within the major version is not in points of before.
    expect(schema.required).toEqual(Object.keys(point as SweepPoint).filter((key) => key !== "unsafe"));
  });

  it("completes the names of workloads", () => {
    const words = run(["--get-yargs-completions", "s2replay", "sweep", "dir"]).stdout;
    expect(words).toContain("dirty-log");
  });
});

describe("refused with status 2 and one line", () => {
  it.each<[string[], RegExp]>([
    [[], /expected a workload or a trace; see s2replay sweep --help/],
    [selftest, /nothing to sweep: expected --param NAME=LIST, or --vcpus LIST/],
    [["kvm_page_tabel_test", "-v", "2"], /no such file, .*did you mean "kvm_page_table_test"/],
    [[recorded, "--vcpus", "1,2"], /--vcpus: a recorded trace has the vCPUs that it has/],
    [[recorded, "--param", "clean=0.5"], /--param clean: expected percentages, such as 50%, or 0, got "0.5"/],
    [[recorded, "--param", "tlbiVmidNs=fast"], /--param tlbiVmidNs: expected nanoseconds/],
    [[recorded, "--param", "clean"], /--param: expected NAME=LIST/],
    [[...selftest, "--vcpus", "1,two"], /--vcpus: expected a whole number from 0 up, got "two"/],
    [[...selftest, "--param", "fwb=1"], /--param fwb: expected on and off/],
    [
      [...selftest, "--param", "granularity=2M,4K"],
      /^s2replay: granularity=4K: --granularity: hugetlb memory has/,
    ],
    [[...selftest, "-v", "1,2", "--epoch", "ADJSUT"], /^s2replay: vcpus=1: no epoch "ADJSUT"/],
  ])("%j", (args, message) => {
    const { status, stdout, stderr } = run(["sweep", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("a trace's defect is told by its place, from a thread too", () => {
    writeFileSync(
      join(folder, "bad.ndjson"),
      `${'{"ts_ns":1,"pid":1,"event":"marker","text":"A"}\n'.repeat(9000)}{\n`,
    );
    const { status, stderr } = run(["sweep", "bad.ndjson", "--param", "clean=0,1%", "--jobs", "2"]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^s2replay: bad\.ndjson:9001: /);
  });
});

describe("ended early", () => {
  it("SIGINT ends it, threads and all, and leaves no file", async () => {
    const tells = `import { writeFileSync } from "node:fs";
      import { isMainThread } from "node:worker_threads";
      if (!isMainThread) writeFileSync("running", "");
      export default ({ strategyByName }) => ({ ...strategyByName("post-patch"), name: "mine" });`;
    writeFileSync(join(folder, "tells.mjs"), tells);
    const args = ["sweep", "-", "--candidate", "./tells.mjs", "--param", "walk=0%..100%+1%", "-o", "x.txt"];
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env: { ...process.env, TMPDIR: scratch },
    });
    child.stdin.end(readFileSync(recorded));
    const running = () => expect(existsSync(join(folder, "running"))).toBe(true);
    await vi.waitFor(running, { timeout: 30_000 });
    expect(readdirSync(scratch)).toHaveLength(1);
    child.kill("SIGINT");
    expect(await new Promise((done) => child.on("exit", done))).toBe(130);
    expect(readdirSync(scratch)).toEqual([]);
    expect(existsSync(join(folder, "x.txt"))).toBe(false);
  });

  it("a reader that goes away", async () => {
    const child = spawn(process.execPath, [program, "sweep", ...selftest, "--vcpus", "1,2"], { cwd: folder });
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.stdout.destroy();
    expect(await new Promise((done) => child.on("exit", done))).toBe(0);
    expect(stderr).toBe("");
  });
});
