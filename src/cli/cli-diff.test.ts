import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { diffSchema, replaySchema } from "../compare/result.js";
import { recordingsSchema } from "../compare/result-recordings.js";
import { validateSchema } from "../compare/result-validate.js";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 60_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const trace = fileURLToPath(new URL("../../traces/5.10.262-prepatch-h2m-1v.ndjson.gz", import.meta.url));

const env: NodeJS.ProcessEnv = { ...process.env };
for (const name of ["NO_COLOR", "FORCE_COLOR", "S2REPLAY_DEBUG"]) delete env[name];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Extra {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Uint8Array;
}

function run(args: readonly string[], extra: Extra = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    input: extra.input ?? "",
    env: { ...env, ...extra.env },
  });
  return { status, stdout, stderr };
}

const ok = (stdout: unknown) => ({ status: 0, stdout, stderr: "" });

describe("diff", () => {
  it("leaves out costs, and says which one the gain is", () => {
    const output = run(["diff", trace, "--slot", "1", "--epoch", "ADJUST", "--ablate", "clean,tlbi"]);
    expect(output).toEqual(
      ok(expect.stringMatching(/9\d % of this gain\s+disappears when cache\s+cleaning is free/)),
    );
    expect(output.stdout).toMatch(/^ {2}cache clean .* \d % left!$/m);
    const failing = "ablation.costs.clean.remaining.makespan < 20%";
    expect(run(["diff", trace, "--ablate", "clean", "--fail-on", failing]).status).toBe(1);
    expect(run(["diff", trace, "--ablate", "cleam"])).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining('unknown cost "cleam" (did you mean "clean"?)'),
    });
  });

  it("law: draws from a pipe are those from the file, and leave no file behind", () => {
    const plain = gunzipSync(readFileSync(trace));
    const args = ["--samples", "3", "--format", "json", "--slot", "1", "--epoch", "ADJUST"];
    const tmp = mkdtempSync(join(folder, "tmp-"));
    const piped = run(["diff", "-", ...args], { input: plain, env: { TMPDIR: tmp } });
    expect(piped).toEqual(run(["diff", trace, ...args]));
    expect(diffSchema.parse(JSON.parse(piped.stdout)).samples!.draws).toBe(3);
    expect(readdirSync(tmp)).toEqual([]);
    expect(run(["diff", trace, "--samples", "1"]).stderr).toContain("--samples");
  });

  it("--columns picks and orders; a slip is told before the trace is read", () => {
    const picked = run(["diff", trace, "--columns", "percent, candidate"]);
    expect(picked).toEqual(ok(expect.stringMatching(/^ +percent +post-patch$/m)));
    expect(picked.stdout).toMatch(/^faults +0 % +at least 8,3\d\d$/m);
    const markdown = run(["diff", trace, "--columns", "change", "--format", "markdown"]).stdout;
    expect(markdown).toContain("|  | change |\n| :-- | --: |\n| **faults** | 0 |\n");
    const refused = (...args: string[]) => run(args);
    expect(refused("diff", "absent", "--columns", "percnt")).toMatchObject({
      status: 2,
      stderr:
        's2replay: --columns: unknown column "percnt" (did you mean "percent"?): expected base, candidate, change, percent\n',
    });
    const compare = refused(
      "compare",
      "absent",
      "--strategies",
      "v6.1,v6.12,v7.2",
      "--columns",
      "v6.12,v6.1%",
    );
    expect(compare.stderr).toMatch(/expected v6\.1, v6\.12, v6\.12%, v7\.2, v7\.2%$/m);
    expect(refused("diff", "absent", "--columns", "base", "--format", "json").stderr).toContain("no table");
  });

  it("--plot stands below the text, in a block of markdown, and not in json", () => {
    const plain = run(["diff", trace]).stdout;
    const { stdout } = run(["diff", trace, "--plot"]);
    expect(stdout.startsWith(`${plain}\naccesses that faulted`)).toBe(true);
    expect(stdout).toMatch(/^ {2}vCPU 0 \|W+w?\|$/m);
    const markdown = run(["diff", trace, "--plot", "--format", "markdown"]).stdout;
    expect(markdown).toMatch(/\n```\naccesses that faulted(.*\n)+```\n$/);
    expect(run(["diff", "absent", "--plot", "--format", "json"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--plot: expected --format text or markdown"),
    });
  });

  it("prints the three formats", () => {
    expect(run(["diff", trace])).toEqual(ok(expect.stringMatching(/^faults +\d/m)));
    const markdown = run(["diff", trace, "--format", "markdown"]);
    expect(markdown).toEqual(ok(expect.stringContaining("## pre-patch against post-patch\n")));
    const json = run(["diff", trace, "--format", "json"]);
    expect(json).toEqual(ok(expect.anything()));
    const result = diffSchema.parse(JSON.parse(json.stdout));
    expect(result).toMatchObject({ base: { strategy: "pre-patch" }, candidate: { strategy: "post-patch" } });
    for (const side of [result.base, result.candidate]) {
      const { total, byCause, byClass, retries, accessesFaulted } = side.faults;
      const sum = (counts: object) => Object.values(counts).reduce((a: number, b: number) => a + b, 0);
      expect(sum(byCause)).toBe(total);
      expect(sum(byClass)).toBe(total);
      expect(accessesFaulted).toBe(total - retries);
    }
  });

  it("gives the same bytes from a file, from a pipe and packed or not", () => {
    const packed = readFileSync(trace);
    // A pipe is read once: its verdict does not say what its cause explains.
    const options = ["--format", "json", "--no-explain"];
    const fromFile = run(["diff", trace, ...options]);
    expect(run(["diff", trace, ...options])).toEqual(fromFile);
    expect(run(["diff", "-", ...options], { input: packed })).toEqual(fromFile);
    expect(run(["diff", "-", ...options], { input: gunzipSync(packed) })).toEqual(fromFile);
  });

  it("takes the strategies and the profile that it is told", () => {
    const args = ["--base", "v5.10", "--candidate", "v6.1", "--profile", "kunpeng920", "--format", "json"];
    const result = diffSchema.parse(JSON.parse(run(["diff", trace, ...args]).stdout));
    expect([result.base.strategy, result.candidate.strategy, result.profile.name]).toEqual([
      "v5.10",
      "v6.1",
      "kunpeng920",
    ]);
  });

  it("counts only the epoch, or the range, that it is told", () => {
    const total = (...args: string[]) =>
      diffSchema.parse(JSON.parse(run(["diff", trace, "--format", "json", ...args]).stdout)).base.faults
        .total;
    const whole = total();
    const adjust = total("--epoch", "ADJUST");
    expect(adjust).toBeGreaterThan(0);
    expect(adjust).toBeLessThan(whole);
    expect(total("--ipa", "0x0-0x10000000000000")).toBe(whole);
    expect(total("--ipa", "0xfffffffff000-0x1000000000000")).toBe(0);
  });

  it.each([
    [["--base", "pre-pach"], /^s2replay: .*pre-pach.*pre-patch.*\n$/],
    [["--profile", "kunpeng"], /^s2replay: unknown profile "kunpeng" \(did you mean "kunpeng920"\?\).*\n$/],
    [["--candidate", "./none.js"], /^s2replay: .*none\.js.*\n$/],
  ])("%j ends with status 2", (args, problem) => {
    expect(run(["diff", trace, ...args])).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(problem),
    });
  });

  it("a malformed trace ends with status 2, its line named", () => {
    writeFileSync(join(folder, "bad.ndjson"), '{"ts":1,"pid":1,"event":"kvm_entry"}\n{"ts":\n');
    expect(run(["diff", "bad.ndjson"])).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^s2replay: bad\.ndjson:2: .*\n$/),
    });
  });
});

