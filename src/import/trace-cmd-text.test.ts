import { describe, expect, it, test } from "vitest";
import { eventNames } from "../trace/event.js";
import { importRecording } from "./imported-text.test.support.js";
import { importers } from "./importers.js";
import type { ImportOptions } from "./recording-source.js";

/** Imports text and checks what every output must be: a header, then JSON lines with what the format requires. */
async function convert(text: string, options: ImportOptions = {}) {
  const { lines, source } = await importRecording(Buffer.from(`cpus=5\n${text}\n`), { import: options });
  const [header, ...events] = lines.trimEnd().split("\n");
  for (const line of events)
    expect(JSON.parse(line)).toMatchObject({
      ts: expect.any(Number),
      pid: expect.any(Number),
      event: expect.any(String),
    });
  if (header !== "")
    expect(JSON.parse(header!)).toMatchObject({ type: "header", schema: "s2replay-trace/1" });
  expect(source.format).toBe("trace-cmd report");
  expect(source.summary.events).toBe(events.length);
  return { header, events, summary: source.summary };
}

const at = " kvm_page_table_-187   [002]     2.481431408: ";
const common = '{"ts":2.481431408,"cpu":2,"pid":187,"comm":"kvm_page_table_","event":';

/** Text after the time -> the line from the event's name on. Lines as the recordings hold them. */
const samples: readonly (readonly [string, string])[] = [
  [
    "kvm_guest_fault:      ipa 0x180000, hsr 0x82000084, hxfar 0x4009a4, pc 0x000000004009a4",
    '"kvm_guest_fault","ipa":"0x180000","hsr":"0x82000084","hxfar":"0x4009a4","vcpu_pc":"0x4009a4"}',
  ],
  [
    'kvm_entry:            CAN\'T FIND FIELD "vcpu_id"<CANT FIND FIELD rip>PC: 0x00000000004009a4',
    '"kvm_entry","vcpu_pc":"0x4009a4"}',
  ],
  ["kvm_entry:            PC: 0xffff800010001000", '"kvm_entry","vcpu_pc":"0xffff800010001000"}'],
  [
    "kvm_exit:             <CANT FIND FIELD exit_reason>TRAP: HSR_EC: 0x0020 (IABT_LOW), PC: 0x00000000004009a4",
    '"kvm_exit","vcpu_pc":"0x4009a4","ret":2,"esr_ec":"0x20"}',
  ],
  [
    "kvm_exit:             IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x0",
    '"kvm_exit","vcpu_pc":"0x0","ret":0,"esr_ec":"0x0"}',
  ],
  ["kvm_userspace_exit:   reason KVM_EXIT_MMIO (6)", '"kvm_userspace_exit","reason":"KVM_EXIT_MMIO"}'],
  ["kvm_access_fault:     IPA: 40080000", '"kvm_access_fault","ipa":"0x40080000"}'],
  [
    "kvm_unmap_hva_range:  mmu notifier unmap range: 0x00ffff9e707000 -- 0x00ffff9e708000",
    '"kvm_unmap_hva_range","start":"0xffff9e707000","end":"0xffff9e708000"}',
  ],
  [
    "kvm_age_hva:          mmu notifier age hva: 0x00ffff9e707000 -- 0x00ffff9e708000",
    '"kvm_age_hva","start":"0xffff9e707000","end":"0xffff9e708000"}',
  ],
  [
    "kvm_test_age_hva:     mmu notifier test age hva: 0x00ffff9e707000",
    '"kvm_test_age_hva","start":"0xffff9e707000"}',
  ],
  ["abort:                (ffff80001002fcd0) vcpu=0xffff0000260da360", '"s2_abort"}'],
  ["abort_ret:            (ffff80001002fcd0 <- ffff8000100350e4) ret=1", '"s2_abort_ret","ret":1}'],
  [
    "s2_map:               (ffff80008009f3e0) pgt=0xffff000140c2c700 addr=0x180000 size=0x1000 phys=0x1a3562000 prot=0x6 mc=0xffff00016ab0ce70 flags=0x18",
    '"s2_map","pgt":"0xffff000140c2c700","addr":"0x180000","size":"0x1000","phys":"0x1a3562000","prot":"0x6"}',
  ],
  ["s2_map_ret:           (ffff80000808c070 <- ffff80000805f8c0) ret=-11", '"s2_map_ret","ret":-11}'],
  ["s2_map_ret:           (ffff80000808c070 <- ffff80000805f8c0) ret=0xfffffff5", '"s2_map_ret","ret":-11}'],
  [
    "s2_unmap:             (ffff800010056c90) pgt=0xffff00003596e180 addr=0x180000 size=4096",
    '"s2_unmap","pgt":"0xffff00003596e180","addr":"0x180000","size":"0x1000"}',
  ],
  ["s2_unmap_ret:         (ffff800010056c90 <- ffff80001002f084) ret=0", '"s2_unmap_ret","ret":0}'],
  [
    "s2_wp:                (ffff800010056cd0) pgt=0xffff00003596e180 addr=0xfffffbe00000 size=0x4000000",
    '"s2_wrprotect","pgt":"0xffff00003596e180","addr":"0xfffffbe00000","size":"0x4000000"}',
  ],
  ["s2_wp_ret:            (ffff800010056cd0 <- ffff80001002f084) ret=0", '"s2_wrprotect_ret","ret":0}'],
  [
    "s2_relax:             (ffff80000808c5e0) pgt=0xffff000140b86d80 addr=0xfffffbe00000 prot=0x6",
    '"s2_relax_perms","pgt":"0xffff000140b86d80","addr":"0xfffffbe00000","prot":"0x6"}',
  ],
  ["s2_relax_ret:         (ffff80000808c5e0 <- ffff80000805f504) ret=0", '"s2_relax_perms_ret","ret":0}'],
  [
    "s2_mkyoung:           (ffff80000808c5e0) pgt=0xffff000140b86d80 addr=0x1000",
    '"s2_mkyoung","pgt":"0xffff000140b86d80","addr":"0x1000"}',
  ],
  [
    "s2_flush:             (ffff800010056f30) pgt=0xffff00003596e180 addr=0x0 size=0x256000",
    '"s2_flush","pgt":"0xffff00003596e180","addr":"0x0","size":"0x256000"}',
  ],
  [
    "s2_destroy:           (ffff800010057044) pgt=0xffff000035882700",
    '"s2_destroy","pgt":"0xffff000035882700"}',
  ],
  ["s2_destroy_ret:       (ffff800010057054 <- ffff80001002f9f8)", '"s2_destroy_ret"}'],
  [
    "s2_break:             (ffff800010056860) addr=0xfffffbe00000 ptep=0xffff000035a96ef8 old=0x75aa2003 level=2",
    '"s2_break","addr":"0xfffffbe00000","level":2,"ptep":"0xffff000035a96ef8"}',
  ],
  [
    "s2_install:           (ffff80000808ba80) ptep=0xffff000175e14ef8 new=0x400001a38007fd ret=0",
    '"s2_install","ptep":"0xffff000175e14ef8"}',
  ],
  [
    "s2_break:             (ffff800010056860) addr=(fault) ptep=0xffff000035a96ef8 level=-1",
    '"s2_break","level":-1,"ptep":"0xffff000035a96ef8"}',
  ],
  [
    "teardown:             (ffff80008009fd38) mm_ops=0xffff800082691ff0 pgtable=0xffff00016fbcb000 level=2",
    '"s2_teardown"}',
  ],
  ["teardown_ret:         (ffff80008009fd38 <- ffff800080061050)", '"s2_teardown_ret"}'],
  [
    "tlb_vmid:             (ffff8000100502a0) mmu=0xffff8000108be0f8",
    '"tlb_vmid","mmu":"0xffff8000108be0f8"}',
  ],
  ["tlb_vmid_ret:         (ffff8000100502a0 <- ffff80001002f2b8)", '"tlb_vmid_ret"}'],
  [
    "tlb_ipa:              (ffff800010050204) mmu=0xffff8000108be0f8 ipa=0xfffffbe00000 level=2",
    '"tlb_ipa","mmu":"0xffff8000108be0f8","ipa":"0xfffffbe00000","level":2}',
  ],
  [
    "tlb_range:            (ffff800010050204) mmu=0xffff8000108be0f8 start=0xfffffbe00000 pages=512",
    '"tlb_range","mmu":"0xffff8000108be0f8","start":"0xfffffbe00000","pages":512}',
  ],
  [
    "memslot:              (ffff800010021190) kvm=0xffff8000108bd000 slot=1 flags=0x1 gpa=0x0 size=0x256000 hva=0xffff9e587000",
    '"memslot","slot":1,"flags":"0x1","gpa":"0x0","size":"0x256000","hva":"0xffff9e587000","kvm":"0xffff8000108bd000"}',
  ],
  ["memslot_ret:          (ffff800010021190 <- ffff800010025274) ret=0", '"memslot_ret","ret":0}'],
  ['print:                tracing_mark_write: boot "done": x', '"marker","text":"boot \\"done\\": x"}'],
  ["map_walker:           (ffff800010056860) addr=0x180000 ts=3 event=s2_map", '"map_walker"}'],
];

