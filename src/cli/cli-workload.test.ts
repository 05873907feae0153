import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { DiffResult } from "../compare/result.js";

vi.setConfig({ testTimeout: 60_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(args: readonly string[], input = "") {
  return spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    input,
    maxBuffer: 2 ** 28,
  });
}

describe("s2replay workload", () => {
  it.each([
    ["1", "2M", []],
    ["7", "2M", ["--fwb"]],
    ["60", "1G", []],
    ["7", "1G", ["--fwb"]],
  ])("kvm_page_table_test -v %s -g %s %j | diff -", (vcpus, granularity, more) => {
    const size = granularity === "1G" ? "1G" : "16M";
    const workload = ["workload", "kvm_page_table_test", "-m", "4", "-t", "2", "-g", granularity, "-s", size];
    const { stdout, stderr, status } = run([...workload, "-v", vcpus, ...more]);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    const diff = run(["diff", "-", "--format", "json"], stdout);
    expect({ stderr: diff.stderr, status: diff.status }).toEqual({ stderr: "", status: 0 });
    const { base, candidate, epochs, caveats } = JSON.parse(diff.stdout) as DiffResult;
    expect(epochs.map(({ label }) => label)).toEqual(["CREATE", "UPDATE", "ADJUST"]);
    const blocks = granularity === "1G" ? 1 : 8;
    for (const { faults, windows } of [base, candidate]) {
      expect(faults.byCause.coalesceTrigger).toBe(blocks);
      expect(windows.count).toBe(blocks);
      expect(faults.byCause.hole).toBe(granularity === "1G" ? 131_072 : 8 * 256);
    }
    expect(epochs[2]?.candidate.makespanNs).toBeLessThan(epochs[2]?.base.makespanNs as number);
    expect(caveats.map(({ code }) => code)).toEqual(more.length > 0 ? [] : ["unclean-pages"]);
  });

  it.each(["dirty-log", "boot-storm"])("%s | replay -", (name) => {
    const { stdout } = run(["workload", name]);
    const { status, stderr } = run(["replay", "-", "--strategy", "v6.1"], stdout);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("-o writes what standard output gets", () => {
    const args = ["workload", "dirty-log", "--seconds", "0.01"];
    expect(run([...args, "-o", "log.ndjson"]).stdout).toBe("");
    expect(readFileSync(join(folder, "log.ndjson"), "utf8")).toBe(run(args).stdout);
  });

  it.each([
    [["kvm_page_table_test", "-b", "20G"], /as merged/],
    [["kvm_page_table_test", "-s", "anonymous_hugetlb_1gb", "-o", "x.ndjson"], /a type of memory/],
    [["kvm_page_tabel_test"], /unknown workload.*did you mean "kvm_page_table_test"/],
    [["kvm_page_table_test", "--vcpu", "2"], /unknown option --vcpu.*--vcpus/],
    [[], /expected a workload/],
  ])("%j is refused with status 2", (args, message) => {
    const { status, stderr, stdout } = run(["workload", ...args]);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(folder, "x.ndjson"))).toBe(false);
  });

  it("ends when its reader has seen enough", async () => {
    const child = spawn(process.execPath, [
      program,
      "workload",
      "kvm_page_table_test",
      "-m",
      "2",
      "-s",
      "1T",
      "-v",
      "60",
    ]);
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.on("exit", resolve));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});
