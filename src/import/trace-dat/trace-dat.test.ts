import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it, test } from "vitest";
import { TraceFormatError, UnsupportedTraceError, UsageError } from "../../errors.js";
import { Aliases } from "../aliases.js";
import { openNdjson, openTrace } from "../open-trace.js";
import type { ImportOptions, RecordingSource } from "../recording-source.js";
import { type Outcomes, readMutated } from "./mutations.test.support.js";
import {
  pageSize,
  SAMPLE_START_NS,
  sampleFile,
  sampleKinds,
  samplePages,
} from "./trace-dat-samples.test.support.js";
import {
  EventKind,
  type Machine,
  machines,
  Packer,
  Page,
  type WrittenFile,
  writeTraceDat,
} from "./trace-dat-writer.test.support.js";

const folder = mkdtempSync(join(tmpdir(), "s2replay-dat-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [machine] = machines as [Machine];
const v6 = { version: 6 } as const;
const plain = { version: 7, compression: "none" } as const;
const zlib = { version: 7, compression: "zlib" } as const;
const forms = [v6, plain, zlib, { version: 7, compression: "zstd" } as const];

interface Read {
  readonly header: Record<string, unknown>;
  readonly events: string[];
  /** What ended it early. */
  readonly end: unknown;
  readonly skipped: ReadonlyMap<string, number>;
}

async function read(bytes: Buffer, options: ImportOptions = {}, lenient = false): Promise<Read> {
  const path = join(folder, "trace.dat");
  writeFileSync(path, bytes);
  const skipped = new Map<string, number>();
  const source = (await openNdjson(
    path,
    { import: options },
    { file: "t.dat", lenient, skipped },
  )) as RecordingSource;
  const parts: Buffer[] = [];
  let end: unknown;
  try {
    const buffer = Buffer.alloc(65536);
    for (let count = await source.read(buffer, 0); count > 0; count = await source.read(buffer, 0))
      parts.push(Buffer.from(buffer.subarray(0, count)));
  } catch (error) {
    end = error;
  } finally {
    await source.close();
  }
  const [header, ...events] = Buffer.concat(parts).toString().trimEnd().split("\n");
  return { header: JSON.parse(header || "{}") as Record<string, unknown>, events, end, skipped };
}

const everyEvent = [
  '{"ts":9007199.254740993,"cpu":0,"pid":187,"comm":"vcpu 0","event":"kvm_guest_fault","ipa":"0x800000018000","hsr":"0x92000047","hxfar":"0xac4fb0","vcpu_pc":"0x4009a4"}',
  '{"ts":9007199.254740998,"cpu":2,"pid":99,"comm":"<...>","event":"marker","text":"half way"}',
  '{"ts":9007199.254741003,"cpu":0,"pid":187,"comm":"vcpu 0","event":"s2_map","pgt":"0xffff000140b86d80","addr":"0x180000","size":"0x1000","phys":"0x1a60ec000","prot":"0x4"}',
  '{"ts":9007202.254740993,"cpu":0,"pid":187,"comm":"vcpu 0","event":"s2_map_ret","ret":-12}',
  '{"ts":9007202.254740993,"cpu":2,"pid":188,"comm":"vcpu-1","event":"s2_map_ret","ret":0}',
  '{"ts":9007202.254740999,"cpu":0,"pid":187,"comm":"vcpu 0","event":"kvm_userspace_exit","reason":"KVM_EXIT_MMIO"}',
  '{"ts":9007203.254740994,"cpu":0,"pid":0,"event":"lost_events","count":7}',
  '{"ts":9007203.254740994,"cpu":0,"pid":188,"comm":"vcpu-1","event":"kvm_userspace_exit","reason":"restart"}',
  '{"ts":9007204.254740995,"cpu":0,"pid":0,"comm":"<idle>","event":"sched_odd"}',
  '{"ts":9007205.254740993,"cpu":2,"pid":0,"event":"lost_events"}',
  '{"ts":9007205.254740993,"cpu":2,"pid":188,"comm":"vcpu-1","event":"kvm_userspace_exit","reason":"0xc8"}',
];

const samples = fileURLToPath(new URL("../../../fixtures/import", import.meta.url));

describe("cut-outs of real recordings", () => {
  const names = readdirSync(samples).filter((name) => name.startsWith("trace-dat-"));
  test.each(names)("%s", async (name) => {
    const { header, events } = await read(readFileSync(join(samples, name, "input.dat")));
    const expected = readFileSync(join(samples, name, "expected.ndjson"), "utf8")
      .trimEnd()
      .split("\n");
    expect(header).toEqual(JSON.parse(expected[0]!));
    expect(events).toEqual(expected.slice(1));
  });
});

describe.each(machines)("of a machine with $longSize-byte longs, big-endian: $bigEndian", (each) => {
  test.each(forms)("version $version, compression $compression", async (form) => {
    const { events, header, end } = await read(sampleFile(each, form));
    expect(events).toEqual(everyEvent);
    expect(end).toBeUndefined();
    expect(header).toEqual({
      type: "header",
      schema: "s2replay-trace/1",
      kernel: "6.1.0-test",
      arch: "arm64",
      granule: 4096,
      clock: "mono",
      source: "trace-cmd 3.1.6",
      cpus: 3,
    });
  });
});

it("packed as a whole, or through a pipe, it is the same", async () => {
  expect((await read(gzipSync(sampleFile(machine, plain)))).events).toEqual(everyEvent);
});

it("a whole trace opens as any other", async () => {
  const path = join(folder, "whole.dat");
  writeFileSync(path, sampleFile(machine, zlib));
  const trace = await openTrace(path);
  for await (const batch of trace.batches()) void batch;
  expect(trace.report.unknown).toEqual(new Map([["sched_odd", 1]]));
  expect(trace.report.events).toBe(everyEvent.length - 1);
  expect(trace.report.lostEvents).toBe(7 + 1);
});

it("a switch's state is a bit mask there, printed as the kernel prints it", async () => {
  // As Linux 6.1.192 describes it.
  const fields = ["char prev_comm[16]", "int prev_pid", "int prev_prio", "long prev_state"];
  const next = ["char next_comm[16]", "int next_pid", "int next_prio"];
  const change = new EventKind(machine, "sched", "sched_switch", 264, [...fields, ...next]);
  const wake = ["char comm[16]", "int pid", "int prio", "int target_cpu"];
  const waking = new EventKind(machine, "sched", "sched_waking", 268, wake);
  const { mapRet } = sampleKinds(machine);
  const states = [0, 0x100, 1, 2, 0x80, 0x10, 3];
  const page = states.reduce(
    (to, state) => to.event(2n, change.record(187, "vcpu 0", 187, 120, state, "cc1", 99, 120)),
    new Page(machine, pageSize, 1n).event(1n, mapRet.record(187, 0x10, 0x20, 0)),
  );
  page.event(3n, change.record(99, "cc1", 99, 120, 0, "swapper/0", 0, 120));
  page.event(4n, waking.record(99, "vcpu 0", 187, 120, 0));
  const buffers = [{ name: "", cpus: [{ cpu: 0, pages: [page.bytes] }] }];
  const { events } = await read(sampleFile(machine, plain, { kinds: [mapRet, change, waking], buffers }));
  const printed = ["R", "R+", "S", "D", "I", "X", "S|D"];
  expect(events.slice(1)).toEqual([
    ...printed.map(
      (state) =>
        `{"ts":0.000000002,"cpu":0,"pid":187,"comm":"vcpu 0","event":"sched_switch","prev_state":"${state}","next_pid":99}`,
    ),
    '{"ts":0.000000004,"cpu":0,"pid":99,"comm":"<...>","event":"sched_waking","target_pid":187}',
  ]);
});

describe("instances", () => {
  const { first, second } = samplePages(machine);
  const instances: Partial<WrittenFile> = {
    buffers: [
      { name: "", cpus: [{ cpu: 0, pages: first }] },
      { name: "kvm", cpus: [{ cpu: 2, pages: second }] },
    ],
  };
  test.each([v6, plain, zlib])("version $version $compression: all, or the one asked for", async (form) => {
    const bytes = sampleFile(machine, form, instances);
    expect((await read(bytes)).events).toEqual(everyEvent);
    const onCpu = (cpu: number) => everyEvent.filter((line) => line.includes(`"cpu":${cpu},`));
    expect((await read(bytes, { instance: "kvm" })).events).toEqual(onCpu(2));
    expect((await read(bytes, { instance: "" })).events).toEqual(onCpu(0));
    await expect(read(bytes, { instance: "kvn" })).rejects.toThrow(UsageError);
    await expect(read(bytes, { instance: "kvn" })).rejects.toThrow(/no buffer is called kvn.*kvm/);
  });
});

/** Times of a file's events, of one cpu each `event` of which has the given time. */
async function timesOf(atNs: readonly bigint[], more: Partial<WrittenFile>): Promise<string[]> {
  const { mapRet } = sampleKinds(machine);
  const page = new Page(machine, pageSize, atNs[0]!);
  for (const at of atNs) page.event(at, mapRet.record(1, 0, 0, 0));
  const bytes = sampleFile(machine, plain, {
    buffers: [{ name: "", cpus: [{ cpu: 0, pages: [page.bytes] }] }],
    ...more,
  });
  const { events, end } = await read(bytes);
  if (end !== undefined) throw end;
  return events.map((line) => /"ts":([^,]+)/.exec(line)![1]!);
}

const pack = () => new Packer(machine);

describe("times", () => {
  it("are exact to the nanosecond up to 64 bits", async () => {
    expect(await timesOf([SAMPLE_START_NS, SAMPLE_START_NS + 1n], {})).toEqual([
      "9007199.254740993",
      "9007199.254740994",
    ]);
    expect(await timesOf([(1n << 64n) - 1n], {})).toEqual(["18446744073.709551615"]);
    const edges = [999_999_999n, 1_000_000_000n, 4_294_967_295n, 4_294_967_296n, 4_999_999_999n];
    expect(await timesOf(edges, {})).toEqual([
      "0.999999999",
      "1.000000000",
      "4.294967295",
      "4.294967296",
      "4.999999999",
    ]);
  });

  it("have the offsets added that the file names", async () => {
    const options = [
      [7, Buffer.from("-5\0")],
      [1, Buffer.from("0x2\0")],
    ] as const;
    expect(await timesOf([1_000_000_000n], { options })).toEqual(["1.000001995"]);
  });

  it("below 0 are refused", async () => {
    await expect(timesOf([1n], { options: [[7, Buffer.from("-5\0")]] })).rejects.toThrow(TraceFormatError);
  });

  it("of ticks are multiplied and shifted", async () => {
    const ticks = pack().number(3, 4).number(1, 4).number(999, 8).bytes;
    expect(await timesOf([1_000_000_001n], { options: [[14, ticks]], clock: "x86-tsc" })).toEqual([
      "1.500000001",
    ]);
  });

  it("of a guest are put on its host's time", async () => {
    const shift = (times: bigint[], offsets: bigint[], flags: number) =>
      pack()
        .number(0xde, 8)
        .number(flags, 4)
        .number(1, 4)
        .number(times.length, 4)
        .add(
          ...[...times, ...offsets, ...times.map(() => 1n), ...times.map(() => 0n)].map(
            (each) => pack().number(each, 8).bytes,
          ),
        ).bytes;
    const at = [2_000n, 3_000n];
    const one = shift([0n], [-500n], 0);
    expect(await timesOf(at, { options: [[12, one]] })).toEqual(["0.000001500", "0.000002500"]);
    const two = shift([2_000n, 4_000n], [100n, 300n], 1);
    expect(await timesOf(at, { options: [[12, two]] })).toEqual(["0.000002100", "0.000003200"]);
  });

  it("of a clock that counts something else are refused", async () => {
    await expect(timesOf([1n], { clock: "counter" })).rejects.toThrow(UnsupportedTraceError);
  });
});

it("a host's file that names its guests is read as any", async () => {
  const guest = pack().add("guest\0").number(0xde, 8).number(1, 4).number(0, 4).number(187, 4).bytes;
  const options = [
    [13, guest],
    [11, pack().number(7, 8).bytes],
    [99, Buffer.from("from the future")],
  ] as const;
  expect((await read(sampleFile(machine, plain, { options }))).events).toEqual(everyEvent);
});

describe("losses", () => {
  const stats = (overrun: number, dropped: number) =>
    [
      2,
      Buffer.from(
        `CPU: 0\nentries: 0\noverrun: ${overrun}\ncommit overrun: 0\ndropped events: ${dropped}\n\0`,
      ),
    ] as const;

  it("that pages tell of are not told twice", async () => {
    const { header } = await read(sampleFile(machine, zlib, { options: [stats(7, 0)] }));
    expect(header).toMatchObject({ lost_events: 0 });
  });

  it("that no page tells of stand in the header", async () => {
    const { header } = await read(sampleFile(machine, plain, { options: [stats(9, 3)] }));
    expect(header).toMatchObject({ lost_events: 5 });
  });
});

describe("fields", () => {
  const oneEvent = async (kind: EventKind, record: Buffer, options: ImportOptions = {}) => {
    const pages = [new Page(machine, pageSize, 0n).event(0n, record).bytes];
    const bytes = writeTraceDat({
      ...plain,
      machine,
      kinds: [kind],
      buffers: [{ name: "", cpus: [{ cpu: 0, pages }] }],
    });
    const { events, end } = await read(bytes, options);
    if (end !== undefined) throw end;
    return events[0];
  };
  const kind = (name: string, ...fields: string[]) => new EventKind(machine, "kprobes", name, 1500, fields);

  it("of any size and sign become what the wire has", async () => {
    const map = kind("my_map", "u8 table", "u16 addr", "s32 len");
    expect(
      await oneEvent(map, map.record(1, 255, 65535, -4096), {
        aliases: new Aliases(["my_map=s2_map:pgt=table,size=len"]),
      }),
    ).toContain('"pgt":"0xff","addr":"0xffff","size":"0xfffffffffffff000"');
    const slot = kind("memslot", "s16 slot", "u64 size");
    expect(await oneEvent(slot, slot.record(1, -2, 1n << 63n))).toContain(
      '"slot":-2,"size":"0x8000000000000000"',
    );
    const pages = kind("tlb_range", "u64 pages");
    expect(await oneEvent(pages, pages.record(1, (1n << 64n) - 1n))).toContain(
      '"pages":18446744073709551615',
    );
    expect(await oneEvent(pages, pages.record(1, 1n << 33n))).toContain('"pages":8589934592');
    const ret = kind("s2_map_ret", "u64 ret");
    expect(await oneEvent(ret, ret.record(1, 0xffff_fff4n))).toContain('"ret":-12');
  });

  it("that are no numbers are refused where the wire has one", async () => {
    const text = kind("s2_destroy", "__data_loc char[] pgt");
    await expect(oneEvent(text, text.record(1, "none"))).rejects.toThrow(
      /s2_destroy: pgt: expected a decimal/,
    );
  });

  it("that a record is too short for are refused", async () => {
    const long = kind("s2_destroy", "u64 pgt");
    await expect(oneEvent(long, long.record(1, 1n).subarray(0, 8))).rejects.toThrow(/8 bytes, expected 16/);
  });
});

describe("a file that was cut", () => {
  test.each([v6, plain])("version $version: gives what is whole, and says where it stopped", async (form) => {
    const whole = sampleFile(machine, form);
    // Into the last page: of version 7, what says where the pages are is lost as well.
    const lastPage = Math.floor((whole.length - 1000) / pageSize) * pageSize;
    const cut = whole.subarray(0, lastPage + 100);
    const { events, end } = await read(cut, {}, true);
    expect(end).toMatchObject({ problem: expect.stringContaining(`stops early, at byte`) });
    const withoutCpu = (lines: readonly string[]) => lines.map((line) => line.replace(/"cpu":\d,/, ""));
    // From where the cpu stops, its events are missing.
    const lost = '{"ts":9007202.254740999,"pid":0,"event":"lost_events"}';
    const whole9 = withoutCpu(everyEvent).slice(0, 9);
    expect(withoutCpu(events)).toEqual([...whole9.slice(0, 5), lost, ...whole9.slice(5)]);
  });

  it("in its packed pages gives the chunks that are whole", async () => {
    const whole = sampleFile(machine, zlib);
    const starts: number[] = [];
    for (let at = 0; at < whole.length; at += pageSize) starts.push(at);
    const cut = whole.subarray(0, starts.at(-1)! + 20);
    const { events, end } = await read(cut, {}, true);
    expect(end).toMatchObject({ problem: expect.stringContaining(`at byte ${cut.length},`) });
    const recorded = events.filter((line) => !line.includes("lost_events"));
    const names = (lines: readonly string[]) => lines.map((line) => /"event":"(\w+)"/.exec(line)![1]);
    const ofFirst = everyEvent.filter((line) => line.includes('"cpu":0,') && !line.includes("lost_events"));
    expect(names(recorded)).toEqual(names(ofFirst));
    // What says which cpu it was is lost.
    expect(events.join()).not.toContain('"cpu"');
  });

  it("is an error where --lenient is not given, after its events", async () => {
    const path = join(folder, "cut.dat");
    writeFileSync(path, sampleFile(machine, v6).subarray(0, -pageSize));
    const trace = await openTrace(path);
    const reading = async () => {
      for await (const batch of trace.batches()) void batch;
    };
    await expect(reading()).rejects.toThrow(/stops early, at byte \d+.*--lenient/);
  });

  it("before its pages is refused", async () => {
    for (const form of forms) {
      const whole = sampleFile(machine, form);
      for (const length of [11, 18, 60, 300]) {
        await expect(read(whole.subarray(0, length), {}, true)).rejects.toThrow(TraceFormatError);
      }
    }
  });
});

describe("a damaged file", () => {
  it("is refused with the byte where it is damaged", async () => {
    const bytes = sampleFile(machine, v6);
    const at = Math.floor(bytes.length / pageSize - 4) * pageSize;
    bytes.writeUInt32LE(5000, at + 8);
    expect((await read(bytes)).end).toMatchObject({
      name: "TraceFormatError",
      message: `t.dat: at byte ${at}: expected a page of at most 4096 bytes, got 5000`,
    });
  });

  it("under --lenient loses the page alone, and says so", async () => {
    const bytes = sampleFile(machine, v6);
    const at = Math.floor(bytes.length / pageSize - 4) * pageSize;
    bytes.writeUInt32LE(5000, at + 8);
    const { events, skipped } = await read(bytes, {}, true);
    expect(events.some((line) => line.includes('"event":"lost_events"}'))).toBe(true);
    expect(events.at(-1)).toBe(everyEvent.at(-1));
    expect(skipped.get("damaged page")).toBe(1);
  });

  it("whose options go round in a circle comes to an end", async () => {
    const bytes = sampleFile(machine, plain);
    const place = bytes.indexOf("none\0\0") + 6;
    const first = Number(bytes.readBigUInt64LE(place));
    const size = Number(bytes.readBigUInt64LE(first + 8));
    bytes.writeBigUInt64LE(BigInt(first), first + 16 + size - 8);
    await expect(read(bytes)).rejects.toThrow(/expected options that come to an end/);
  });
});

it("any damage ends in events or in an error with a name", async () => {
  const outcomes: Outcomes = { counts: new Map(), longestMs: 0 };
  await readMutated(500, 7, outcomes);
  expect([...outcomes.counts.keys()].sort()).toEqual([
    "DataEnd",
    "TraceFormatError",
    "UnsupportedTraceError",
    "events",
  ]);
}, 60_000);