describe("one line", () => {
  test.each(samples)("%s", async (text, line) => {
    expect((await convert(at + text)).events).toEqual([common + line]);
  });

  it("writes only events that the format names, but for those it keeps by name", async () => {
    const names = samples.map(
      ([, line]) => (JSON.parse(`[${common}${line}]`) as [{ event: string }])[0].event,
    );
    const foreign = names.filter((name) => !(eventNames as readonly string[]).includes(name));
    expect(new Set(foreign)).toEqual(new Set(["kvm_test_age_hva", "map_walker"]));
  });

  it("keeps the digits of the time", async () => {
    const [line] = (await convert(" a-1   [000] 9007199.254740993: abort: (f)")).events;
    expect(line).toContain('"ts":9007199.254740993,');
    expect((await convert(" a-1   [000] 0012.500000: abort: (f)")).events[0]).toContain('"ts":12.500000,');
  });

  it("skips the flags that a newer trace-cmd prints, and the end of a \\r\\n line", async () => {
    const [line] = (await convert(" a-1   [003] d..1.  5.000000001: abort_ret: (f <- f) ret=1\r")).events;
    expect(line).toBe('{"ts":5.000000001,"cpu":3,"pid":1,"comm":"a","event":"s2_abort_ret","ret":1}');
  });

  test.each([
    ["spaces and a slash", "     CPU 0/KVM", "CPU 0/KVM"],
    ["idle", "          <idle>", "<idle>"],
    ["dashes and digits", "  a-1-22-333", "a-1-22-333"],
    ["one that ends in a dash", "            foo-", "foo-"],
    ["the start of another line", " x-1 [0] 2.5: y:", "x-1 [0] 2.5: y:"],
    ["quotes and a backslash", '  "}\\n,{"', '"}\\n,{"'],
    ["a line separator", "  a\u2028b", "a\u2028b"],
    ["emoji", "  \u{1f600}\u{1f600}", "\u{1f600}\u{1f600}"],
    ["nothing", "                ", ""],
    ["a control character", "  a\u0001b", "a\u0001b"],
  ])("comm: %s", async (_, printed, comm) => {
    const { events } = await convert(
      `${printed}-77    [002]     2.481431408: print: tracing_mark_write: b-5   [001] 1.000000000: abort:`,
    );
    expect(JSON.parse(events[0] ?? "")).toEqual({
      ts: 2.481431408,
      cpu: 2,
      pid: 77,
      comm,
      event: "marker",
      text: "b-5   [001] 1.000000000: abort:",
    });
  });
});

