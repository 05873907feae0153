/**
 * `npm run check:golden [-- [FOLDER] [--large]]`: what the built-in strategies do, against what the kernels'
 * walkers did, line by line in every field. Of the large scenarios the counters alone, unless --large is given.
 * Exit status 1 on any difference.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UsageError } from "../errors.js";
import { type Agreement, compareWithGolden, type GoldenSet, goldenSetsIn } from "../scenario/golden-files.js";
import { strategies } from "../strategy/index.js";

/** All there is, where it is; else the part of it that comes with the sources. */
const folders = ["../../../shared/golden", "../../fixtures/golden"];

const FIELD_CHARS = 160;

function folderOf(words: readonly string[]): string {
  const [given, ...more] = words.filter((word) => word !== "--large");
  const unknown = more[0] ?? (given?.startsWith("-") ? given : undefined);
  if (unknown !== undefined) throw new UsageError(`unexpected argument ${unknown}; see package.json`);
  if (given !== undefined) return given;
  const paths = folders.map((folder) => fileURLToPath(new URL(folder, import.meta.url)));
  return paths.find((path) => existsSync(path)) ?? paths.at(-1)!;
}

function describe(agreement: Agreement): string {
  const cut = (value: string | undefined): string =>
    value === undefined ? "absent" : value.length > FIELD_CHARS ? `${value.slice(0, FIELD_CHARS)}..` : value;
  return agreement.differences
    .map(
      ({ scenario, operation, text, field, recorded, walked }) =>
        `    ${scenario} ${operation}: ${text}\n      ${field}: kernel ${cut(recorded)}\n      ${" ".repeat(field.length)}  walked ${cut(walked)}\n`,
    )
    .join("");
}

function check(set: GoldenSet, hashesLarge: boolean): boolean {
  const scripts = set.scripts();
  const hashes = !set.isLarge || hashesLarge;
  let agrees = true;
  for (const letter of set.letters()) {
    const strategy = strategies.find((each) => each.golden === letter);
    const title = `${set.name.padEnd(10)} ${letter.padEnd(2)} ${strategy?.name ?? "-"}`.padEnd(28);
    if (strategy === undefined) {
      process.stdout.write(`${title} skipped: no built-in strategy models it\n`);
      continue;
    }
    const before = process.cpuUsage();
    const agreement = compareWithGolden(strategy, scripts, set.recorded(letter), { ...set.form, hashes });
    const { user, system } = process.cpuUsage(before);
    const { compared, equal } = agreement;
    agrees &&= equal === compared;
    const figures = `${String(compared).padStart(6)} lines compared, ${String(equal).padStart(6)} equal`;
    const seconds = ((user + system) / 1e6).toFixed(1).padStart(6);
    process.stdout.write(
      `${title}${figures}${seconds} s CPU${hashes ? "" : ", without hashes"}\n${describe(agreement)}`,
    );
  }
  return agrees;
}

try {
  const words = process.argv.slice(2);
  const results = goldenSetsIn(folderOf(words)).map((set) => check(set, words.includes("--large")));
  if (results.includes(false)) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`check:golden: ${error.message}\n`);
  process.exitCode = 2;
}
