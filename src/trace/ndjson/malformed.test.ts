import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openTrace } from "../../import/open-trace.js";

const folder = new URL("../../../fixtures/malformed/", import.meta.url).pathname;
const inputs = readdirSync(folder).filter((file) => !file.endsWith(".err"));

async function read(file: string, lenient: boolean): Promise<string> {
  try {
    const source = await openTrace(folder + file, { name: file, lenient });
    for await (const batch of source.batches()) void batch;
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test.each(inputs)("%s", async (file) => {
  const expected = readFileSync(folder + file.replace(/\.ndjson(\.gz)?$/, ".err"), "utf8");
  expect(`${await read(file, false)}\n`).toBe(expected);
});

// What is left over is a trace, but for those that hold nothing else or whose header cannot be trusted.
// (zlib gives nothing of the step in which it finds damage, and this file is one step.)
const hopeless = /^(empty|only-|header-|gzip-damaged)/;
test.each(inputs.filter((file) => !hopeless.test(file)))("--lenient reads past %s", async (file) => {
  expect(await read(file, true)).toBe("");
});

test.each(inputs.filter((file) => hopeless.test(file)))("--lenient cannot help %s", async (file) => {
  expect(await read(file, true)).not.toBe("");
});