describe("diff of two recordings", () => {
  const after = fileURLToPath(new URL("../../traces/5.10.262-postpatch-h2m-1v.ndjson.gz", import.meta.url));
  const adjust = ["--slot", "1", "--epoch", "ADJUST"];

  it("prints the three formats", () => {
    const text = run(["diff", trace, after, ...adjust]);
    expect(text).toEqual(ok(expect.stringMatching(/^verdict +does not tell: ADJUST takes /)));
    expect(text.stdout).toMatch(/^ +before +after +change$/m);
    const sides = ["--before", trace, "--after", after];
    expect(run(["diff", ...sides, ...adjust])).toEqual(text);
    const markdown = run([
      "diff",
      trace,
      after,
      ...adjust,
      "--format",
      "markdown",
      "--columns",
      "after,percent",
    ]);
    expect(markdown).toEqual(ok(expect.stringContaining("|  | after | percent |\n")));
    const json = run(["diff", trace, after, ...adjust, "--format", "json"]).stdout;
    expect(recordingsSchema.parse(JSON.parse(json))).toMatchObject({
      before: { runs: [{ recordedUnder: "pre-patch" }] },
      after: { runs: [{ recordedUnder: "post-patch" }] },
      epochs: [{ label: "ADJUST" }],
    });
  });

  it("--fail-on is over what it prints as JSON", () => {
    const failing = run([
      "diff",
      trace,
      after,
      ...adjust,
      "--fail-on",
      "epochs.ADJUST.makespanNs.ratio < 0%",
    ]);
    expect(failing.status).toBe(1);
    const unknown = run(["diff", trace, after, "--fail-on", "candidate.faults.total > 1"]);
    expect(unknown).toMatchObject({ status: 2, stderr: expect.stringContaining("unknown path") });
  });

  it.each([
    [[trace, after, "--candidate", "v6.1"], "--candidate: is of a replay"],
    [[trace, after, "--sanitize"], "--sanitize: is of a replay"],
    [[trace, after, "--perfetto", "x.pftrace"], "--perfetto: is of a replay"],
    [[trace, after, "--html", "-"], "--html: expected a file"],
    [[trace, "-"], "-: expected files"],
    [["--before", trace], "--after: expected recordings of that side, too"],
    [[trace, "--before", trace, "--after", after], "expected either two recordings or --before and --after"],
    [["--before", trace, trace, "--after", after], "is named twice on one side"],
    [[trace, "--after-walker", "v6.1"], "--after-walker: expected two recordings"],
    [[trace, after, "--epoch", "ADJST"], 'no epoch "ADJST" (did you mean "ADJUST"?)'],
  ])("%j ends with status 2", (args, problem) => {
    expect(run(["diff", ...args])).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining(problem),
    });
  });
});

