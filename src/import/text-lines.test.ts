import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { importRecording } from "./imported-text.test.support.js";
import { wireEventNames, wireFieldsOf } from "./wire-event.js";

type Fields = Record<string, unknown>;

async function imported(text: string, options = {}): Promise<Fields[]> {
  const { lines } = await importRecording(Buffer.from(text), options);
  return lines
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line) as Fields);
}

/** Names as the kernel cuts them: 15 bytes. Spaces in front are lost in the padding. */
const cutTo15Bytes = (text: string): string => {
  let cut = text.replace(/^ +/, "");
  while (Buffer.byteLength(cut) > 15) cut = [...cut].slice(0, -1).join("");
  return cut;
};
const comm = fc
  .oneof(
    fc.string({ unit: "grapheme", maxLength: 15 }),
    fc.stringMatching(/^[-<>()[\]:., \w/]{0,15}$/),
    fc.constantFrom(
      "CPU 0/KVM",
      "<...>",
      "<idle>",
      "a-1-22-333",
      "x [001] 2.5: y:",
      "-",
      "a-1  [0] 1.5:",
      "(12)",
    ),
  )
  .map((text) => cutTo15Bytes(text.replace(/[\n\r]/g, "?")));

const hexValue = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.bigInt({ min: 0n, max: 4096n }));
/** What a value may look like in text, and what it then is on the wire. */
const spellings = {
  hex: hexValue.chain((value) => {
    const hex = value.toString(16);
    return fc
      .constantFrom(`0x${hex}`, `0x${hex.padStart(16, "0")}`, `0x${hex.toUpperCase()}`, String(value))
      .map((text) => ({ text, wire: `0x${hex}` as unknown }));
  }),
  signed: fc
    .integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    .chain((value) =>
      fc
        .constantFrom(
          String(value),
          `0x${(value >>> 0).toString(16)}`,
          `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`,
        )
        .map((text) => ({ text, wire: value as unknown })),
    ),
  count: fc.nat().map((value) => ({ text: String(value), wire: value as unknown })),
  text: fc.stringMatching(/^[A-Z_]{1,20}$/).map((text) => ({ text, wire: text as unknown })),
  state: fc.constant({ text: "R+", wire: "R+" as unknown }),
};

/** A probe's fields: those of the wire, in any order, among others of the user's own. */
const probe = fc
  .constantFrom(...wireEventNames.filter((name) => !/^(kvm_|sched_|memslot$)/.test(name)))
  .chain((event) =>
    fc.record({
      event: fc.constant(event),
      own: fc.record(Object.fromEntries(wireFieldsOf(event)!.map(({ key, form }) => [key, spellings[form]]))),
      order: fc.infiniteStream(fc.nat()),
      extra: fc.constantFrom("", "mc=0x0", 'name="two words"', "x=(fault)", "old=0x75aa2003"),
      address: fc.constantFrom(
        "(kvm_pgtable_stage2_map+0x0/0x114)",
        "(ffff80000808c070)",
        "(kvm_free_stage2_pgd+0x70/0xc0 <- kvm_pgtable_stage2_destroy)",
        "(f+0x1/0x2 [kvm])",
      ),
    }),
  )
  .map(({ event, own, order, extra, address }) => {
    const pairs = Object.entries(own).map(([key, value]) => `${key}=${(value as { text: string }).text}`);
    if (extra !== "") pairs.push(extra);
    const mixed = pairs
      .map((pair) => [order.next().value as number, pair] as const)
      .sort(([a], [b]) => a - b)
      .map(([, pair]) => pair);
    const wire = Object.fromEntries(
      Object.entries(own).map(([key, value]) => [key, (value as { wire: unknown }).wire]),
    );
    return { detail: [address, ...mixed].join(" "), event, wire };
  });

const head = fc.record({
  comm,
  pid: fc.nat({ max: 4_194_304 }),
  cpu: fc.nat({ max: 4095 }),
  seconds: fc.oneof(fc.nat({ max: 99_999 }), fc.nat({ max: 2 ** 40 })),
  nanos: fc.nat({ max: 999_999_999 }),
  tgid: fc.option(fc.nat({ max: 4_194_304 }), { nil: undefined }),
});

