import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { importedText } from "./imported-text.test.support.js";
import { importers } from "./importers.js";
import { openTrace } from "./open-trace.js";

/** Cut-outs of real recordings, and the trace that each is imported as. */
const folder = fileURLToPath(new URL("../../fixtures/import", import.meta.url));
const samples = readdirSync(folder);

const inputOf = (sample: string): string => {
  const name = readdirSync(join(folder, sample)).find((file) => file.startsWith("input."));
  return join(folder, sample, name!);
};
const expectedOf = (sample: string): string => readFileSync(join(folder, sample, "expected.ndjson"), "utf8");

test.each(samples)("%s is imported as expected", async (sample) => {
  expect(await importedText(inputOf(sample))).toBe(expectedOf(sample));
});

/** Every column of every event, and the strings that they speak of. */
async function eventsOf(path: string): Promise<unknown> {
  const trace = await openTrace(path, { name: "t" });
  const events: unknown[] = [];
  for await (const { count, line: _line, ...batch } of trace.batches()) {
    const columns = Object.entries(batch).filter(([, column]) => ArrayBuffer.isView(column));
    for (let row = 0; row < count; row++) {
      events.push(columns.map(([name, column]) => [name, (column as unknown as ArrayLike<number>)[row]]));
    }
  }
  const strings = Array.from({ length: trace.strings.size }, (_, id) => trace.strings.text(id));
  return { header: trace.header, baseNs: trace.report.baseNs, byKind: trace.report.byKind, strings, events };
}

test.each(samples)("%s read as a trace has the events of what it is imported as", async (sample) => {
  expect(await eventsOf(inputOf(sample))).toEqual(await eventsOf(join(folder, sample, "expected.ndjson")));
});

describe("the formats", () => {
  const heads = samples.map((sample) => [sample, readFileSync(inputOf(sample))] as const);

  test.each(heads)("%s is of one format alone", (_, head) => {
    expect(importers.filter(({ recognises }) => recognises(head)).map(({ format }) => format)).toHaveLength(
      1,
    );
  });

  it("leave this project's own trace alone", () => {
    for (const sample of samples) {
      const head = Buffer.from(expectedOf(sample));
      expect(importers.some(({ recognises }) => recognises(head))).toBe(false);
    }
    expect(importers.some(({ recognises }) => recognises(Buffer.alloc(0)))).toBe(false);
    expect(importers.some(({ recognises }) => recognises(Buffer.from("hello\n")))).toBe(false);
  });
});

it("one run gives the same events through every text that shows them", async () => {
  const events = async (sample: string): Promise<string[]> =>
    (await importedText(inputOf(sample))).split("\n").slice(1);
  const report = await events("trace-cmd-report");
  expect(await events("trace-cmd-report-N")).toEqual(report);
  const nanoseconds = await events("trace-cmd-report-t");
  expect(nanoseconds.length).toBe(report.length);
  // trace-cmd prints "restart" as the reason that the exit would have had, but for -R.
  const known = (lines: readonly string[]): string[] =>
    lines.filter((line) => !line.includes("userspace_exit"));
  expect(known(await events("trace-cmd-report-R"))).toEqual(known(report));
  expect(known(await events("trace-cmd-report-t-R"))).toEqual(known(nanoseconds));
  const tgid = (await events("tracefs-record-tgid")).map((line) => line.replace(/,"tgid":\d+/, ""));
  const plain = (await events("tracefs-no-irq-info")).slice(0, -1);
  expect(plain).toEqual(tgid.slice(0, plain.length));
  expect(report.slice(0, 12)).toEqual(tgid.slice(0, 12));
});