describe("--fail-on", () => {
  it("holds: status 1, and the result is printed all the same", () => {
    const failing = run(["diff", trace, "--fail-on", "base.faults.total > 0 and not caveats has 'none'"]);
    expect(failing).toEqual({
      ...run(["diff", trace]),
      status: 1,
      stderr: "s2replay: --fail-on holds: base.faults.total > 0 and not caveats has 'none'\n",
    });
  });

  it("does not hold: status 0", () => {
    expect(run(["diff", trace, "--fail-on", "candidate.faults.total > base.faults.total * 100"]).status).toBe(
      0,
    );
    expect(run(["diff", trace, "--fail-on", "epochs.ADJUST.candidate.makespanNs > 1000s"]).status).toBe(0);
  });

  it("names an epoch that is not there: status 2", () => {
    expect(run(["diff", trace, "--fail-on", "epochs.ADJST.base.faults > 1"])).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining('no entry "ADJST"'),
    });
  });
});

describe("output", () => {
  it("-o writes what would be printed", () => {
    const printed = run(["diff", trace]).stdout;
    expect(run(["diff", trace, "-o", "result.txt"], { env: { FORCE_COLOR: "" } })).toEqual(ok(""));
    expect(readFileSync(join(folder, "result.txt"), "utf8")).toBe(printed);
  });

  it("colour only when forced where no terminal is", () => {
    const plain = run(["diff", trace]).stdout;
    expect(plain).not.toContain("\u001b");
    expect(run(["diff", trace], { env: { NO_COLOR: "1" } }).stdout).toBe(plain);
    expect(run(["diff", trace], { env: { FORCE_COLOR: "1" } }).stdout).toContain("\u001b[1m");
  });

  it("ends quietly when its reader has read enough", () => {
    const script =
      'set -o pipefail; "$NODE" "$PROGRAM" schema | head -c 1; "$NODE" "$PROGRAM" diff "$TRACE" | head -1';
    const { status, stderr } = spawnSync("bash", ["-c", script], {
      encoding: "utf8",
      env: { ...env, NODE: process.execPath, PROGRAM: program, TRACE: trace },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it.each([
    ["--events", "x.ndjson"],
    ["--episodes", "x.csv.gz"],
    ["--episodes", "x.parquet"],
    ["--perfetto", "x.pftrace"],
  ])("Ctrl-C ends it with status 130 and leaves nothing half written: %s %s", async (option, file) => {
    const before = readdirSync(folder);
    const args = ["replay", "-", "--strategy", "pre-patch", option, file, "-o", "result.txt"];
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      stdio: ["pipe", "pipe", "pipe"],
      env,
    });
    const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
    // It waits for the rest of its input: that file shows that it got that far.
    while (readdirSync(folder).length === before.length) await new Promise((wake) => setTimeout(wake, 20));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe("replay", () => {
  it("prints the three formats", () => {
    const args = ["replay", trace, "--strategy", "pre-patch"];
    expect(run(args)).toEqual(ok(expect.stringMatching(/^faults +[\d,]+$/m)));
    expect(run([...args, "--format", "markdown"])).toEqual(
      ok(expect.stringContaining("## Replay under pre-patch\n")),
    );
    const result = replaySchema.parse(JSON.parse(run([...args, "--format", "json"]).stdout));
    expect(result.result.strategy).toBe("pre-patch");
  });

  it("is the same side as in a diff", () => {
    const json = (args: string[]) => JSON.parse(run([...args, "--format", "json"]).stdout);
    const diff = json(["diff", trace]);
    expect(json(["replay", trace, "--strategy", "post-patch"]).result).toEqual(diff.candidate);
  });

  it("--events writes NDJSON, every fault in it", () => {
    const args = [
      "replay",
      trace,
      "--strategy",
      "pre-patch",
      "--format",
      "json",
      "--events",
      "events.ndjson",
    ];
    const { result } = JSON.parse(run(args).stdout);
    const lines = readFileSync(join(folder, "events.ndjson"), "utf8").split("\n");
    expect(lines.pop()).toBe("");
    const faults = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "fault");
    expect(faults.length).toBe(result.faults.total);
  });

  it.each([
    [["--events", "-"], "--events: expected a file"],
    [["--events", "x", "-o", "./x"], "--events and --output: both name x"],
    [["--episodes", "x.txt"], "--episodes x.txt: expected a name that ends in .ndjson"],
    [["--episodes", "x.csv", "--events", "x.csv"], "both name x.csv"],
    [["--perfetto", "x.json"], "--perfetto x.json: expected a name such as trace.pftrace"],
  ])("refuses %j, and leaves nothing behind", (args, problem) => {
    const before = readdirSync(folder);
    expect(run(["replay", trace, "--strategy", "pre-patch", ...args])).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining(problem),
    });
    expect(readdirSync(folder)).toEqual(before);
  });
});

it("a trace of one fault, whose VM nothing tells: every output has something to say", () => {
  const lines = [
    '{"type":"header","schema":"s2replay-trace/1","walker":"pre-patch"}',
    '{"ts_ns":500,"cpu":1,"pid":101,"comm":"x","event":"kvm_guest_fault","ipa":"0x40000000","hsr":"0x92000045"}',
  ];
  const files = ["--html", "one.html", "--perfetto", "one.pftrace", "--episodes", "one.csv"];
  const result = run(["diff", "-", "--plot", ...files], { input: `${lines.join("\n")}\n` });
  expect(result).toEqual(ok(expect.stringContaining("no timeline")));
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(["one.html", "one.pftrace", "one.csv"]));
});

describe("validate", () => {
  it("says what a trace holds", () => {
    const text = run(["validate", trace]);
    expect(text).toEqual(ok(expect.stringMatching(/^trace .*: well-formed$/m)));
    const result = validateSchema.parse(JSON.parse(run(["validate", trace, "--format", "json"]).stdout));
    expect(result).toMatchObject({
      usable: true,
      skipped: 0,
      vms: 1,
      vcpus: 1,
      header: { walker: "pre-patch" },
    });
    expect(Object.values(result.eventsByName).reduce((a, b) => a + b, 0)).toBe(result.events);
    expect(result.threads.filter(({ vcpu }) => vcpu).length).toBe(1);
  });

  it("says who is who: two VMs, what tied their threads, and which aborts were MMIO", () => {
    const two = fileURLToPath(new URL("../../fixtures/two-vms-interleaved/trace.ndjson", import.meta.url));
    const { who } = validateSchema.parse(JSON.parse(run(["validate", two, "--format", "json"]).stdout));
    const slots = { slots: 1, answer: 0, userspaceExit: 0, noMap: 0 };
    expect(who).toMatchObject({
      vms: [
        { pgt: "0xa000", kvm: "0xa1", tgid: 100, memoryFaults: 4, mmioAborts: slots, tables: "empty" },
        { pgt: "0xb000", kvm: "0xb1", tgid: 200, memoryFaults: 2, mmioAborts: slots, tables: "empty" },
      ],
      untied: [],
    });
    expect(
      who.vms.map(({ vcpus }) => vcpus.map(({ pid, number, numberFrom }) => [pid, number, numberFrom])),
    ).toEqual([[[101, 0, "order"]], [[201, 0, "order"]]]);
    // 201 unmapped a page of the first VM.
    expect(who.vms[0]?.otherThreads.map(({ pid, tiedBy }) => [pid, tiedBy])).toEqual([
      [100, "kvm"],
      [201, "pgt"],
    ]);
  });

  it("stays readable with 200 vCPUs: 80 columns, a few lines a VM, and JSON has all", () => {
    const events = Array.from({ length: 200 }, (_, n) => {
      const who = `"pid":${1000 + n},"comm":"CPU ${199 - n}/KVM"`;
      const map = `"event":"s2_map","pgt":"0xffff000140b86d80","addr":"0x${(0x40000000 + n * 4096).toString(16)}","size":"0x1000"`;
      return [
        `{"ts":${n}.1,${who},"event":"kvm_guest_fault","ipa":"0x${(0x40000000 + n * 4096).toString(16)}","hsr":"0x92000047"}`,
        `{"ts":${n}.2,${who},${map}}`,
        `{"ts":${n}.3,${who},"event":"kvm_entry"}`,
      ];
    }).flat();
    const stray =
      '{"ts":300,"pid":9,"comm":"kswapd0","event":"kvm_unmap_hva_range","start":"0x1000","end":"0x2000"}';
    const input = [...events, stray, ""].join("\n");
    const { stdout, status } = run(["validate", "-"], { input });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}vCPUs {6}0-199, numbered by their names$/m);
    expect(stdout).toMatch(/^ {4}and 184 more: 184 faults, 0 MMIO$/m);
    expect(stdout).toMatch(/^tied to no VM\n {2}9 kswapd0: MMU notifiers only: nothing was unmapped$/m);
    const lines = stdout.split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.length).toBeLessThan(50);
    const { who } = validateSchema.parse(
      JSON.parse(run(["validate", "-", "--format", "json"], { input }).stdout),
    );
    expect(who.vms[0]?.vcpus.map(({ number }) => number)).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(who.vms[0]?.tables).toBe("populated");
  });

  it("a malformed trace: what is wrong comes first; status 1, with --lenient 0", () => {
    const lines = ['{"ts":1,"pid":1,"event":"kvm_entry"}', '{"ts":', '{"ts":2,"pid":1,"event":"x"}', ""];
    const input = lines.join("\n");
    const { status, stdout, stderr } = run(["validate", "-"], { input });
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout).toMatch(/^1 bad line: malformed JSON\n\ntrace +stdin: malformed/);
    expect(stdout).toMatch(/^unknown events, ignored\n {2}x +1$/m);
    expect(run(["validate", "-", "--lenient"], { input })).toEqual({ status: 0, stdout, stderr: "" });
  });

  it("an empty one is trouble: status 2", () => {
    expect(run(["validate", "-"])).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^s2replay: stdin: .*no events.*\n$/),
    });
  });
});