type Head = typeof head extends fc.Arbitrary<infer T> ? T : never;

const wireOf = ({ comm: name, pid, cpu, seconds, nanos }: Head, decimals: number): string =>
  `{"ts":${seconds}.${String(nanos).padStart(9, "0").slice(0, decimals)},"cpu":${cpu},"pid":${pid},"comm":${JSON.stringify(name)},`;

/** `%16s`: bytes, not characters. */
const padded = (name: string): string => " ".repeat(Math.max(0, 16 - Buffer.byteLength(name))) + name;
const time = ({ seconds, nanos }: Head, decimals: number): string =>
  `${String(seconds).padStart(5)}.${String(nanos).padStart(9, "0").slice(0, decimals)}`;

const layouts = {
  tracefs: (at: Head, flags: string, decimals: number) => {
    const group = at.tgid === undefined ? "" : `(${String(at.tgid).padStart(7)}) `;
    return `${padded(at.comm)}-${String(at.pid).padEnd(7)} ${group}[${String(at.cpu).padStart(3, "0")}]${flags} ${time(at, decimals)}: `;
  },
  report: (at: Head, flags: string, decimals: number) =>
    `${padded(at.comm)}-${String(at.pid).padEnd(5)} [${String(at.cpu).padStart(3, "0")}]${flags} ${time(at, decimals)}: `,
};

describe("law: an event printed and read is the event", { timeout: 60_000 }, () => {
  const flags = fc.constantFrom(
    "",
    " d...",
    " d..1.",
    " dNh2.b",
    " d...1..",
    " ....2.. +",
    " 1....",
    " D.Zff.1 !",
  );
  const decimals = fc.constantFrom(6, 9);
  const event = fc.record({ head, probe, flags, decimals });

  test.each(["tracefs", "report"] as const)("%s", async (layout) => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 20 }), async (events) => {
        const first = layout === "report" ? "cpus=2\n" : "# tracer: nop\n";
        const text = events.map(
          ({ head: at, probe: own, flags: marks, decimals: places }) =>
            `${layouts[layout](at, marks, places)}${own.event}: ${own.detail}\n`,
        );
        const { lines } = await importRecording(Buffer.from(first + text.join("")));
        const expected = events.map(({ head: at, probe: own, decimals: places }) => {
          const tgid = layout === "tracefs" && at.tgid !== undefined ? `,"tgid":${at.tgid}` : "";
          const fields = wireFieldsOf(own.event)!.map(
            ({ key }) => `,"${key}":${JSON.stringify(own.wire[key])}`,
          );
          return `${wireOf(at, places)}"event":"${own.event}"${tgid}${fields.join("")}}`;
        });
        expect(lines.trimEnd().split("\n").slice(1)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it("perf script", async () => {
    const perfComm = comm.map((name) => name.replace(/ +$/, "")).filter((name) => name !== "");
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 20 }),
        fc.array(perfComm, { minLength: 20, maxLength: 20 }),
        async (events, names) => {
          const heads = events.map(({ head: at }, index) => ({ ...at, comm: names[index]! }));
          const text = events.map(({ probe: own, decimals: places }, index) => {
            const at = heads[index]!;
            return `${padded(at.comm)} ${String(at.pid).padStart(5)} [${String(at.cpu).padStart(3, "0")}] ${time(at, places)}:  probe:${own.event}: ${own.detail}\n`;
          });
          const read = await imported(text.join(""));
          expect(read.map(({ comm: name, pid, cpu, event: name2 }) => [name, pid, cpu, name2])).toEqual(
            events.map(({ probe: own }, index) => [
              heads[index]!.comm,
              heads[index]!.pid,
              heads[index]!.cpu,
              own.event,
            ]),
          );
        },
      ),
      { numRuns: 100 },
    );
  });
});

const at = "           <...>-12      [003] d..1.    12.500000: ";

