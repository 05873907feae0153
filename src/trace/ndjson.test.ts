import { PassThrough, Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import { NdjsonWriter, readNdjson } from "./ndjson.js";

test("what is written is read back", async () => {
  const stream = new PassThrough();
  const writer = new NdjsonWriter(stream);
  const read = (async () => {
    const rows: unknown[] = [];
    for await (const row of readNdjson(stream, "rows")) rows.push(row);
    return rows;
  })();
  const rows = Array.from({ length: 5000 }, (_, index) => ({ index, text: 'a "b"\n' }));
  for (const row of rows) await writer.write(row);
  await writer.end();
  expect(await read).toEqual(rows);
});

test("a slow reader holds the writer back", async () => {
  const output = new Writable({
    highWaterMark: 16,
    write: (_chunk, _encoding, done) => void setImmediate(done),
  });
  const writer = new NdjsonWriter(output);
  for (let index = 0; index < 200; index++) {
    await writer.write({ index });
    expect(output.writableLength).toBeLessThan(1000);
  }
  await writer.end();
});

test("a reader that has had enough ends the writing, without an error", async () => {
  const output = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })),
  });
  const writer = new NdjsonWriter(output);
  for (let index = 0; index < 100; index++) await writer.write({ index });
  await writer.end();
  expect(writer.isClosed).toBe(true);
});

test("any other failure of the output is thrown", async () => {
  const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error("disk full")) });
  const writer = new NdjsonWriter(output);
  await writer.write({ a: 1 }).catch(() => {});
  await expect(writer.end()).rejects.toThrow("disk full");
});

test("a malformed row is a TraceFormatError that names the stream", async () => {
  const read = async (): Promise<void> => {
    for await (const row of readNdjson(Readable.from(['{"a":1}\n{"b"\n']), "rows.ndjson")) void row;
  };
  await expect(read()).rejects.toThrow(/^rows\.ndjson: /);
});
