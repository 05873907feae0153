import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UnsupportedTraceError, UsageError } from "../errors.js";
import { PeekedSource } from "../trace/byte-source.js";
import { FzstdSource } from "../trace/decompress.js";
import { type PlainEvent, readAll } from "../trace/events.test.support.js";
import { openTrace } from "./open-trace.js";

const header =
  '{"type":"header","schema":"s2replay-trace/1","kernel":"6.1.0","name":"host a","lost_events":2}';
const abort = (ts: string, cpu: number, more = ""): string =>
  `{"ts":${ts},"cpu":${cpu},"pid":${10 + cpu},"event":"s2_abort"${more}}`;
const lines = (...all: string[]): string => `${all.join("\n")}\n`;
const order = (events: PlainEvent[]): unknown[] => events.map(({ atNs, line }) => [atNs, line]);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function count(path: string | NodeJS.ReadableStream): Promise<number> {
  const source = await openTrace(path);
  let events = 0;
  for await (const batch of source.batches()) events += batch.count;
  return events;
}

test("the header is read when the trace is opened, and names it", async () => {
  const path = file("named.ndjson", lines(header, abort("1", 0)));
  const source = await openTrace(path);
  expect(source.name).toBe("host a");
  expect(source.header).toEqual({
    schema: "s2replay-trace/1",
    kernel: "6.1.0",
    name: "host a",
    lost_events: 2,
  });
  expect(source.report.lostEvents).toBe(2);
  for await (const batch of source.batches()) expect(batch.count).toBe(1);
});

test("law: what the caller tells wins over the header; where both speak of the machine, that is a contradiction", async () => {
  const path = file("told.ndjson", lines(header, abort("1", 0)));
  const told = { name: "host b", kernel: "6.12", granule: 65536, walker: "v6.12" };
  const source = await openTrace(path, { header: told });
  expect(source.header).toEqual({ schema: "s2replay-trace/1", lost_events: 2, ...told });
  expect(source.name).toBe("host b");
  expect(source.contradictions).toEqual([{ field: "kernel", told: "6.12", said: "6.1.0" }]);
  const silent = await openTrace(file("silent.ndjson", lines(abort("1", 0))), { header: told });
  expect(silent.header).toEqual({ schema: "s2replay-trace/1", ...told });
  expect(silent.contradictions).toEqual([]);
});

test("a file without a header goes by its own name, a stream by stdin", async () => {
  expect((await openTrace(file("plain.ndjson", lines(abort("1", 0))))).name).toBe("plain.ndjson");
  expect((await openTrace(Readable.from([lines(abort("1", 0))]))).name).toBe("stdin");
});

test("header fields that are not known, and __proto__, are ignored; null is absent", async () => {
  const { source, error } = await readAll(
    lines(
      '{"__proto__":{"x":1},"type":"header","new":[1],"walker":null,"schema":"s2replay-trace/1.4"}',
      abort("1", 0),
    ),
  );
  expect([error, source?.header]).toEqual([undefined, { schema: "s2replay-trace/1" }]);
});

test("another major version is refused by name", async () => {
  const path = file("v2.ndjson", '{"type":"header","schema":"s2replay-trace/2"}\n');
  await expect(openTrace(path)).rejects.toThrow(UnsupportedTraceError);
  await expect(openTrace(path)).rejects.toThrow("s2replay-trace/2");
});

test("a missing file and a directory are the user's errors", async () => {
  await expect(openTrace(join(folder, "none"))).rejects.toThrow(UsageError);
  await expect(openTrace(join(folder, "none"))).rejects.toThrow("no such file");
  await expect(openTrace(folder)).rejects.toThrow("is a directory");
});

const many = lines(
  header,
  ...Array.from({ length: 30_000 }, (_, index) => abort((1 + index / 1e6).toFixed(6), index % 4)),
);

test("plain, gzip and zstd are told apart by their first bytes", async () => {
  expect(await count(file("a", many))).toBe(30_000);
  expect(await count(file("b", gzipSync(many)))).toBe(30_000);
  // Two gzip members one after the other are one stream.
  const half = many.length >> 1;
  expect(
    await count(file("c", Buffer.concat([gzipSync(many.slice(0, half)), gzipSync(many.slice(half))]))),
  ).toBe(30_000);
  const zstd = spawnSync("zstd", ["-qc"], { input: many });
  if (zstd.status === 0) expect(await count(file("d", zstd.stdout))).toBe(30_000);
});

