/**
 * What reading costs: the ndjson package, split and JSON.parse, and this reader, on the same file, each in a
 * process of its own. `npm run bench:read`. CPU is user + system time; what Node needs to start and to load
 * modules is measured apart, since it is the same for any length of trace.
 */

import { createReadStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeBenchTrace } from "../trace/ndjson/bench-trace.js";
import { bestInTurns, cpuSeconds } from "./bench-turns.js";

const LINES = 2_000_000;
const MANY_LINES = 10_000_000;
const RUNS = 5;

interface Measured {
  readonly lines: number;
  /** Seconds, after loading. */
  readonly cpu: number;
  readonly startCpu: number;
  readonly rssMib: number;
}

/** Each loads its modules, then gives what reads. */
const contenders: Record<string, () => Promise<(path: string) => Promise<number>>> = {
  async ndjson() {
    const { default: ndjson } = await import("ndjson");
    return async (path) => {
      let lines = 0;
      const rows = createReadStream(path).pipe(ndjson.parse());
      rows.on("data", () => lines++);
      await new Promise((resolve, reject) => rows.on("end", resolve).on("error", reject));
      return lines;
    };
  },
  async split() {
    return async (path) => {
      let lines = 0;
      let rest = "";
      for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: 256 * 1024 })) {
        const whole = (rest + chunk).split("\n");
        rest = whole.pop()!;
        for (const line of whole) if (JSON.parse(line) !== undefined) lines++;
      }
      return lines;
    };
  },
  async reader() {
    const { openTrace } = await import("../import/open-trace.js");
    return async (path) => {
      const source = await openTrace(path);
      for await (const batch of source.batches()) void batch;
      return source.report.lines;
    };
  },
};

async function measureHere(contender: string, path: string): Promise<Measured> {
  const read = await contenders[contender]!();
  const startCpu = cpuSeconds();
  const lines = await read(path);
  return { lines, cpu: cpuSeconds() - startCpu, startCpu, rssMib: process.resourceUsage().maxRSS / 1024 };
}

function print(name: string, result: Measured, reference: Measured): void {
  const columns = [
    name.padEnd(34),
    result.cpu.toFixed(2).padStart(8),
    result.startCpu.toFixed(2).padStart(8),
    (reference.cpu / result.cpu).toFixed(2).padStart(8),
    ((1e9 * result.cpu) / result.lines).toFixed(0).padStart(8),
    result.rssMib.toFixed(0).padStart(8),
  ];
  console.log(columns.join(""));
}

function benchmark(): void {
  const self = fileURLToPath(import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), "s2replay-bench-"));
  try {
    const path = join(folder, "trace.ndjson");
    writeBenchTrace(path, LINES);
    console.log(`${LINES} lines of ${(statSync(path).size / LINES).toFixed(0)} bytes on average`);
    console.log("                                   CPU s  start s   faster   ns/line  RSS MiB");
    const [ndjson, split, reader] = bestInTurns<Measured>(
      self,
      ["ndjson", "split", "reader"],
      path,
      RUNS,
    ) as [Measured, Measured, Measured];
    print("(a) ndjson package", ndjson, ndjson);
    print("(b) split and JSON.parse", split, ndjson);
    print("(c) this reader, all checks", reader, ndjson);
    rmSync(path);
    const longPath = join(folder, "long.ndjson");
    writeBenchTrace(longPath, MANY_LINES);
    const [long] = bestInTurns<Measured>(self, ["reader"], longPath, 1) as [Measured];
    console.log(
      `${MANY_LINES} lines: ${long.cpu.toFixed(2)} s, ${long.rssMib.toFixed(0)} MiB, ` +
        `${(100 * (long.rssMib / reader.rssMib - 1)).toFixed(1)} % more memory than for ${LINES}`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [contender, path] = process.argv.slice(2);
if (contender !== undefined && path !== undefined) {
  console.log(JSON.stringify(await measureHere(contender, path)));
} else benchmark();
