/**
 * What importing costs: a trace.dat of a million events, read by trace-cmd report (which prints its text) and here
 * (which writes NDJSON). `npm run bench:import`. CPU is user + system time; what each needs to start is
 * measured on a recording of a few events and shown apart.
 */

import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openNdjson } from "../import/open-trace.js";
import { benchTraceDat } from "../import/trace-dat/bench-trace-dat.test.support.js";
import { bestInTurns, cpuSeconds } from "./bench-turns.js";

const EVENTS = 1_200_000;
const FEW_EVENTS = 16;
const RUNS = 3;

interface Measured {
  /** Seconds, start included. */
  readonly cpu: number;
  /** Peak; of this program. */
  readonly rssMib?: number;
}

const contenders: Record<string, (path: string) => Promise<Measured>> = {
  async "trace-cmd"(path) {
    const sink = openSync("/dev/null", "w");
    // The shell's own report of its child is the only way to the child's CPU time.
    const { stderr, status } = spawnSync(
      "bash",
      ["-c", 'TIMEFORMAT="%U %S"; time trace-cmd report -t -i "$0" >&3', path],
      {
        stdio: ["ignore", "ignore", "pipe", sink],
        encoding: "utf8",
      },
    );
    closeSync(sink);
    if (status !== 0) throw new Error(`trace-cmd report: ${stderr}`);
    const [user, system] = stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
    return { cpu: user! + system! };
  },
  async here(path) {
    const source = await openNdjson(path, {}, { file: path, lenient: false, skipped: new Map() });
    const sink = openSync("/dev/null", "w");
    const buffer = Buffer.alloc(256 * 1024);
    for (let count = await source.read(buffer, 0); count > 0; count = await source.read(buffer, 0))
      writeSync(sink, buffer, 0, count);
    await source.close();
    return { cpu: cpuSeconds(), rssMib: process.resourceUsage().maxRSS / 1024 };
  },
};

function print(name: string, all: Measured, start: Measured, reference: readonly [Measured, Measured]): void {
  const own = all.cpu - start.cpu;
  const [theirs, theirStart] = reference;
  const columns = [
    name.padEnd(28),
    all.cpu.toFixed(2).padStart(8),
    start.cpu.toFixed(2).padStart(8),
    ((1e9 * own) / EVENTS).toFixed(0).padStart(10),
    ((theirs.cpu - theirStart.cpu) / own).toFixed(2).padStart(8),
    (theirs.cpu / all.cpu).toFixed(2).padStart(12),
    all.rssMib?.toFixed(0).padStart(9) ?? "",
  ];
  console.log(columns.join(""));
}

function benchmark(): void {
  const self = fileURLToPath(import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), "s2replay-bench-"));
  try {
    const [few, many] = [join(folder, "few.dat"), join(folder, "many.dat")] as const;
    const names = Object.keys(contenders);
    for (const compression of ["none", "zstd"] as const) {
      write(self, few, FEW_EVENTS, compression);
      write(self, many, EVENTS, compression);
      console.log(
        `\ntrace.dat of ${EVENTS} events, compression ${compression}, ${(statSync(many).size / 2 ** 20).toFixed(0)} MiB`,
      );
      console.log("                               CPU s  start s  ns/event  faster  with start  RSS MiB");
      const starts = bestInTurns<Measured>(self, names, few, RUNS);
      const all = bestInTurns<Measured>(self, names, many, RUNS);
      const reference = [all[0]!, starts[0]!] as const;
      names.forEach((name, index) => {
        print(
          name === "here" ? "s2replay, to NDJSON" : "trace-cmd report -t",
          all[index]!,
          starts[index]!,
          reference,
        );
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In a process of its own: what it takes would count as its children's peak. */
function write(self: string, path: string, events: number, compression: "none" | "zstd"): void {
  const { status, stderr } = spawnSync(process.execPath, [self, String(events), path], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  if (compression === "zstd") pack(path);
}

/** As trace-cmd record does. */
function pack(path: string): void {
  const packed = `${path}.zstd`;
  const words = ["convert", "--file-version", "7", "--compression", "zstd", "-i", path, "-o", packed];
  const { status, stderr } = spawnSync("trace-cmd", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`trace-cmd convert: ${stderr}`);
  renameSync(packed, path);
}

const [contender, path] = process.argv.slice(2);
if (contender === undefined || path === undefined) benchmark();
else if (/^\d+$/.test(contender)) writeFileSync(path, benchTraceDat(Number(contender), "none"));
else console.log(JSON.stringify(await contenders[contender]!(path)));
