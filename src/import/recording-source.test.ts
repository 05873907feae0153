import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openTrace } from "./open-trace.js";

/** A text that says that two events were lost, and what the recording script wrote beside it. */
const sample = fileURLToPath(new URL("../../fixtures/import/tracefs-overrun/input.txt", import.meta.url));
const beside = { type: "header", schema: "s2replay-trace/1" };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-beside-"));
  cpSync(sample, join(folder, "host.txt"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function headerWith(fields: object) {
  writeFileSync(join(folder, "host.header.json"), JSON.stringify({ ...beside, ...fields }));
  const options = { header: { kernel: "mine" } };
  return (await openTrace(join(folder, "host.txt"), options)).header;
}

it("the header beside a recording wins over what the recording says, the user's over both", async () => {
  const { header: alone } = await openTrace(join(folder, "host.txt"));
  expect(alone).toMatchObject({ source: "tracefs text", lost_events: expect.any(Number) });
  const header = await headerWith({
    clock: "mono_raw",
    source: "s2replay record",
    kernel: "6.1",
    lost_events: 999,
  });
  expect(header).toMatchObject({ clock: "mono_raw", source: "s2replay record", kernel: "mine" });
  // But for losses: the importer tells some of them as events, and must not count them twice.
  expect(header?.lost_events).toBe(alone?.lost_events);
});

it("a header that is none is an error that names its file", async () => {
  await expect(headerWith({ granule: 1 })).rejects.toThrow(
    `${join(folder, "host.header.json")}: header.granule: expected 4096, 16384 or 65536, got 1`,
  );
  writeFileSync(join(folder, "host.header.json"), "{");
  await expect(openTrace(join(folder, "host.txt"))).rejects.toThrow("host.header.json: expected a header");
});
