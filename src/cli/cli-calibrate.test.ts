/** `calibrate` and `--profile fit`, as built. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { diffSchema } from "../compare/result.js";
import { loadProfile } from "../cost/profile.js";

vi.setConfig({ testTimeout: 60_000 });

const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const shipped = (name: string) =>
  fileURLToPath(new URL(`../../traces/5.10.262-${name}.ndjson.gz`, import.meta.url));
const trace = shipped("prepatch-h2m-1v");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(args: readonly string[], input: string | Uint8Array = "") {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of ["NO_COLOR", "FORCE_COLOR", "S2REPLAY_DEBUG"]) delete env[name];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    input,
    env,
  });
  return { status, stdout, stderr };
}

describe("calibrate", () => {
  it("writes the profile where it is told, and the table on the other stream", () => {
    const toFile = run(["calibrate", trace, "-o", "host.json"]);
    expect(toFile).toEqual({ status: 0, stdout: expect.stringMatching(/^mapFixedNs +\d+ /m), stderr: "" });
    const toStdout = run(["calibrate", trace]);
    expect(toStdout).toEqual({
      status: 0,
      stdout: readFileSync(join(folder, "host.json"), "utf8"),
      stderr: toFile.stdout,
    });
    for (const line of toFile.stdout.split("\n")) {
      expect(line.length).toBeLessThanOrEqual(100);
      expect(line).not.toMatch(/\s$/);
    }
  });

  it("comes to the same from standard input", () => {
    const { stdout } = run(["calibrate", trace]);
    const name = (text: string) => text.replaceAll(/prepatch-h2m-1v\.ndjson\.gz|standard input|stdin/g, "");
    expect(name(run(["calibrate", "-"], readFileSync(trace)).stdout)).toBe(name(stdout));
  });

  it("makes a profile that diff takes, and that says where each figure is from", () => {
    run(["calibrate", trace, "-o", "host.json"]);
    const { document, source } = loadProfile(join(folder, "host.json"));
    expect(source).toMatch(
      /^fitted by s2replay calibrate on 5\.10\.262-prepatch-h2m-1v\.ndjson\.gz \(pre-patch\): \d+ operations; held-out error /,
    );
    for (const [name, figure] of Object.entries(document.figures))
      expect(figure.assumed, name).toBe(!/^(fitted; |measured: )/.test(figure.source));
    const { status, stdout } = run(["diff", trace, "--profile", "host.json", "--format", "json"]);
    expect(status).toBe(0);
    expect(diffSchema.parse(JSON.parse(stdout)).profile).toMatchObject({ name: "fit", source });
  });

  it("finds what was found by hand: profile emulated, where these traces tell", () => {
    run(["calibrate", shipped("prepatch-h2m-4v"), shipped("postpatch-h2m-4v"), "-o", "pair.json"]);
    const pair = loadProfile(join(folder, "pair.json"));
    const emulated = loadProfile("emulated");
    for (const name of ["exitEntryNs", "handlerNs", "tailNs", "tlbiVmidNs", "cleanLineNs"] as const)
      expect(Math.abs(pair.figure(name) / emulated.figure(name) - 1), name).toBeLessThan(0.05);
    for (const walker of ["pre-patch", "post-patch"]) {
      const [least, most] = pair.document.walkers![walker]!.entryVisitNs.range!;
      expect(least, walker).toBeLessThan(emulated.figure("entryVisitNs", walker));
      expect(most, walker).toBeGreaterThan(emulated.figure("entryVisitNs", walker) * 0.99);
    }
  });

  it("redoes the guest reads of kunpeng920", () => {
    const csv = fileURLToPath(new URL("../../src/cost/published/kunpeng920.csv", import.meta.url));
    expect(run(["calibrate", "--published", csv, "-o", "reads.json"]).status).toBe(0);
    const { points } = loadProfile(join(folder, "reads.json")).document.guestReadNs;
    const known = loadProfile("kunpeng920").document.guestReadNs.points;
    expect(points.map(({ vcpus }) => vcpus)).toEqual(known.map(({ vcpus }) => vcpus));
    for (const [at, { ns }] of points.entries()) expect(ns).toBeCloseTo(known[at]!.ns, 1);
  });
});

describe("refused", () => {
  const header = (fields: object) =>
    `${JSON.stringify({ type: "header", schema: "s2replay-trace/1", kernel: "6.1.0", ...fields })}\n`;
  const line = '{"ts":1,"cpu":0,"pid":7,"event":"kvm_guest_fault","ipa":"0x1000","hsr":"0x92000047"}\n';
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return name;
  };

  it.each<[string, () => string[], RegExp]>([
    [
      "nothing",
      () => [],
      /^s2replay: expected traces, or --published FILE; see s2replay calibrate --help\n$/,
    ],
    ["both", () => [trace, "--published", "x.csv"], /^s2replay: expected traces, or --published FILE/],
    [
      "traces of two machines",
      () => [file("a.ndjson", header({}) + line), file("b.ndjson", header({ fwb: true }) + line)],
      /^s2replay: b\.ndjson: fwb is true, but false in a\.ndjson: a profile is fitted on traces of one machine\n$/,
    ],
    [
      "a trace without durations",
      () => [file("a.ndjson", header({}) + line)],
      /^s2replay: a\.ndjson: too few operations of known duration: a fit needs s2_map with its return/,
    ],
    [
      "a trace of an unknown walker",
      () => [file("c.ndjson", line)],
      /^s2replay: c\.ndjson: the trace does not say which walker recorded it.*--walker NAME tells\n$/,
    ],
    ["a file that is not there", () => ["none.ndjson"], /^s2replay: none\.ndjson: no such file\n$/],
    ["fit of a fit", () => [trace, "--profile", "fit"], /^s2replay: unknown profile "fit"/],
    [
      "a table that is not there",
      () => ["--published", "none.csv"],
      /^s2replay: none\.csv: cannot be read \(ENOENT\)\n$/,
    ],
    [
      "a table of other columns",
      () => ["--published", file("d.csv", "# times\nvcpus,seconds\n1,2\n")],
      /^s2replay: d\.csv:2: expected the columns message_id,/,
    ],
    [
      "a bad cell",
      () => [
        "--published",
        file(
          "e.csv",
          "message_id,backing,mem_gib,vcpus,variant,stage,seconds,used\nm,hugetlb1g,20,20,p2,ADJUST,1,fitted\n",
        ),
      ],
      /^s2replay: e\.csv:2: variant: expected base, p1, p1\+coalesce.*, got "p2"\n$/,
    ],
    [
      "times below what all else takes",
      () => [
        "--published",
        file(
          "f.csv",
          "message_id,backing,mem_gib,vcpus,variant,stage,seconds,used\nm,hugetlb1g,1,1,p1,ADJUST,0.001,fitted\n",
        ),
      ],
      /^s2replay: f\.csv:2: 0\.001 s is less than the replay takes with reads of 0 ns/,
    ],
  ])("%s", (_name, args, message) => {
    const result = run(["calibrate", ...args(), "-o", "refused.json"]);
    expect(result).toEqual({ status: 2, stdout: "", stderr: expect.stringMatching(message) });
    expect(existsSync(join(folder, "refused.json"))).toBe(false);
  });
});

describe("--profile fit", () => {
  it("fits on the trace that it replays, and says how well", () => {
    run(["calibrate", trace, "-o", "host.json"]);
    const given = JSON.parse(run(["diff", trace, "--profile", "host.json", "--format", "json"]).stdout);
    const fitted = JSON.parse(run(["diff", trace, "--profile", "fit", "--format", "json"]).stdout);
    expect(fitted.profile.fit).toEqual({
      operations: expect.any(Number),
      heldOut: {
        operations: expect.any(Number),
        medianError: expect.any(Number),
        p90Error: expect.any(Number),
      },
    });
    delete fitted.profile.fit;
    expect(fitted).toEqual(given);
    expect(
      run(["replay", trace, "--strategy", "v6.1", "--profile", "fit"]).stdout.replaceAll(/\s+/g, " "),
    ).toMatch(
      /profile fit \(fitted on \d+ operations of this trace, those held out \d+\.\d % off at the median and \d+\.\d % at the 90th percentile; \d+ of its 18 figures are assumptions\)/,
    );
  });

  it("cannot read a pipe twice, and says what to do", () => {
    const input = gunzipSync(readFileSync(trace));
    expect(run(["compare", "-", "--profile", "fit"], input)).toEqual({
      status: 2,
      stdout: "",
      stderr:
        "s2replay: --profile fit reads the trace twice, and standard input cannot be: save it to a file, " +
        "or fit once (s2replay calibrate FILE -o profile.json) and give --profile profile.json\n",
    });
  });
});
