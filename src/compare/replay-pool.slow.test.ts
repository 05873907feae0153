import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ReplayJob } from "./replay-pool.js";

vi.setConfig({ testTimeout: 60_000 });

// The built program: a thread is given a file that Node runs. `npm test` builds it first.
const built = new URL("../../dist/", import.meta.url);
const { replayAll }: typeof import("./replay-pool.js") = await import(
  new URL("compare/replay-pool.js", built).href
);
const { replayUnder }: typeof import("./replay-under.js") = await import(
  new URL("compare/replay-under.js", built).href
);
const { Aliases }: typeof import("../import/aliases.js") = await import(
  new URL("import/aliases.js", built).href
);

const recorded: ReplayJob = {
  input: "traces/5.10.262-prepatch-h2m-4v.ndjson.gz",
  kind: "diff",
  strategies: ["pre-patch", "post-patch"],
  lenient: false,
};
const small: ReplayJob = { ...recorded, input: "fixtures/abort-printed-after-the-window/trace.ndjson" };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-pool-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function errorOf(jobs: readonly ReplayJob[], threads: number): Promise<Error> {
  return replayAll(jobs, { threads, nameOf: (job) => `job ${job}` }).then(
    () => expect.unreachable(),
    (error) => error,
  );
}

describe("replayAll", () => {
  it.each([1, 2, 3])(
    "gives with %i threads what each replay gives alone, in the order of the jobs",
    async (threads) => {
      // The slowest first.
      const jobs = [
        recorded,
        small,
        { ...small, strategies: ["pre-patch", "v6.1"] },
        { ...small, scale: { clean: 0 } },
      ];
      const alone = await Promise.all(jobs.map((job) => replayUnder(job)));
      const done: number[] = [];
      const results = await replayAll(jobs, { threads, onDone: (count) => done.push(count) });
      expect(results).toEqual(alone);
      expect(done).toEqual([0, 1, 2, 3, 4]);
    },
  );

  it.each<[string, () => Partial<ReplayJob>]>([
    ["UsageError", () => ({ epoch: "no such" })],
    ["TraceFormatError", () => ({ input: file("bad.ndjson", '{"event":"s2_map"\n') })],
    [
      "UnsupportedTraceError",
      () => ({
        input: file(
          "walker.ndjson",
          '{"type":"header","schema":"s2replay-trace/1","walker":"v99"}\n{"ts_ns":1,"pid":1,"event":"marker","text":"A","phase":"begin"}\n',
        ),
      }),
    ],
    ["StrategyError", () => ({ strategies: ["pre-patch", file("broken.mjs", 'throw new Error("no")')] })],
  ])("a %s is the same from a thread of its own", async (name, change) => {
    const job = { ...small, ...change() };
    const [here, there] = [await errorOf([small, job], 1), await errorOf([small, job], 2)];
    expect(here.name).toBe(name);
    expect(there.name).toBe(name);
    expect(there.message).toBe(here.message);
    // A trace's defect has a place of its own.
    expect(here.message.startsWith("job 1: ")).toBe(name !== "TraceFormatError");
    expect((there as { where?: string }).where).toBe((here as { where?: string }).where);
  });

  it.each([1, 2])("with %i threads the first of the jobs that fail tells why", async (threads) => {
    // The first takes long to find out; the second fails at once.
    const jobs = [{ ...recorded, epoch: "no such" }, { ...small, input: "no such.ndjson" }, small, small];
    const error = await errorOf(jobs, threads);
    expect(error.message).toMatch(/^job 0: no epoch "no such"/);
  });

  it("begins nothing once a job has failed", async () => {
    const failing = { ...small, input: "no such.ndjson" };
    const done: number[] = [];
    const all = replayAll([failing, recorded, small, small, small], {
      threads: 2,
      onDone: (n) => done.push(n),
    });
    await expect(all).rejects.toThrow("no such file");
    expect(done).toEqual([0, 1]);
  });

  it("a recording's own probe names go with the job", async () => {
    const text = [
      "# tracer: nop",
      "#",
      "   vmm-10 [000] ..... 1.000001: my_memslot: (0x0) slot=1 flags=0x0 gpa=0x40000000 size=0x200000",
      "   vmm-10 [000] ..... 1.000002: my_map: (0x0) pgt=0x1000 where=0x40000000 len=0x1000 phys=0x80000000 prot=0x7",
      "   vmm-10 [000] ..... 1.000003: s2_map_ret: (0x0) ret=0x0",
      "",
    ].join("\n");
    const aliases = new Aliases(["my_map=s2_map:where=addr,len=size", "my_memslot=memslot"]);
    const job = { ...small, input: file("probes.txt", text), import: { aliases } };
    const alone = await replayUnder(job);
    expect(alone.caveats.map(({ code }) => code)).not.toContain("unknown-event");
    expect(await replayAll([job, job], { threads: 2 })).toEqual([alone, alone]);
  });

  it("a strategy that ends its thread is told", async () => {
    const strategies = ["pre-patch", file("exits.mjs", "process.exit(0)")];
    const error = await errorOf([{ ...small, strategies }, small], 2);
    expect(error).toMatchObject({ name: "StrategyError", message: "job 0: a strategy ended the program" });
  });
});