test("a stream may come in pieces of any size", async () => {
  for (const size of [1, 3, 1000, 70_000]) {
    const text = size < 1000 ? many.slice(0, 5000) : many;
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
      text.slice(index * size, (index + 1) * size),
    );
    const { events } = await readAll(text, { lenient: true });
    const source = await openTrace(Readable.from(pieces), { lenient: true });
    let total = 0;
    for await (const batch of source.batches()) total += batch.count;
    expect(total).toBe(events.length);
  }
});

test("zstd without the zstd program", async () => {
  const zstd = spawnSync("zstd", ["-qc"], { input: many });
  if (zstd.status !== 0) return;
  const read = async (bytes: Buffer): Promise<string> => {
    let at = 0;
    const raw = {
      inputBytes: bytes.length,
      read: async (into: Buffer, offset: number) => {
        const length = bytes.copy(into, offset, at);
        at += length;
        return length;
      },
      close: async () => {},
    };
    const source = await FzstdSource.open((await PeekedSource.peek(raw, 4)).source);
    const chunk = Buffer.alloc(10_000);
    let text = "";
    for (let length = await source.read(chunk, 0); length > 0; length = await source.read(chunk, 0)) {
      text += chunk.toString("latin1", 0, length);
    }
    return text;
  };
  expect((await read(zstd.stdout)) === many).toBe(true);
  await expect(read(zstd.stdout.subarray(0, 200))).rejects.toMatchObject({
    problem: expect.stringMatching("stops early"),
  });
});

test.each([
  ["gzip", (text: string) => gzipSync(text)],
  ["zstd", (text: string) => spawnSync("zstd", ["-qc"], { input: text }).stdout],
])("%s cut short: refused, or with lenient what is whole", async (name, pack) => {
  const whole = pack(many);
  if (whole.length === 0) return;
  const cut = whole.subarray(0, whole.length - 1000);
  expect((await readAll(cut)).error).toMatch(
    new RegExp(`^t: the ${name} data stops early, at byte ${cut.length},`),
  );
  const { events, source, error } = await readAll(cut, { lenient: true });
  expect(error).toBe(undefined);
  expect(events.length).toBeGreaterThan(name === "gzip" ? 10_000 : -1);
  expect(source?.report.truncatedAtByte).toBe(cut.length);
  expect(source?.report.skipped.size).toBe(0);
});

test("the last line needs no newline, lines may end in CR LF, empty lines are nothing", async () => {
  const { events } = await readAll(`${abort("1", 0)}\r\n\r\n\n${abort("2", 0)}\r\n${abort("3", 0)}`);
  expect(order(events)).toEqual([
    [0, 1],
    [1e9, 4],
    [2e9, 5],
  ]);
});

test("cut in the last line: with lenient the lines before, and where", async () => {
  const text = lines(abort("1", 0), abort("2", 0)) + abort("3", 0).slice(0, -1);
  const { events, source } = await readAll(text, { lenient: true });
  expect([events.length, source?.report.truncatedAtByte, source?.report.skipped.size]).toEqual([
    2,
    text.length,
    0,
  ]);
});

test("times beyond a double's digits are exact", async () => {
  const { events, source } = await readAll(
    lines(
      abort("12345678.123456789", 0),
      abort('"12345678.123456790"', 0),
      '{"ts_ns":12345678123456791,"pid":1,"event":"s2_abort"}',
    ),
  );
  expect(events.map(({ atNs }) => atNs)).toEqual([0, 1, 2]);
  expect(source?.report.baseNs).toBe(12345678123456789n);
});

test("across cpus lines are merged in time order, ties in the order of the input", async () => {
  const { events, source } = await readAll(
    lines(
      abort("1.000000500", 0),
      abort("1.000000200", 1),
      abort("1.000000500", 1),
      abort("1.000000500", 0),
      abort("1.0000001", 2),
    ),
  );
  // Time counts from the first event in time order, which is the last line.
  expect(order(events)).toEqual([
    [0, 5],
    [100, 2],
    [400, 1],
    [400, 3],
    [400, 4],
  ]);
  expect(source?.report.baseNs).toBe(1000000100n);
});

test("a gap's end is a time like the line's own", async () => {
  const gap = (times: string): string => `{${times},"pid":1,"event":"gap"}`;
  const { events } = await readAll(
    lines(
      abort("5", 1),
      gap('"ts":4.5,"until":7.25'),
      gap('"ts_ns":"5500000000","until":"7000000000"'),
      gap('"ts":6,"until_ns":8000000000'),
    ),
  );
  expect(events.filter(({ event }) => event === "gap").map(({ atNs, amount }) => [atNs, amount])).toEqual([
    [0, 2.75e9],
    [1e9, 2.5e9],
    [1.5e9, 3.5e9],
  ]);
});