describe("lines that are no events", () => {
  it("skips blank lines and counts what it leaves out", async () => {
    const text = [
      "cpus=5",
      "CPU 3 is empty",
      "",
      `${at}commit: (f) a1=0x0`,
      `${at}memslot2: (f) flags=0x0`,
      `${at}kvm_set_spte_hva: mmu notifier set pte hva: 0x00ffff9e707000`,
      `${at}free_unlinked: (f) level=2`,
      `${at}map_leaf: (f) addr=0x0`,
      "  ",
    ].join("\n");
    const { header, events, summary } = await convert(text);
    expect(header).toBe(
      '{"type":"header","schema":"s2replay-trace/1","arch":"arm64","source":"trace-cmd report","cpus":5}',
    );
    expect(events).toEqual([`${common}"map_leaf"}`]);
    expect(summary).toMatchObject({ events: 1, gaps: 0 });
    expect([...summary.ignored.keys()]).toEqual(["commit", "memslot2", "kvm_set_spte_hva", "free_unlinked"]);
    expect([...summary.unknown]).toEqual([["map_leaf", 1]]);
  });

  it("writes nothing for nothing", async () => {
    expect((await convert("\n")).header).toBe("");
  });

  it("gives a loss the time of the event that follows it", async () => {
    const text = [
      "CPU:1 [123 EVENTS DROPPED]",
      "CPU:3 [EVENTS DROPPED]",
      `${at}tlb_vmid_ret: (f <- f)`,
      "CPU:2 [1 EVENTS DROPPED]",
    ];
    const { events, summary } = await convert(text.join("\n"));
    expect(events).toEqual([
      '{"ts":2.481431408,"cpu":1,"pid":0,"event":"lost_events","count":123}',
      '{"ts":2.481431408,"cpu":3,"pid":0,"event":"lost_events"}',
      `${common}"tlb_vmid_ret"}`,
      '{"ts":2.481431408,"cpu":2,"pid":0,"event":"lost_events","count":1}',
    ]);
    expect(summary.lostEvents).toBe(124);
  });

  test.each([
    ["no event line", "trace-cmd: something went wrong", "expected a line of trace-cmd report"],
    ["no time", " a-1 [000] abort: (f)", "expected a line of trace-cmd report"],
    [
      "a required field missing",
      `${at}s2_map: (f) pgt=0x1 addr=0x1000`,
      "s2_map: size: missing, expected a value",
    ],
    [
      "a required field not read",
      `${at}s2_map: (f) pgt=0x1 addr=(fault) size=0x1000`,
      "s2_map: addr: expected a value, got (fault)",
    ],
    [
      "no number",
      `${at}abort_ret: (f <- f) ret=soon`,
      "s2_abort_ret: ret: expected a decimal or hex number of 64 bits, got soon",
    ],
    [
      "unparsed by trace-cmd",
      `${at}kvm_guest_fault: [FAILED TO PARSE] ipa=1`,
      "kvm_guest_fault: hsr: missing, expected a value",
    ],
  ])("names the line of %s", async (_, line, problem) => {
    const text = Buffer.from(`cpus=1\n\n${line}\n`);
    await expect(importRecording(text, { name: "dir/t.txt" })).rejects.toThrow(`dir/t.txt:3: ${problem}`);
    const { lines, skipped } = await importRecording(text, { lenient: true });
    expect(lines).not.toContain('"ts"');
    expect([...skipped.values()]).toEqual([1]);
  });
});

