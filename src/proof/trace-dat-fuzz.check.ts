/** `npm run fuzz:import [-- FILES [SEED]]`: damaged trace.dat files, 20,000 unless said. Exit status 1 on a bad outcome. */

import { type Outcomes, readMutated } from "../import/trace-dat/mutations.test.support.js";

const FILES = 20_000;

const [files = FILES, seed = 1] = process.argv.slice(2).map(Number);
const outcomes: Outcomes = { counts: new Map(), longestMs: 0 };
await readMutated(files, seed, outcomes);
const counts = [...outcomes.counts].map(([name, count]) => `${count} ${name}`).join(", ");
const peakMib = process.resourceUsage().maxRSS / 1024;
console.log(
  `${files} damaged trace.dat files: ${counts}; longest ${outcomes.longestMs.toFixed(0)} ms, peak RSS ${peakMib.toFixed(0)} MiB`,
);