test("lenient: bad lines are skipped and counted by reason", async () => {
  const { events, source } = await readAll(
    lines(
      abort("1", 0),
      "{",
      abort("0.5", 0),
      '{"ts":1,"pid":1,"event":"s2_mkyoung","pgt":"0x1"}',
      abort("-1", 1),
      abort("2", 0),
    ),
    { lenient: true, reorderWindowNs: 1e9 },
  );
  expect(order(events)).toEqual([
    [0, 1],
    [1e9, 6],
  ]);
  expect(Object.fromEntries(source!.report.skipped)).toEqual({
    "malformed JSON": 1,
    "time backwards on one cpu": 1,
    "addr missing": 1,
    "negative time": 1,
  });
  expect(source?.report.lines).toBe(6);
});

test("unknown events are counted by name, MMU notifiers are folded, lost events are summed", async () => {
  const event = (name: string, more = ""): string => `{"ts":1,"cpu":3,"pid":1,"event":"${name}"${more}}`;
  const { events, source } = await readAll(
    lines(
      header,
      event("sched_wakeup"),
      event("kvm_test_age_hva", ',"start":"0xffff00001000","end":"0xffff00002000"'),
      event("kvm_unmap_hva_range", ',"start":"0x0","end":"0xffffffffffffffff"'),
      event("lost_events", ',"count":40'),
      event("lost_events"),
      event("__proto__"),
      event("sched_wakeup"),
    ),
  );
  expect(events.map(({ event: name, slot }) => [name, slot])).toEqual([
    ["kvm_age_hva", undefined],
    ["kvm_unmap_hva_range", undefined],
    ["lost_events", 3],
    ["lost_events", 3],
  ]);
  expect(source?.report.lostEvents).toBe(2 + 40 + 1);
  expect([...source!.report.unknown]).toEqual([
    ["sched_wakeup", 2],
    ["__proto__", 1],
  ]);
});

test("an alias stands in only where the key itself is absent", async () => {
  const { events } = await readAll(
    lines(
      '{"ts":1,"pid":1,"name":"ignored","event":"kvm_guest_fault","gpa":"zz","ipa":"0x1000","esr":"0x1","hsr":"0x2"}',
      '{"timestamp":2,"pid":1,"name":"kvm_guest_fault","gpa":"0x3000","esr":"0x4","far":"0x5"}',
      '{"ts":3,"pid":1,"event":"memslot","ipa":"zz","gpa":"0x6000"}',
    ),
  );
  expect(events.map(({ addr, esr, farLow }) => [addr, esr, farLow])).toEqual([
    [0x1000, 2, undefined],
    [0x3000, 4, 5],
    [0x6000, undefined, undefined],
  ]);
});

test("of a key given twice the last counts, as with JSON.parse", async () => {
  const { events, error } = await readAll(
    lines('{"ts":true,"pid":"x","event":7,"pid":5,"ts":1,"event":"s2_abort"}'),
  );
  expect([error, events[0]?.pid]).toEqual([undefined, 5]);
});

test("a line of 1 MiB is read, one byte more is not, and the lines after it are", async () => {
  const padded = (length: number): string =>
    abort("1", 0, `,"x":"${"y".repeat(length - abort("1", 0, ',"x":""').length)}"`);
  const limit = 1024 * 1024;
  expect((await readAll(lines(padded(limit), abort("2", 0)))).error).toBe(undefined);
  expect((await readAll(lines(padded(limit + 1), abort("2", 0)))).error).toMatch("t:1: line over 1 MiB");
  for (const length of [limit + 1, 5 * limit]) {
    const { events, source } = await readAll(lines(abort("1", 0), padded(length), abort("2", 0)), {
      lenient: true,
    });
    expect(order(events)).toEqual([
      [0, 1],
      [1e9, 3],
    ]);
    expect(Object.fromEntries(source!.report.skipped)).toEqual({ "line over 1 MiB": 1 });
  }
});

test("progress counts the bytes on disk", async () => {
  const packed = gzipSync(many);
  const seen: [number, number | undefined][] = [];
  const source = await openTrace(file("e", packed), {
    onProgress: (read, total) => seen.push([read, total]),
  });
  for await (const batch of source.batches()) void batch;
  expect(seen.at(-1)).toEqual([packed.length, packed.length]);
});

test("leaving off early is clean, and a trace is read once", async () => {
  const source = await openTrace(file("f", gzipSync(many)));
  for await (const batch of source.batches()) {
    expect(batch.count).toBeGreaterThan(0);
    break;
  }
  await expect(source.batches()[Symbol.asyncIterator]().next()).rejects.toThrow("open it again");
});