/** A test's main thread: `name` or `name key=value..` a line, one second apart unless a time is given. */
function host(...calls: readonly (string | readonly [seconds: string, call: string])[]): string {
  return calls
    .map((call, index) => {
      const [seconds, text] = typeof call === "string" ? [`${index}.000000000`, call] : call;
      const [name, ...pairs] = text.split(" ");
      return ` test-9   [000]  ${seconds}: ${name}: (ffff) kvm=0x1 ${pairs.join(" ")}`;
    })
    .join("\n");
}

function marks(events: readonly string[]): string[] {
  return events
    .map((line) => JSON.parse(line) as { event: string; text?: string; phase?: string; until?: number })
    .filter(({ event }) => event === "marker" || event === "gap")
    .map(({ event, text, phase, until }) => (event === "gap" ? `gap ${until}` : `${text} ${phase}`));
}

const create = "memslot slot=1 flags=0x0 gpa=0x0 size=0x200000";
const on = "memslot slot=1 flags=0x1 gpa=0x0 size=0x200000";
const off = create;
const ret = "memslot_ret ret=0";

describe("stages", () => {
  it("are named in their order", async () => {
    const { events } = await convert(
      host(
        create,
        ret,
        "stage",
        "stage_end",
        "stage",
        "stage_end",
        on,
        ret,
        "stage",
        "stage_end",
        off,
        ret,
        "stage",
        "stage_end",
      ),
    );
    expect(marks(events)).toEqual(
      ["BEFORE", "CREATE", "UPDATE", "ADJUST"].flatMap((name) => [`${name} begin`, `${name} end`]),
    );
  });

  it("need no memslot events", async () => {
    const { events } = await convert(
      host("stage", "stage_end", "stage", "stage_end", "stage", "stage_end", "stage", "stage_end"),
    );
    expect(marks(events).at(-1)).toBe("ADJUST end");
  });

  it("are those of the caller", async () => {
    const { events } = await convert(host("stage", "stage_end", "stage"), { stages: [{ name: "first" }] });
    expect(marks(events)).toEqual(["first begin", "first end", "stage 2 begin"]);
  });

  it("of two tests at once are kept apart", async () => {
    const text = host("stage", "stage_end", "stage");
    const { events } = await convert(`${text}\n other-8   [001]  7.000000000: stage: (400ba0)`);
    expect(marks(events).slice(2)).toEqual(["CREATE begin", "BEFORE begin"]);
  });
});

