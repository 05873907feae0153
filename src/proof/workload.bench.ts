/**
 * `npm run bench:workload`: CPU time and memory of replays of kvm_page_table_test under two strategies, all stages:
 * the seed's largest experiment (20 GiB in 1 GiB blocks, 60 vCPUs), and 1 TiB with 256 vCPUs. In a process each.
 */

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { kvmPageTableTest } from "../workload/kvm-page-table-test.js";
import { bestInTurns, cpuSeconds } from "./bench-turns.js";

const experiments = [
  { name: "20 GiB, 60 vCPUs", mode: 4, size: "20G", vcpus: 60, runs: 3, target: "2 s" },
  { name: "1 TiB, 256 vCPUs", mode: 2, size: "1T", vcpus: 256, runs: 1, target: "60 s, 1,000 MB" },
] as const;

interface Measured {
  readonly faults: number;
  /** Seconds. */
  readonly cpu: number;
  readonly rssKiB: number;
}

function writeTrace(path: string, mode: number, size: string, vcpus: number): void {
  const unset = Object.fromEntries(Object.keys(kvmPageTableTest.options).map((name) => [name, undefined]));
  const file = openSync(path, "w");
  let text = "";
  for (const line of kvmPageTableTest.lines({ ...unset, type: "hugetlb", mode, size, vcpus, fwb: false })) {
    text += line;
    if (text.length < 1 << 20) continue;
    writeSync(file, text);
    text = "";
  }
  writeSync(file, text);
  closeSync(file);
}

async function replay(path: string): Promise<void> {
  const { diffTrace } = await import("../compare/diff.js");
  const { base, candidate } = await diffTrace({
    input: path,
    lenient: false,
    base: "pre-patch",
    candidate: "post-patch",
  });
  const faults = base.faults.total + candidate.faults.total;
  const measured: Measured = { faults, cpu: cpuSeconds(), rssKiB: process.resourceUsage().maxRSS };
  process.stdout.write(JSON.stringify(measured));
}

const [, , what, path] = process.argv;
if (what === "replay" && path !== undefined) await replay(path);
else {
  const folder = mkdtempSync(join(tmpdir(), "s2replay-bench-"));
  try {
    for (const { name, mode, size, vcpus, runs, target } of experiments) {
      const trace = join(folder, "trace.ndjson");
      writeTrace(trace, mode, size, vcpus);
      const [measured] = bestInTurns<Measured>(fileURLToPath(import.meta.url), ["replay"], trace, runs);
      const { faults, cpu, rssKiB } = measured as Measured;
      console.log(
        `${name}: ${cpu.toFixed(2)} s CPU, ${Math.round((rssKiB * 1024) / 1e6)} MB peak, ${faults.toLocaleString("en")} faults (target: at most ${target})`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
