/**
 * `npm run bench:import`: events per CPU second of the text importers, beside what `trace-cmd report` prints where
 * that is installed and a trace.dat is named. The input is a cut-out of a real recording, over and over, later each
 * time.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openNdjson } from "../import/open-trace.js";
import { bestInTurns, cpuSeconds } from "./bench-turns.js";

const REPORTER = "trace-cmd";
const RUNS = 3;
const LINES = [100_000, 1_000_000];
const READ_BYTES = 256 * 1024;
const samples = ["tracefs-record-tgid", "trace-cmd-report-t", "trace-cmd-report-R", "perf-script"];
const timeOf = /(?<= )(\d+)(?=\.\d{6,9}: )/;

interface Measured {
  readonly cpu: number;
  readonly megabytes: number;
}

/** The sample again and again, each time ten seconds later. */
function grow(sample: string, lines: number, path: string): void {
  const text = readFileSync(
    fileURLToPath(new URL(`../../fixtures/import/${sample}/input.txt`, import.meta.url)),
    "utf8",
  );
  const events = text.split("\n").filter((line) => timeOf.test(line));
  const file = openSync(path, "w");
  for (let written = 0, round = 0; written < lines; written += events.length, round++) {
    const later = (seconds: string): string => String(Number(seconds) + 10 * round).padStart(seconds.length);
    writeSync(file, `${events.map((line) => line.replace(timeOf, later)).join("\n")}\n`);
  }
  closeSync(file);
}

async function importAll(path: string): Promise<void> {
  const source = await openNdjson(path, {}, { file: path, lenient: false, skipped: new Map() });
  const into = Buffer.alloc(READ_BYTES);
  while ((await source.read(into, 0)) > 0);
}

/** CPU seconds that trace-cmd takes for an event it prints; undefined without trace-cmd or a trace.dat to print. */
function reportSeconds(recording: string | undefined): number | undefined {
  if (recording === undefined || spawnSync(REPORTER, ["--version"]).error !== undefined) return undefined;
  const command = 'times; "$2" report -t -i "$0" 2>/dev/null > "$1"; times';
  const out = join(mkdtempSync(join(tmpdir(), "s2replay-")), "report");
  const [before, , , after] = execFileSync("bash", ["-c", command, recording, out, REPORTER], {
    encoding: "utf8",
  })
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + 60 * Number(m) + Number(s), 0),
    );
  const lines = readFileSync(out, "latin1").split("\n").length - 2;
  rmSync(join(out, ".."), { recursive: true });
  return (after! - before!) / lines;
}

const [contender, path] = process.argv.slice(2);
if (contender === "import" && path !== undefined) {
  await importAll(path);
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(JSON.stringify({ cpu: cpuSeconds(), megabytes }));
} else {
  const program = fileURLToPath(import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), "s2replay-"));
  const report = reportSeconds(contender);
  if (report !== undefined)
    process.stdout.write(`trace-cmd report -t: ${(1e6 * report).toFixed(2)} us an event\n`);
  try {
    for (const sample of samples) {
      const file = join(folder, "recording.txt");
      const [few, many] = LINES.map((lines) => {
        grow(sample, lines, file);
        return bestInTurns<Measured>(program, ["import"], file, RUNS)[0]!;
      });
      // The difference leaves out what starting the program and compiling it costs.
      const seconds = (many!.cpu - few!.cpu) / (LINES[1]! - LINES[0]!);
      const ratio = report === undefined ? "" : `, ${(report / seconds).toFixed(1)} times trace-cmd report`;
      process.stdout.write(
        `${sample.padEnd(20)} ${(1e6 * seconds).toFixed(2)} us an event${ratio}; start-up ${(few!.cpu - seconds * LINES[0]!).toFixed(2)} s; ` +
          `peak ${few!.megabytes} MB, with ten times the events ${many!.megabytes} MB\n`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
