/** `npm run fuzz:import [-- LINES [SEED]]`: damaged text recordings; anything but events or a named error ends it. */
import { fuzzText } from "../import/text-fuzz.test.support.js";

const [lines = "200000", seed = "1"] = process.argv.slice(2);
const started = process.cpuUsage();
const outcome = await fuzzText(Number(seed), Number(lines));
const { user, system } = process.cpuUsage(started);
process.stdout.write(
  `text: ${outcome.lines} lines in ${outcome.files} files: ${outcome.events} events, ${outcome.refused} files refused; ` +
    `${((user + system) / 1e6).toFixed(1)} s CPU, peak ${Math.round(process.resourceUsage().maxRSS / 1024)} MB\n`,
);
