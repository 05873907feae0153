/**
 * `npm run check:import [-- FOLDER]`: every trace.dat in a folder, and the tests' own of all kinds of machines, read
 * here and by `trace-cmd report -R -t`: every event and every field must agree. Exit status 1 on any difference.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RawEvent, rawEvents } from "../import/trace-dat/raw-events.test.support.js";
import { sampleFile } from "../import/trace-dat/trace-dat-samples.test.support.js";
import { machines } from "../import/trace-dat/trace-dat-writer.test.support.js";

/** All there is, where it is; else the samples that come with the sources. */
const folders = ["../../../shared/traces", "../../fixtures/import"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

const eventLine = /^\s*(.{1,16})-(\d+)\s+\[(\d+)\]\s+(\d+\.\d{9}): (\S+):\s*(.*)$/s;
const lossLine = /^CPU:(\d+) \[(?:(\d+) )?EVENTS DROPPED\]$/;
/** What trace-cmd prints in hex without saying so. */
const bareHex = /^__probe_(ip|func|ret_ip)$/;

interface Counts {
  events: number;
  fields: number;
}

/** What differs first; undefined where nothing does. */
async function compare(path: string, report: string, counts: Counts): Promise<string | undefined> {
  const lines = joined(report);
  let index = 0;
  for await (const raw of rawEvents(path)) {
    for (const count of raw.losses) {
      const [, cpu, number] = lossLine.exec(lines[index++] ?? "") ?? [];
      if (Number(cpu) !== raw.cpu || number !== count?.toString())
        return `a loss of ${count} on cpu ${raw.cpu}; trace-cmd: ${lines[index - 1]}`;
    }
    const line = lines[index++] ?? "";
    const difference = differenceOf(raw, line, counts);
    if (difference !== undefined) return `${difference}; trace-cmd: ${line}`;
    counts.events++;
  }
  return index === lines.length ? undefined : `the end; trace-cmd: ${lines[index]}`;
}

/** Lines, where a text in an event may hold ends of lines itself. */
function joined(report: string): string[] {
  const lines: string[] = [];
  for (const line of report.split("\n")) {
    if (/^cpus=\d+$|^CPU \d+ is empty$/.test(line)) continue;
    if (lines.length === 0 || eventLine.test(line) || lossLine.test(line)) lines.push(line);
    else lines[lines.length - 1] += `\n${line}`;
  }
  return lines.map((line) => line.trimEnd());
}

function differenceOf(raw: RawEvent, line: string, counts: Counts): string | undefined {
  const [, comm, pid, cpu, time, event, detail = ""] = eventLine.exec(line) ?? [];
  const found = `${comm?.trim()}-${pid} [${Number(cpu)}] ${time} ${event}`;
  const expected = `${raw.comm}-${raw.pid} [${raw.cpu}] ${raw.time} ${raw.event}`;
  if (found !== expected) return expected;
  let rest = detail;
  for (const [index, [field, text]] of raw.fields.entries()) {
    const next = raw.fields[index + 1]?.[0].name;
    const start = `${field.name}=`;
    const end = next === undefined ? rest.length : rest.indexOf(` ${next}=`);
    if (!rest.startsWith(start) || end === -1) return `${expected}: field ${field.name}`;
    const printed = rest.slice(start.length, end);
    if (!isSame(field, text, printed)) return `${expected}: ${field.name}=${text}, printed ${printed}`;
    rest = rest.slice(end + 1);
    counts.fields++;
  }
  return rest === "" ? undefined : `${expected}: nothing more`;
}

function isSame(field: RawEvent["fields"][number][0], text: string | undefined, printed: string): boolean {
  if (text === undefined) return false;
  if (field.kind === "text") return text.trimEnd() === printed.trimEnd();
  if (field.kind === "bytes") {
    const elements = /^ARRAY\[(.*)\]$/.exec(printed)?.[1]?.split(", ") ?? [];
    return text === elements.map((element) => element.padStart(2 * field.elementSize, "0")).join("");
  }
  const bits = 8 * field.size;
  if (!/^(-?\d+|0x[0-9a-f]+|[0-9a-f]+)$/.test(printed)) return false;
  const value = BigInt(bareHex.test(field.name) && !printed.startsWith("0x") ? `0x${printed}` : printed);
  return BigInt.asUintN(bits, value) === BigInt.asUintN(bits, BigInt(text));
}

/** Gives whether all agrees; undefined where trace-cmd cannot say. */
async function check(path: string, name: string, scratch: string): Promise<boolean | undefined> {
  const output = join(scratch, "report");
  const { status } = spawnSync("trace-cmd", ["report", "-R", "-t", "-i", path], {
    stdio: ["ignore", openSync(output, "w"), "ignore"],
  });
  if (status !== 0) {
    process.stdout.write(`${name}: not compared: trace-cmd cannot read it\n`);
    return undefined;
  }
  const counts: Counts = { events: 0, fields: 0 };
  const difference = await compare(path, readFileSync(output, "utf8"), counts);
  process.stdout.write(
    `${name}: ${counts.events} events, ${counts.fields} fields equal${difference === undefined ? "" : `\n  differs: ${difference}`}\n`,
  );
  return difference === undefined && counts.events > 0;
}

const folder = process.argv[2] ?? folders.find((path) => existsSync(path))!;
const scratch = mkdtempSync(join(tmpdir(), "s2replay-check-"));
try {
  if (spawnSync("trace-cmd", ["--version"]).error !== undefined) {
    process.stderr.write("check:import: trace-cmd is not installed\n");
    process.exitCode = 2;
  } else {
    const results: (boolean | undefined)[] = [];
    for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort())
      if (path.endsWith(".dat")) results.push(await check(join(folder, path), path, scratch));
    for (const machine of machines) {
      for (const form of [
        { version: 6 },
        { version: 7, compression: "none" },
        { version: 7, compression: "zstd" },
      ] as const) {
        const path = join(scratch, "sample");
        writeFileSync(path, sampleFile(machine, form));
        const { bigEndian, longSize } = machine;
        const name = `written, ${8 * longSize}-bit, ${bigEndian ? "big" : "little"}-endian, version ${form.version} ${"compression" in form ? form.compression : ""}`;
        results.push(await check(path, name.trim(), scratch));
      }
    }
    if (results.includes(false) || !results.includes(true)) process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true });
}
