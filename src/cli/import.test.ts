import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TraceFormatError, UsageError } from "../errors.js";
import { importTrace } from "./import.js";

const text =
  "cpus=2\n a-1   [000]  1.000000001: abort: (f) vcpu=0x1\n\n a-1   [000]  1.000000002: abort_ret: (f <- f) ret=1\n";
const events =
  '{"ts":1.000000001,"cpu":0,"pid":1,"comm":"a","event":"s2_abort"}\n' +
  '{"ts":1.000000002,"cpu":0,"pid":1,"comm":"a","event":"s2_abort_ret","ret":1}\n';

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "s2replay-import-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function fromStdin(chunks: readonly (string | Uint8Array)[]): Promise<string> {
  let out = "";
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const stdin = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  await importTrace({ input: "-", output: "-", stdin, stdout });
  return out;
}

const header = '{"type":"header","schema":"s2replay-trace/1","arch":"arm64","source":"trace-cmd","cpus":2}\n';

it("reads standard input, plain or gzip, however it is cut", async () => {
  expect(await fromStdin([text])).toBe(header + events);
  expect(await fromStdin([...text])).toBe(header + events);
  expect(await fromStdin([text.trimEnd()])).toBe(header + events);
  expect(await fromStdin([text.replaceAll("\n", "\r\n")])).toBe(header + events);
  const packed = gzipSync(text);
  expect(await fromStdin([packed.subarray(0, 1), packed.subarray(1, 30), packed.subarray(30)])).toBe(
    header + events,
  );
});

it("writes a file by its name, the same bytes each time", async () => {
  const input = join(folder, "report.txt");
  const output = join(folder, "trace.ndjson.gz");
  await writeFile(input, text);
  const summary = await importTrace({ input, output, header: { walker: "v6.1", pcpus: 1 } });
  expect(summary).toMatchObject({ events: 2, lines: 4 });
  const packed = await readFile(output);
  expect(packed.readUInt32LE(4)).toBe(0); // The gzip header's time.
  expect(gunzipSync(packed).toString()).toBe(
    '{"type":"header","schema":"s2replay-trace/1","name":"trace.ndjson.gz","arch":"arm64","source":"trace-cmd","cpus":2,"walker":"v6.1","pcpus":1}\n' +
      events,
  );
  await importTrace({ input, output, header: { walker: "v6.1", pcpus: 1 } });
  expect(await readFile(output)).toEqual(packed);
});

it("leaves the old output, and nothing else, when the input is bad", async () => {
  const input = join(folder, "report.txt");
  const output = join(folder, "trace.ndjson");
  await writeFile(input, `${text}rubbish\n`);
  await writeFile(output, "old");
  await expect(importTrace({ input, output })).rejects.toThrow(`${input}:5: expected a line`);
  expect(await readFile(output, "utf8")).toBe("old");
  expect((await readdir(folder)).sort()).toEqual(["report.txt", "trace.ndjson"]);
});

it("says what is wrong", async () => {
  await expect(fromStdin(["# tracer: nop\n"])).rejects.toThrow(
    "stdin:1: expected the text of trace-cmd report -t",
  );
  await expect(fromStdin([])).rejects.toThrow(new TraceFormatError("stdin", "no events"));
  await expect(fromStdin(["cpus=2\n"])).rejects.toThrow(new TraceFormatError("stdin", "no events"));
  await expect(fromStdin([gzipSync(text).subarray(0, 40)])).rejects.toThrow("stdin: broken gzip data");
  await expect(fromStdin(["\x17\x08Dtracing7"])).rejects.toThrow(UsageError);
  await expect(fromStdin([gzipSync("\x17\x08Dtracing7")])).rejects.toThrow("unpack it first");
  await expect(fromStdin([text, "x".repeat(1024 * 1024 + 1)])).rejects.toThrow("stdin:5: a line over 1 MiB");
  await expect(importTrace({ input: join(folder, "none"), output: "-" })).rejects.toThrow(
    "cannot be read (ENOENT)",
  );
  await expect(importTrace({ input: folder, output: "-" })).rejects.toThrow("cannot be read (EISDIR)");
  const input = join(folder, "report.txt");
  await writeFile(input, text);
  await expect(importTrace({ input, output: join(folder, "no", "x") })).rejects.toThrow(
    "cannot be written (ENOENT)",
  );
  await expect(importTrace({ input, output: folder })).rejects.toThrow("is a directory");
});

it("asks for trace-cmd where a trace.dat is given and it is not installed", async () => {
  const input = join(folder, "trace.dat");
  await writeFile(input, "\x17\x08Dtracing7");
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    await expect(importTrace({ input, output: "-" })).rejects.toThrow(
      "trace-cmd, which is not installed here",
    );
  } finally {
    process.env.PATH = path;
  }
});