describe("lines that tracefs prints beside events", () => {
  it("what was lost, and how many cpus there are", async () => {
    const text = `# tracer: nop\n#\n# entries-in-buffer/entries-written: 10/12   #P:8\n#\n${at}tlb_vmid_ret: (f <- g)\nCPU:1 [LOST 123 EVENTS]\n\n##### CPU 2 buffer started ####\n${at}s2_abort: (f)\n`;
    const { lines, source } = await importRecording(Buffer.from(text));
    expect(lines.split("\n")).toEqual([
      '{"type":"header","schema":"s2replay-trace/1","arch":"arm64","source":"tracefs text","cpus":8,"lost_events":2}',
      '{"ts":12.500000,"cpu":3,"pid":12,"comm":"<...>","event":"tlb_vmid_ret"}',
      '{"ts":12.500000,"cpu":1,"pid":0,"event":"lost_events","count":123}',
      '{"ts":12.500000,"cpu":3,"pid":12,"comm":"<...>","event":"s2_abort"}',
      "",
    ]);
    expect(source.summary.lostEvents).toBe(125);
  });

  test.each([
    ["a counter clock", `${at.replace("12.500000", "4")}s2_abort: (f)`, "times are ticks of the trace clock"],
    [
      "latency-format",
      "kvm_page-179       0d.... 77484us#: s2_abort: (f)",
      "latency-format prints times relative",
    ],
  ])("%s is refused by name, --lenient or not", async (_, line, problem) => {
    const text = Buffer.from(`# tracer: nop\n${line}\n`);
    await expect(importRecording(text, { lenient: true })).rejects.toThrow(`t.txt:2: ${problem}`);
  });

  it("a probe that could not read, a task group that is not known, a mark", async () => {
    const text = `${at}s2_break: (f+0x1/0x2) addr=(fault) level=-1\n${at.replace("[003]", "(-------) [003]")}tracing_mark_write: x=1 y: z\n`;
    expect(await imported(text)).toMatchObject([
      { event: "s2_break", level: -1 },
      { event: "marker", text: "x=1 y: z", comm: "<...>", cpu: 3 },
    ]);
  });

  it("a last line without an end was cut, whatever it says", async () => {
    const text = Buffer.from(`${at}s2_abort: (f)\n${at}tlb_ipa: (f) mmu=0x1 ipa=0x40`);
    const problem = `cut short at byte ${text.length}: the last line has no end`;
    await expect(importRecording(text)).rejects.toMatchObject({ problem });
  });
});

describe("bpftrace", () => {
  const printf = (data: string): string => `${JSON.stringify({ type: "printf", data })}\n`;
  const own = '{"ts_ns":80926672176,"cpu":0,"pid":5,"comm":"a","event":"s2_abort"}';

  it("lines of the trace's own format and of tracefs, what was lost, what is neither", async () => {
    const text = `{"type": "attached_probes", "data": {"probes": 4}}\n${printf('{"type":"header","schema":"s2replay-trace/1","kernel":"6.1"}\n')}{"type": "lost_events", "data": {"events": 3}}\n${printf(`${own}\n`)}${printf(`${at}s2_abort: (f)\n`)}{"type": "map", "data": {"@n": 858}}\n`;
    const { lines, source } = await importRecording(Buffer.from(text));
    expect(lines.split("\n")).toEqual([
      '{"type":"header","schema":"s2replay-trace/1","kernel":"6.1","arch":"arm64","source":"bpftrace json"}',
      '{"ts_ns":80926672176,"pid":0,"event":"lost_events","count":3}',
      own,
      '{"ts":12.500000,"cpu":3,"pid":12,"comm":"<...>","event":"s2_abort"}',
      "",
    ]);
    expect(source.summary.lostEvents).toBe(3);
    expect([...source.summary.ignored]).toEqual([
      ["bpftrace attached_probes", 1],
      ["bpftrace map", 1],
    ]);
  });

  it("what a command run with -c printed in between is refused with its line", async () => {
    const text = Buffer.from(`{"type": "attached_probes", "data": {"probes": 4}}\nTesting guest mode\n`);
    await expect(importRecording(text)).rejects.toThrow("t.txt:2: expected an object of bpftrace -f json");
  });
});
