/** `npm run proof -- NAME [ARGUMENTS]`: what proves the program, beside its tests. None of it is shipped. */

import { fileURLToPath } from "node:url";
import { didYouMean } from "../suggest.js";

/** Each is a program of its own, in a file beside this one. */
const proofs: Readonly<Record<string, readonly [file: string, describe: string]>> = {
  kernels: ["kernels.js", "each kernel predicted from recordings of the others"],
  laws: ["validate-laws.js", "the laws of a replay, asked of recordings"],
  reproduce: ["reproduce.js", "the published experiment"],
  golden: ["golden.check.js", "every walk against what the kernels' own walkers did"],
  import: ["import.check.js", "trace.dat as trace-cmd reads it"],
  "fuzz-text": ["text-fuzz.check.js", "text recordings with mutated lines"],
  "fuzz-trace-dat": ["trace-dat-fuzz.check.js", "trace.dat with mutated bytes"],
  "bench-read": ["read.bench.js", "NDJSON against the ndjson package"],
  "bench-text": ["text.bench.js", "import of text recordings"],
  "bench-trace-dat": ["trace-dat.bench.js", "import of trace.dat against trace-cmd"],
  "bench-replay": ["replay.bench.js", "a diff against the ndjson package's reading"],
  "bench-workload": ["workload.bench.js", "the published experiment's workload"],
};

const [node = "", , name = "", ...words] = process.argv;
if (Object.hasOwn(proofs, name)) {
  const url = new URL(proofs[name]![0], import.meta.url);
  process.argv = [node, fileURLToPath(url), ...words];
  await import(url.href);
} else {
  const list = Object.entries(proofs).map(([known, [, describe]]) => `  ${known.padEnd(16)}${describe}\n`);
  process.stderr.write(
    `expected a proof${name === "" ? "" : `, got ${name}${didYouMean(name, Object.keys(proofs))}`}:\n${list.join("")}`,
  );
  process.exitCode = 2;
}
