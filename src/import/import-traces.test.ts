import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ImportedTraces } from "./import-traces.js";
import type { OpenTraceOptions } from "./open-trace.js";

const HEADER = '{"type":"header","schema":"s2replay-trace/1"';

async function importText(
  inputs: readonly (string | Buffer)[],
  options: OpenTraceOptions = {},
): Promise<string> {
  const streams = inputs.map((input) => Readable.from([Buffer.from(input)]));
  const pieces: Buffer[] = [];
  for await (const piece of (await ImportedTraces.open(streams, options)).pieces()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const event = (ts: string, pid: number): string => `{"ts":${ts},"pid":${pid},"event":"s2_abort"}\n`;
const nsOf = (line: string): bigint => {
  const [, seconds, fraction] = /"ts":(\d+)\.(\d+)/.exec(line)!;
  return BigInt(seconds! + fraction!.padEnd(9, "0"));
};

describe("several inputs", () => {
  it("law: every line of each once, in its own order, by time where each is sorted", async () => {
    const times = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.array(times, { minLength: 2, maxLength: 4 }), async (files) => {
        const inputs = files.map((ticks, pid) =>
          ticks
            .map((tick, n) => event(`${tick}.5${n % 10}`, 100 * pid + n))
            .sort((a, b) => Number(nsOf(a) - nsOf(b))),
        );
        const [header, ...lines] = (await importText(inputs.map((input) => input.join(""))))
          .trimEnd()
          .split("\n");
        expect(header).toBe(`${HEADER}}`);
        expect(lines.map(nsOf)).toEqual(
          inputs
            .flat()
            .map(nsOf)
            .sort((a, b) => Number(a - b)),
        );
        inputs.forEach((input, file) => {
          const own = lines.filter((line) => Math.floor(JSON.parse(line).pid / 100) === file);
          expect(own.map((line) => `${line}\n`)).toEqual(input);
        });
      }),
    );
  });

  it("ties go to the input named first; a time is exact whatever its spelling", async () => {
    const first = '{"event":"s2_abort","pid":1,"ts":"4294967296.000000001"}\n';
    const second = '{"ts_ns":"4294967296000000000","pid":2,"event":"s2_abort"}\n';
    const third = event("4294967296.000000001", 3);
    expect(await importText([first, second, third])).toBe(`${HEADER}}\n${second}${first}${third}`);
  });

  it("an input that goes back in time does not hold the others up", async () => {
    const late = event("5.0", 1) + event("4.0", 2);
    expect(await importText([late, event("4.5", 3) + event("6.0", 4)])).toBe(
      `${HEADER}}\n${event("4.5", 3)}${late}${event("6.0", 4)}`,
    );
  });

  it("headers are made one", async () => {
    const a = `${HEADER},"kernel":"6.1","cpus":2,"lost_events":1,"source":"x"}\n${event("1.0", 1)}`;
    const b = `${HEADER},"fwb":false,"cpus":4,"lost_events":2,"source":"y","kernel":"6.1","name":"b"}\n${event("2.0", 1)}`;
    expect(JSON.parse((await importText([a, b])).split("\n")[0]!)).toEqual({
      ...JSON.parse(`${HEADER}}`),
      kernel: "6.1",
      fwb: false,
      source: "x, y",
      cpus: 4,
      lost_events: 3,
    });
  });

  it("and must not deny each other, unless the user decides", async () => {
    const a = `${HEADER},"kernel":"6.1"}\n${event("1.0", 1)}`;
    const b = `${HEADER},"kernel":"6.2"}\n${event("2.0", 1)}`;
    await expect(importText([a, b])).rejects.toThrow(
      'stdin says kernel "6.1", stdin says "6.2": expected recordings of one machine on one clock',
    );
    expect(await importText([a, b], { header: { kernel: "6.3" } })).toContain('"kernel":"6.3"');
  });

  it("a line that is no event is refused, or counted", async () => {
    const bad = `${event("1.0", 1)}\r\n{"pid":1,"event":"s2_abort"}\n${event("2.0", 1)}`;
    const problem = 'stdin:3: expected an event with a time (ts or ts_ns), got "{\\"pid\\":1';
    await expect(importText([bad])).rejects.toThrow(problem);
    await expect(importText([bad, event("1.0", 2)])).rejects.toThrow(problem);
    expect(await importText([bad], { lenient: true })).toBe(
      `${HEADER}}\n${event("1.0", 1)}${event("2.0", 1)}`,
    );
  });
});

describe("one input", () => {
  it("is copied, its header completed", async () => {
    const text = `${HEADER},"kernel":"6.1","mine":[1]}\n${event("2.0", 1)}{"ts":1.0,"odd":true}\n`;
    expect(await importText([text], { header: { fwb: true } })).toBe(
      text.replace('"6.1"', '"6.1","fwb":true'),
    );
    expect(await importText([gzipSync(text)])).toBe(text);
    expect(await importText([text.trimEnd()])).toBe(text);
  });

  it("that is cut is an error, or used as far as it goes", async () => {
    const lines = Array.from({ length: 20_000 }, (_, n) => event(`${n}.0`, (n * 7919) % 1000)).join("");
    const packed = gzipSync(lines);
    const cut = packed.subarray(0, packed.length / 2);
    await expect(importText([cut])).rejects.toThrow("the gzip data stops early");
    const used = await importText([cut], { lenient: true });
    const body = used.slice(used.indexOf("\n") + 1);
    expect(body.length).toBeGreaterThan(1000);
    expect(lines.startsWith(body.slice(0, body.lastIndexOf("\n", body.length - 2) + 1))).toBe(true);
  });

  it("without events is an error", async () => {
    await expect(importText([""])).rejects.toThrow("stdin: no events, expected at least one");
    await expect(importText([`${HEADER}}\n`])).rejects.toThrow("stdin: no events, expected at least one");
  });
});