describe("gaps", () => {
  it("off from the call that switches logging on to the one that switches it off", async () => {
    const { events, summary } = await convert(
      host(
        create,
        ret,
        "stage",
        "stage_end",
        "stage",
        "stage_end",
        on,
        ["9.500000000", off],
        ["9.6", ret],
        ["9.7", "stage"],
        ["9.8", "stage_end"],
      ),
    );
    expect(events).toContain('{"ts":6.000000000,"pid":0,"event":"gap","until":9.500000000}');
    expect(marks(events)).toEqual([
      "BEFORE begin",
      "BEFORE end",
      "CREATE begin",
      "CREATE end",
      "gap 9.5",
      "ADJUST begin",
      "ADJUST end",
    ]);
    expect(summary).toMatchObject({ gaps: 1, oddities: [] });
  });

  it("off from the first stage to the call that switches logging off", async () => {
    const { events } = await convert(host(create, ret, "stage", off, ret, "stage", "stage_end"));
    expect(marks(events)).toEqual(["BEFORE begin", "gap 3", "ADJUST begin", "ADJUST end"]);
  });

  it("off in a stage, with no call to say so but the next stage", async () => {
    const { events } = await convert(host("stage", ["5.0", "stage"], ["5.1", "stage_end"]));
    expect(marks(events)).toEqual(["BEFORE begin", "gap 5", "CREATE begin", "CREATE end"]);
  });

  it("are not put where there was no silence", async () => {
    const busy = [1, 2, 3, 7, 8, 9]
      .map((second) => ` vcpu-3   [001]  ${second}.000000000: abort: (f)`)
      .join("\n");
    const text = `${host("stage")}\n${busy}\n${host(["9.500000000", "stage"], ["9.600000000", "stage_end"])}`;
    const { events, summary } = await convert(text);
    expect(marks(events)).toEqual(["BEFORE begin", "CREATE begin", "CREATE end"]);
    expect(summary.oddities).toEqual([
      "thread 9 enters stage while in stage at 9.500000000: events are missing before it",
    ]);
  });

  it("are not made of a loss that the text reports", async () => {
    const { events, summary } = await convert(
      `${host("stage")}\nCPU:0 [5 EVENTS DROPPED]\n${host(["5.0", "stage"])}`,
    );
    expect(marks(events)).toEqual(["BEFORE begin", "CREATE begin"]);
    expect(summary).toMatchObject({ gaps: 0, oddities: [] });
  });

  it("a slot that goes and comes back is no change of logging", async () => {
    const gone = "memslot slot=1 flags=0x0 gpa=0x0 size=0x0";
    const { events } = await convert(host(create, ret, gone, ret, create, ret, "stage"));
    expect(marks(events)).toEqual(["BEFORE begin"]);
  });
});

test.each([
  ["--raw-ts", " a-1   [000]  2449651664: abort:                (f)", "times are ticks, expected seconds"],
  [
    "-l",
    "kvm_page-184     1d....     2.449652: s2_destroy:           (f)",
    "trace-cmd report -l prints 8 characters",
  ],
])("refuses %s by name", async (_, line, problem) => {
  const text = Buffer.from(`cpus=1\n${line}\n`);
  await expect(importRecording(text, { lenient: true })).rejects.toThrow(`t.txt:2: ${problem}`);
});

it("takes the buffer asked for", async () => {
  const line = (prefix: string, pid: number): string =>
    `${prefix}            test-${pid}     [001]     33.${pid}: abort:                (f)\n`;
  const text = Buffer.from(`cpus=4\n${line("     ", 1)}${line("big: ", 2)}${line("     ", 3)}`);
  const pids = async (options: ImportOptions): Promise<string[]> =>
    (await importRecording(text, { import: options })).lines.match(/(?<="pid":)\d+/g) ?? [];
  expect(await pids({})).toEqual(["1", "2", "3"]);
  expect(await pids({ instance: "big" })).toEqual(["2"]);
  expect(await pids({ instance: "" })).toEqual(["1", "3"]);
});

describe("recognises", () => {
  test.each([
    ["cpus=5\n kvm", "trace-cmd report"],
    ["CPU 0 is empty\ncpus=2\n", "trace-cmd report"],
    ["version = 6\nCPU 0 is empty\n", "trace-cmd report"],
    [`\n${at}abort:                (f)\n`, "trace-cmd report"],
    ["big: cpus=5\n", "trace-cmd report"],
    ["# tracer: nop\n#\n", "tracefs text"],
    [`${at}abort: (f)\n`, "tracefs text"],
    ['{"type":"header","schema":"s2replay-trace/1"}\n', undefined],
    [`{"text":"\\n${at}abort: (f)"}\n`, undefined],
    ["", undefined],
    ["hello\n", undefined],
  ])("%j", (head, format) => {
    expect(importers.find(({ recognises }) => recognises(Buffer.from(head)))?.format).toBe(format);
  });
});
