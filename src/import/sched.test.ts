import { describe, expect, it, test } from "vitest";
import { importRecording } from "./imported-text.test.support.js";

/** The same three events as each program prints them; the first makes 136 known. */
const fault = "ipa 0x10000000, hsr 0x82000007, hxfar 0x004000, pc 0x00000000004004d4";
const head = " kvm_page_table_-136   [000]    20.0695001";
const wire = (ts: string, event: string): string =>
  `{"ts":${ts},"cpu":0,"pid":136,"comm":"kvm_page_table_","event":${event}}`;

// Each second line is real: of Linux 6.1.192, trace-cmd 3.1.6, one thread that was preempted.
const printed: [string, string][] = [
  [
    "trace-cmd report: its plugin knows no +",
    "sched_switch:         kvm_page_table_:136 [120] R ==> kworker/0:1:16 [120]",
  ],
  [
    "trace-cmd report -N",
    "sched_switch:         prev_comm=kvm_page_table_ prev_pid=136 prev_prio=120 prev_state=R+ ==> next_comm=kworker/0:1 next_pid=16 next_prio=120",
  ],
  [
    "trace-cmd report -R: the bit mask",
    "sched_switch:          prev_comm=kvm_page_table_ prev_pid=136 prev_prio=120 prev_state=256 next_comm=kworker/0:1 next_pid=16 next_prio=120",
  ],
];

describe("a switch", () => {
  test.each(printed)("%s", async (_, line) => {
    const text = `cpus=2\n${head}00: kvm_guest_fault:      ${fault}\n${head}99: ${line}\n`;
    const events = (await importRecording(Buffer.from(text))).lines.trimEnd().split("\n");
    const state = line.includes("[120]") ? "R" : "R+";
    expect(events.at(-1)).toBe(wire("20.069500199", `"sched_switch","prev_state":"${state}","next_pid":16`));
  });

  it("perf script: the plugin's form, or the kernel's", async () => {
    const at = "kvm_page_table_   136 [000]    20.0695001";
    const text = [
      `${at}00: kvm:kvm_guest_fault: ${fault}`,
      `${at}98: sched:sched_switch: kvm_page_table_:136 [120] D ==> swapper/0:0 [120]`,
      `${at}99: sched:sched_switch: prev_comm=kvm_page_table_ prev_pid=136 prev_prio=120 prev_state=D ==> next_comm=swapper/0 next_pid=0 next_prio=120`,
      "",
    ].join("\n");
    const events = (await importRecording(Buffer.from(text))).lines.trimEnd().split("\n");
    const expected = '"sched_switch","prev_state":"D","next_pid":0';
    expect(events.slice(-2)).toEqual([wire("20.069500198", expected), wire("20.069500199", expected)]);
  });

  it("whatever the tasks are called", async () => {
    const names = ["CPU 0/KVM", "a:1 [2]", "x ==> y", "next_pid=7", " prev_state=S", "\u00fc"];
    const line = (name: string): string =>
      `${head}99: sched_switch: prev_comm=${name} prev_pid=136 prev_prio=120 prev_state=S ==> next_comm=${name} next_pid=16 next_prio=120`;
    const text = [`# tracer: nop`, `${head}00: kvm_guest_fault: ${fault}`, ...names.map(line), ""].join("\n");
    const events = (await importRecording(Buffer.from(text))).lines.trimEnd().split("\n").slice(2);
    expect(events).toEqual(
      names.map(() => wire("20.069500199", '"sched_switch","prev_state":"S","next_pid":16')),
    );
  });

  it.each([
    "prev_comm=a prev_pid=136",
    "a ==> b",
    "prev_prio=0 prev_state=!! ==> next_comm=b next_pid=1 next_prio=0",
  ])("%s is refused with its line", async (detail) => {
    const text = Buffer.from(`# tracer: nop\n${head}99: sched_switch: ${detail}\n`);
    await expect(importRecording(text)).rejects.toThrow(/t\.txt:2: sched_switch: (prev_state: )?expected/);
  });
});

describe("of all that a host switches", () => {
  const idle = "          <idle>-0     [000]    ";
  const text = [
    "# tracer: nop",
    `${idle}1.000001: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=CPU 0/KVM next_pid=136 next_prio=120`,
    `          CPU 0/KVM-136   [000]    1.000002: kvm_guest_fault: ${fault}`.replace(
      "          CPU",
      "       CPU",
    ),
    `${idle}1.000003: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=CPU 0/KVM next_pid=136 next_prio=120`,
    `${idle}1.000004: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=cc1 next_pid=99 next_prio=120`,
    `             cc1-99    [000]    1.000005: sched_waking: comm=CPU 0/KVM pid=136 prio=120 target_cpu=000`,
    `       CPU 0/KVM-136   [000]    1.000006: sched_waking: comm=cc1 pid=99 prio=120 success=1 target_cpu=000`,
    "",
  ].join("\n");

  it("what is of no thread that has an event of its own is left out, and counted", async () => {
    const { lines, source } = await importRecording(Buffer.from(text));
    expect(lines.trimEnd().split("\n").slice(2)).toEqual([
      '{"ts":1.000003,"cpu":0,"pid":0,"comm":"<idle>","event":"sched_switch","prev_state":"R","next_pid":136}',
      '{"ts":1.000005,"cpu":0,"pid":99,"comm":"cc1","event":"sched_waking","target_pid":136}',
    ]);
    expect([...source.summary.ignored]).toEqual([
      ["sched_switch of other threads", 2],
      ["sched_waking of other threads", 1],
    ]);
  });
});
