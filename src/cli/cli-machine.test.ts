/** The recording machine and the what-if machine: one name for one thing, on every command that reads a trace. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type DiffResult, diffSchema } from "../compare/result.js";

// Programs are started on a machine that does other things too.
vi.setConfig({ testTimeout: 90_000 });

const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const repository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const machine = {
  kernel: "5.10.262",
  granule: 4096,
  ia_bits: 48,
  fwb: false,
  walker: "pre-patch",
  pcpus: 1,
  lock_wait: "sleep",
};
const told =
  "--kernel 5.10.262 --granule 4096 --ia-bits 48 --no-fwb --walker pre-patch --pcpus 1 --lock-wait sleep";
const words = (text: string) => text.split(" ").filter((word) => word !== "");

/** Two folders with the same traces: with a header that says what the machine was, and with one that does not. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-machine-"));
  const small = readFileSync(repository("fixtures/recorded-adjust-of-5.10-prepatch/trace.ndjson"), "utf8");
  const long = gunzipSync(readFileSync(repository("traces/5.10.262-prepatch-h2m-1v.ndjson.gz"))).toString();
  for (const [name, fields] of [
    ["saying", machine],
    ["silent", {}],
  ] as const) {
    mkdirSync(join(folder, name));
    for (const [file, text] of [
      ["small.ndjson", small],
      ["long.ndjson", long],
    ] as const)
      writeFileSync(
        join(folder, name, file),
        `${JSON.stringify({ type: "header", schema: "s2replay-trace/1", ...fields })}${text.slice(text.indexOf("\n"))}`,
      );
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(cwd: "saying" | "silent", ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: join(folder, cwd),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return { status, stdout, stderr };
}

function diff(cwd: "saying" | "silent", options: string, trace = "small.ndjson"): DiffResult {
  const { stdout, stderr } = run(cwd, "diff", trace, "--format", "json", ...words(options));
  if (stdout === "") throw new Error(stderr);
  return diffSchema.parse(JSON.parse(stdout));
}

function contradictions({ caveats }: Pick<DiffResult, "caveats">): string[] {
  return caveats.filter(({ code }) => code === "header-contradicted").map(({ text }) => text);
}

describe("law: a trace without a header, told its machine by options, is the trace whose header says so", () => {
  it.each([
    ["diff small.ndjson --format json", ""],
    ["diff small.ndjson --format json --candidate v6.12 --if-pcpus 2", ""],
    ["compare small.ndjson --format json --strategies pre-patch,v6.1", ""],
    ["replay small.ndjson --format json --strategy post-patch", ""],
    ["sweep small.ndjson --format ndjson --param clean=0,100% --jobs 1", ""],
    ["validate small.ndjson --format json", ""],
    ["validate small.ndjson --self-replay --format json", ""],
    ["calibrate long.ndjson", ""],
    ["diff long.ndjson --format json --profile fit", ""],
    ["import small.ndjson --name host", ""],
    ["export small.ndjson --as ndjson", ""],
    ["export small.ndjson --as ftrace", ""],
    ["fixture new made/cut --from small.ndjson --epoch ADJUST", "made/cut"],
    ["shrink small.ndjson --keep base.windows.count>0 -o made/least", "made/least"],
  ])("%s", (command, made) => {
    const itself = run("saying", ...words(command));
    expect(itself).toMatchObject({ status: 0 });
    expect(run("silent", ...words(command), ...words(told))).toEqual(itself);
    if (made === "") return;
    const files = (cwd: string) =>
      readdirSync(join(folder, cwd, made)).map((file) => readFileSync(join(folder, cwd, made, file), "utf8"));
    expect(files("silent")).toEqual(files("saying"));
  });

  it("and so is one without even an empty header", () => {
    const text = readFileSync(join(folder, "silent/small.ndjson"), "utf8");
    writeFileSync(join(folder, "silent/bare.ndjson"), text.slice(text.indexOf("\n") + 1));
    const { stdout } = run("silent", ...words(`import bare.ndjson --name host ${told}`));
    expect(stdout).toBe(run("saying", ...words("import small.ndjson --name host")).stdout);
    expect(diff("silent", told, "bare.ndjson")).toEqual({
      ...diff("saying", ""),
      trace: { ...diff("saying", "").trace, source: "bare.ndjson" },
    });
  });

  it("with FEAT_S2FWB and FEAT_TLBIRANGE too", () => {
    const { stdout } = run("silent", ...words("export small.ndjson --as ndjson --fwb --tlbi-range"));
    expect(JSON.parse(stdout.split("\n")[0] as string)).toMatchObject({ fwb: true, tlbi_range: true });
  });
});

describe("law: what an option says wins, and each contradiction is a caveat", () => {
  const otherwise =
    "--kernel 6.1 --granule 4096 --ia-bits 40 --fwb --walker post-patch --pcpus 2 --lock-wait spin";
  const said = [
    "kernel is taken for 6.1, as told, though the header says 5.10.262",
    "ia_bits is taken for 40, as told, though the header says 48",
    "fwb is taken for true, as told, though the header says false",
    "walker is taken for post-patch, as told, though the header says pre-patch",
    "pcpus is taken for 2, as told, though the header says 1",
    "lock_wait is taken for spin, as told, though the header says sleep",
  ];

  it("of diff, whose result is that of the machine that was told", () => {
    const options =
      "--kernel 6.1 --ia-bits 48 --fwb --walker post-patch --candidate pre-patch --pcpus 2 --lock-wait spin";
    const contradicted = diff("saying", options);
    expect(contradictions(contradicted)).toEqual(said.filter((text) => !text.startsWith("ia_bits")));
    const alone = diff("silent", options);
    expect(contradictions(alone)).toEqual([]);
    const withoutCaveats = ({ caveats: _, ...result }: DiffResult) => result;
    expect(withoutCaveats(contradicted)).toEqual({
      ...withoutCaveats(alone),
      trace: { ...alone.trace, assumed: [] },
    });
  });

  it("of validate, and of its self-replay", () => {
    const shown = run("saying", "validate", "small.ndjson", ...words(otherwise)).stdout;
    for (const text of said) expect(shown).toContain(`contradicted: ${text}\n`);
    const { stdout } = run(
      "saying",
      ...words("validate small.ndjson --self-replay --format json --walker post-patch"),
    );
    expect(JSON.parse(stdout).caveats).toEqual([{ code: "header-contradicted", text: said[3] }]);
  });

  it("of calibrate it is a warning", () => {
    const { stderr } = run("saying", ...words("calibrate long.ndjson --lock-wait spin"));
    expect(stderr.replaceAll(/\s+/g, " ")).toContain(`warning long.ndjson: ${said[5]}`);
  });

  it.each([
    "import small.ndjson -o contradicted.ndjson",
    "export small.ndjson --as ftrace",
    "export small.ndjson --as ndjson",
    "fixture new made/contradicted --from small.ndjson",
  ])("of %s standard error says it", (command) => {
    const { status, stderr } = run("saying", ...words(command), "--pcpus", "2");
    expect(status).toBe(0);
    expect(stderr).toContain(said[4]);
  });

  it("a header that agrees is no contradiction, nor is a module of the name that it has", () => {
    expect(contradictions(diff("saying", told))).toEqual([]);
    const like = "export default ({ strategyByName }) => ({ ...strategyByName('pre-patch'), name: 'mine' });";
    writeFileSync(join(folder, "mine.mjs"), like);
    const trace = readFileSync(join(folder, "saying/small.ndjson"), "utf8");
    writeFileSync(join(folder, "saying/mine.ndjson"), trace.replace("pre-patch", "mine"));
    const { stdout } = run(
      "saying",
      ...words(
        "diff mine.ndjson --format json --walker ../mine.mjs --base ../mine.mjs --candidate post-patch",
      ),
    );
    const result = diffSchema.parse(JSON.parse(stdout));
    expect(contradictions(result)).toEqual([]);
    expect(result.selfReplay?.strategy).toBe("mine");
    // A header has the name; a fixture, whose trace says no more, finds the module from where it lies.
    expect(run("silent", ...words("import small.ndjson --walker ../mine.mjs")).stdout).toContain(
      '"walker":"mine"',
    );
    const command = "fixture new made/mine --from small.ndjson --walker ../mine.mjs --pcpus 1";
    expect(run("silent", ...words(command))).toMatchObject({ status: 0, stderr: "" });
    const { options } = JSON.parse(readFileSync(join(folder, "silent/made/mine/expected.json"), "utf8"));
    expect(options.recording).toEqual({ walker: "../../../mine.mjs" });
    expect(run("silent", "check", "made/mine")).toMatchObject({ status: 0 });
  });
});

describe("law: a what-if is a prediction, and says so", () => {
  const predicted = (options: string) => {
    const { caveats, figures } = diff("saying", options);
    return {
      kind: figures?.["base.makespanNs"]?.kind,
      text: caveats.find(({ code }) => code === "other-machine")?.text,
    };
  };

  it.each([
    [
      "--if-pcpus 2",
      "recorded with 1 physical CPU, replayed with 2 physical CPUs: all sides are predictions",
    ],
    [
      "--if-lock-wait spin",
      "recorded with lock waiters that sleep, replayed with lock waiters that spin: all sides are predictions",
    ],
    ["--pcpus 2 --if-pcpus 1", "recorded with 2 physical CPUs, replayed with 1 physical CPU: all sides"],
  ])("%s", (options, text) => {
    expect(predicted(options)).toEqual({ kind: "modelled", text: expect.stringContaining(text) });
  });

  it.each(["", "--if-pcpus 1 --if-lock-wait sleep", "--pcpus 2"])("%j is the recorded machine", (options) => {
    expect(predicted(options)).toEqual({
      kind: options === "--pcpus 2" ? expect.any(String) : "recorded",
      text: undefined,
    });
  });

  it("it leaves the cost profile as it is: what things cost is the recorded machine's", () => {
    expect(diff("saying", "--if-lock-wait spin").profile.name).toBe("emulated");
    expect(diff("saying", "--lock-wait spin").profile.name).toBe("kunpeng920");
  });
});

it("law: a described workload has no recorded machine: --pcpus is the machine that runs it, and as much as --if-pcpus", () => {
  const { stdout } = run("silent", ...words("workload dirty-log -v 2 -s 64M -g 2M"));
  writeFileSync(join(folder, "silent/described.ndjson"), stdout);
  const [header, ...lines] = stdout.split("\n");
  const saying = { ...JSON.parse(header as string), pcpus: 1 };
  writeFileSync(join(folder, "saying/described.ndjson"), [JSON.stringify(saying), ...lines].join("\n"));
  const command = words("diff described.ndjson --format json");
  const onOne = run("silent", ...command, "--pcpus", "1");
  expect(onOne).toMatchObject({ status: 0, stderr: "" });
  expect(JSON.parse(onOne.stdout).caveats.map(({ code }: { code: string }) => code)).not.toContain(
    "other-machine",
  );
  expect(run("silent", ...command, "--if-pcpus", "1")).toEqual(onOne);
  expect(run("saying", ...command)).toEqual(onOne);
  expect(run("silent", ...command).stdout).not.toBe(onOne.stdout);
});

it.each([
  ["diff small.ndjson --pcpus 0", '--pcpus: expected a whole number from 1 up, got "0"'],
  ["validate small.ndjson --ia-bits 60", '--ia-bits: expected a whole number from 32 to 52, got "60"'],
  ["import small.ndjson --walker v61", '--walker: no strategy named "v61" (did you mean "v6.1"?)'],
  ["calibrate small.ndjson --walker v61", '--walker: no strategy named "v61" (did you mean "v6.1"?)'],
  ["export small.ndjson --as ftrace --granule 4k", '--granule: expected one of "4096", "16384", "65536"'],
  ["shrink small.ndjson --keep base.faults.total>0 --if-pcpus x", "--if-pcpus: expected a whole number"],
  [
    "replay small.ndjson --strategy v6.1 --if-lock-wait no",
    '--if-lock-wait: expected one of "spin", "sleep"',
  ],
  ["sweep small.ndjson --param pcpus=1,2", 'unknown parameter "pcpus" (did you mean "if-pcpus"?)'],
  ["sweep dirty-log --vcpus 1 --pcpus 0", "--pcpus: expected a whole number from 1 up"],
])("%s: a bad value is trouble, and the option is named", (command, text) => {
  const { status, stdout, stderr } = run("saying", ...words(command));
  expect({ status, stdout, stderr }).toEqual({
    status: 2,
    stdout: "",
    stderr: expect.stringContaining(text),
  });
});
