/**
 * `npm run validate:laws [-- FOLDER]`: asks the laws of a replay against the record (src/replay/README.md) of each
 * recording, with its machine told and not told, and prints a table. FOLDER holds KERNEL/SCENARIO/RUN/trace.dat, each
 * beside a trace.header.json or not; without it the shipped recordings are taken. `--only TEXT` takes the files whose
 * path has it, `--told` each recording once, with its machine told. Exit status: 0; 1 where a law is broken; 2 on trouble.
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startCount } from "../cli/progress.js";
import { recordingsIn, shippedRecordings, walkerOf } from "./kernel-recordings.js";
import { type Law, type LawOutcome, laws, lawsOf } from "./laws.js";
import { toItsEnd } from "./to-its-end.js";

const shipped = fileURLToPath(new URL("../../traces", import.meta.url));
const names = Object.keys(laws) as Law[];
const marks: Readonly<Record<LawOutcome["is"], string>> = { kept: "ok", broken: "BROKEN", "left out": "-" };

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: "string" }, told: { type: "boolean", default: false } },
  });
  const [folder] = positionals;
  const { recordings } = folder === undefined ? shippedRecordings(shipped) : recordingsIn(folder);
  const chosen = recordings.filter(({ file }) => values.only === undefined || file.includes(values.only));
  const jobs = chosen.flatMap((recording) =>
    // What has a header of its own tells its machine.
    (recording.header === undefined || values.told ? [true] : [true, false]).map((isTold) => ({
      recording,
      isTold,
    })),
  );
  const { stop, onDone } = startCount("recordings");
  const width = Math.max(...chosen.map(({ kernel, scenario, run }) => `${kernel}/${scenario}/${run}`.length));
  const row = (name: string, cells: readonly string[]) =>
    `${name.padEnd(width + 10)}${cells.map((cell, n) => cell.padStart((names[n] as string).length + 2)).join("")}\n`;
  process.stdout.write(row("", names));
  const broken: string[] = [];
  let done = 0;
  for (const { recording, isTold } of jobs) {
    const { kernel, scenario, run, file, header } = recording;
    const name = `${kernel}/${scenario}/${run}${isTold ? "" : ", untold"}`;
    const outcomes = await lawsOf({ file, walker: walkerOf(kernel), header: isTold ? header : undefined });
    process.stdout.write(
      row(
        name,
        outcomes.map(({ is }) => marks[is]),
      ),
    );
    for (const { law, is, detail } of outcomes)
      if (is === "broken") broken.push(`${name}: ${law}: ${detail}`);
    onDone?.(++done, jobs.length);
  }
  stop();
  process.stdout.write(`\n${names.map((law) => `${law.padEnd(14)}${laws[law]}`).join("\n")}\n`);
  if (broken.length > 0) process.stdout.write(`\n${broken.join("\n")}\n`);
  return broken.length > 0;
}

await toItsEnd("validate:laws", main);
