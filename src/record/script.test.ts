import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { eventNames } from "../trace/event.js";
import { parseHeader } from "../trace/header.js";
import { type Level, levels, probes } from "./probe.js";
import { type RecordOptions, recordScript } from "./script.js";

vi.setConfig({ testTimeout: 60_000 });

const defaults: RecordOptions = {
  level: "map",
  exits: false,
  output: "host",
  bufferKb: 4096,
  text: false,
  recorder: "tracefs",
};

/**
 * A host of plain files. They take what is written and do nothing with it, so what is tested is what the script asks
 * for and how it gives up; that a kernel does it is what `npm run e2e:host` shows.
 */
let host: string;

beforeEach(() => {
  host = mkdtempSync(join(tmpdir(), "s2replay-record-"));
  program(
    "uname",
    `case $1 in -m) echo aarch64 ;; -r) echo 6.1.0-99-arm64 ;; -v) printf '%s\\n' '#1 "a" \\b' ;; esac`,
  );
  program("id", "echo 0");
  program("sleep", "exit 0");
  program("dmesg", 'cat "$S2REPLAY_ROOT/dmesg"');
  put("dmesg", "");
  put("dev/kvm", "");
  put("proc/kallsyms", symbolLines());
  put("sys/kernel/tracing/trace_clock", "[local] global counter uptime perf mono mono_raw boot tai\n");
  put("sys/kernel/tracing/kprobe_events", "p:mine/s2_map do_exit\n");
  put("sys/kernel/tracing/kprobe_profile", "");
  put("sys/kernel/tracing/instances/other/tracing_on", "1\n");
  for (const probe of probes) {
    if (probe.kind === "tracepoint")
      put(`sys/kernel/tracing/events/${probe.system}/${probe.event}/enable`, "0\n");
  }
});
afterEach(() => rmSync(host, { recursive: true }));

function put(file: string, text: string): void {
  mkdirSync(dirname(join(host, file)), { recursive: true });
  writeFileSync(join(host, file), text);
}

function program(name: string, text: string): void {
  put(`bin/${name}`, `#!/bin/sh\n${text}\n`);
  chmodSync(join(host, "bin", name), 0o755);
}

function symbolLines(): string {
  const symbols = probes.flatMap((probe) => (probe.kind === "tracepoint" ? [] : probe.symbols));
  return [...new Set(symbols)].map((symbol) => `ffff800008000000 T ${symbol}\n`).join("");
}

function run(options: Partial<RecordOptions>, ...args: string[]) {
  put("record.sh", recordScript({ ...defaults, text: true, ...options }, "0"));
  const { status, stderr } = spawnSync("sh", ["record.sh", ...args], {
    cwd: host,
    encoding: "utf8",
    env: { PATH: `${join(host, "bin")}:${process.env.PATH}`, S2REPLAY_ROOT: host },
  });
  return { status, stderr };
}

const requests = () =>
  readFileSync(join(host, "sys/kernel/tracing/kprobe_events"), "utf8").split("\n").slice(1, -1);
const added = () => requests().flatMap((line) => /^[pr]\d*:(\S+)/.exec(line)?.[1] ?? []);
const removed = () => requests().flatMap((line) => /^-:(\S+)/.exec(line)?.[1] ?? []);

describe("the script", () => {
  const shells = [
    ["dash", "-n"],
    ["busybox", "sh", "-n"],
    ["bash", "--posix", "-n"],
    ["shellcheck", "-S", "error"],
  ];
  it.each(shells)("is read by %s %s", (shell, ...args) => {
    put("record.sh", recordScript({ ...defaults, breakAt: "it's+0x8", output: "a b" }, "0"));
    const { status, stderr, error } = spawnSync(shell, [...args, join(host, "record.sh")], {
      encoding: "utf8",
    });
    if (error !== undefined && "code" in error && error.code === "ENOENT") return;
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("bpftrace's is read by a shell too", () => {
    put("record.sh", recordScript({ ...defaults, recorder: "bpftrace" }, "0"));
    expect(spawnSync("sh", ["-n", join(host, "record.sh")], { encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  it("adds probes for events of the format only, each once at a level", () => {
    for (const probe of probes) expect(eventNames).toContain(probe.event);
    const names = probes.map((probe) => probe.event);
    expect(new Set(names).size).toBe(names.length);
  });

  it("every level records what the one before it does", () => {
    const sets = levels.map((level: Level) => {
      put("sys/kernel/tracing/kprobe_events", "p:mine/s2_map do_exit\n");
      run({ level }, "--", "true");
      for (const name of readdirSync(join(host, "sys/kernel/tracing/instances"))) {
        if (name !== "other") rmSync(join(host, "sys/kernel/tracing/instances", name), { recursive: true });
      }
      return added();
    });
    expect(sets.map((set) => set.length > 0)).toEqual([false, true, true]);
    expect(sets[2]).toEqual(expect.arrayContaining(sets[1]!));
    expect(sets[2]!.length).toBeGreaterThan(sets[1]!.length);
  });

  it("takes back each probe that it added and no other, and says where the kernel will not have it", () => {
    const { status, stderr } = run({ level: "walk" }, "--", "true");
    expect(status).toBe(2);
    expect(stderr).toContain("kprobes of the group s2replay could not be removed");
    expect(new Set(removed())).toEqual(new Set(added()));
    expect(added().every((name) => name.startsWith("s2replay/"))).toBe(true);
    expect(readFileSync(join(host, "sys/kernel/tracing/instances/other/tracing_on"), "utf8")).toBe("1\n");
  });

  it("leaves out what the kernel has not, and names it in a header that the reader takes", () => {
    put(
      "proc/kallsyms",
      symbolLines().replace(/.*(stage2_split|__kvm_set_memory_region\S*|stage2_flush)\n/g, ""),
    );
    put("dmesg", "Booting Linux on physical CPU 0x0\nCPU features: detected: Stage-2 Force Write-Back\n");
    run({ level: "walk" }, "--", "true");
    const text = readFileSync(join(host, "host.header.json"), "utf8");
    expect(text.split("\n")).toHaveLength(2);
    const header = JSON.parse(text);
    expect(parseHeader(header, "header")).toMatchObject({
      kernel: "6.1.0-99-arm64",
      arch: "arm64",
      fwb: true,
      tlbi_range: false,
      clock: "mono_raw",
      source: "tracefs",
      lost_events: 0,
    });
    expect(header.build).toBe('#1 "a" \\b');
    expect(header.level).toBe("walk");
    expect(header.inferred).toEqual(["s2_break", "s2_install"]);
    const absent = header.probes.absent.map((probe: { name: string }) => probe.name);
    expect(absent).toEqual([
      "s2_flush",
      "s2_flush_ret",
      "s2_split",
      "s2_split_ret",
      "s2_break",
      "s2_install",
    ]);
    expect(header.probes.registered).not.toContain("s2_split");
    expect(requests()).toContainEqual(
      expect.stringMatching(/^p:s2replay\/memslot kvm_set_memory_region.part.0 /),
    );
    expect(readFileSync(join(host, "host.txt"), "utf8")).toBe(`# s2replay-header: ${text}`);
  });

  it("says nothing of FWB where the boot's messages are gone", () => {
    put("dmesg", "CPU features: detected: CRC32 instructions\n");
    program("journalctl", "exit 1");
    run({}, "--", "true");
    const header = JSON.parse(readFileSync(join(host, "host.header.json"), "utf8"));
    expect(header).not.toHaveProperty("fwb");
    expect(header).not.toHaveProperty("tlbi_range");
  });

  it("names a probe that never fired though its counterpart did, and hits that were missed", () => {
    // kprobe_profile names no group: the first line is somebody else's s2_map.
    const order = probes.filter((probe) => probe.kind !== "tracepoint" && probe.level === "map");
    const hits: Record<string, string> = {
      s2_abort: "9 0",
      s2_abort_ret: "8 1",
      s2_map: "7 0",
      s2_wrprotect: "1 0",
    };
    put(
      "after",
      ["s2_map 1000 5", ...order.map(({ event }) => `${event} ${hits[event] ?? "0 0"}`), ""].join("\n"),
    );
    const { stderr } = run({}, "--", "cp", "after", "sys/kernel/tracing/kprobe_profile");
    const header = JSON.parse(readFileSync(join(host, "host.header.json"), "utf8"));
    expect(header.probes.silent.map((probe: { name: string }) => probe.name)).toEqual([
      "s2_map_ret",
      "s2_wrprotect_ret",
      "memslot",
    ]);
    expect(header.probes.missed).toEqual({ s2_abort_ret: 1 });
    expect(header.probes.hits).toBe(25);
    expect(stderr).toContain("SILENT memslot: ");
    expect(stderr).toContain("MISSED s2_abort_ret: 1 times");
  });

  it("takes the user's instructions, and the kernel's filter where it has functions for the edges", () => {
    run(
      { level: "walk", breakAt: "stage2_make_pte+0x8 ptep=%x20:x64" },
      "-I",
      "stage2_make_pte+0x10",
      "--",
      "true",
    );
    expect(requests()).toContain("p:s2replay/s2_break stage2_make_pte+0x8 ptep=%x20:x64");
    expect(requests()).toContain("p:s2replay/s2_install stage2_make_pte+0x10 ");
  });

  it("passes the status of the command on, but not over trouble of its own", () => {
    expect(run({}, "--", "sh", "-c", "exit 7").stderr).toContain("the command ended with status 7");
  });
});

describe("switches, which a host has all the time", () => {
  /** What trace-cmd was asked to record, as EVENT FILTER. */
  function askedFor(...args: string[]): string[] {
    // In node: a shell cannot catch the signal that it inherited as ignored.
    put(
      "bin/trace-cmd",
      `#!${process.execPath}
if (process.argv[2] === "--version") console.log("trace-cmd version 9");
else {
  const fs = require("fs");
  const root = process.env.S2REPLAY_ROOT;
  fs.writeFileSync(root + "/args", JSON.stringify(process.argv));
  fs.writeFileSync(process.argv.at(-1), "dat");
  fs.writeFileSync(root + "/sys/kernel/tracing/instances/" + process.argv[4] + "/tracing_on", "1\\n");
  process.on("SIGINT", () => process.exit(0));
  setInterval(() => {}, 1000);
}
`,
    );
    chmodSync(join(host, "bin/trace-cmd"), 0o755);
    run({ text: false }, ...args);
    const given: string[] = JSON.parse(readFileSync(join(host, "args"), "utf8"));
    return given.flatMap((word, n) =>
      word === "-e" ? [given[n + 2] === "-f" ? `${given[n + 1]} ${given[n + 3]}` : given[n + 1]!] : [],
    );
  }

  it("are those of threads called as vCPUs, as threads of running VMMs and as the command", () => {
    program("my-vmm-with-a-long-name", "exit 0");
    put(`sys/kernel/debug/kvm/${process.pid}-12/exits`, "");
    const asked = askedFor("--", "env", "my-vmm-with-a-long-name", "-smp", "7");
    const names = [...asked.find((word) => word.startsWith("sched:sched_waking "))!.matchAll(/"([^"]*)"/g)];
    const own = readFileSync(`/proc/${process.pid}/comm`, "utf8").trimEnd();
    expect(names.map(([, name]) => name)).toEqual(
      expect.arrayContaining(["CPU */KVM", "env", "my-vmm-with-a-l", own.replaceAll(/\d+/g, "*")]),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(asked.find((word) => word.startsWith("sched:sched_switch "))).toMatch(
      /^sched:sched_switch prev_comm ~ "CPU \*\/KVM" \|\| next_comm ~ "CPU \*\/KVM" \|\| prev_comm ~ "/,
    );
  });

  it("are left to the kernel where it takes the events of a VMM's threads only", () => {
    expect(askedFor("-p", String(process.pid), "-t", "1")).toEqual(
      expect.arrayContaining(["sched:sched_switch", "sched:sched_waking"]),
    );
  });
});

describe("by bpftrace", () => {
  const line = (comm: string, fields: string) => `{"ts_ns":5,"cpu":0,"pid":7,"comm":"${comm}",${fields}}`;

  /** Records with a bpftrace that prints `lines`, and keeps the program it was given. */
  function runBpftrace(lines: readonly string[], ...args: string[]) {
    put("lines", lines.map((text) => `${text}\n`).join(""));
    // In node: a shell cannot catch the signal that it inherited as ignored.
    put(
      "bin/bpftrace",
      `#!${process.execPath}
if (process.argv[2] === "--version") console.log("bpftrace v0");
else {
  const fs = require("fs");
  fs.copyFileSync(process.argv[4], process.env.S2REPLAY_ROOT + "/program.bt");
  // The last line's time is behind any of the clock.
  const lines = fs.readFileSync(process.env.S2REPLAY_ROOT + "/lines", "utf8");
  fs.writeSync(1, "Attaching 2 probes...\\n" + lines + "s2replay 0 18446744073709551615\\n");
  process.on("SIGINT", () => process.exit(0));
  setInterval(() => {}, 1000);
}
`,
    );
    chmodSync(join(host, "bin/bpftrace"), 0o755);
    return run({ recorder: "bpftrace" }, ...args);
  }

  it("writes the trace format: header first, and only lines of it", () => {
    const map = '"event":"s2_map","pgt":"0x1","addr":"0x1000","size":"0x1000"';
    const { status } = runBpftrace(
      [line('a"b\\', map), "", line("CPU 0/KVM", '"event":"s2_map_ret","ret":0')],
      "--",
      "true",
    );
    expect(status).toBe(0);
    const [header, ...events] = readFileSync(join(host, "host.ndjson"), "utf8")
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text));
    expect(parseHeader(header, "header")).toMatchObject({ clock: "mono", source: "bpftrace v0" });
    expect(events.map(({ comm, event }) => [comm, event])).toEqual([
      ["a?b?", "s2_map"],
      ["CPU 0/KVM", "s2_map_ret"],
    ]);
    expect(header.probes.hits).toBe(2);
    expect(readdirSync(host).filter((name) => name.includes("part"))).toEqual([]);
  });

  it("each action prints one object of the format, with a value for each conversion", () => {
    runBpftrace([], "-l", "walk", "-x", "--", "true");
    const actions = readFileSync(join(host, "program.bt"), "utf8").split("\n").slice(0, -2);
    // v6.1 has no functions for the edges.
    expect(actions).toHaveLength(probes.length - 2);
    for (const action of actions) {
      const [, text, values] = /printf\((".*\\n"), (.*)\); \}$/.exec(action) ?? [];
      const format: string = JSON.parse(text!.replaceAll("%", "1%"));
      expect(format.match(/%/g)).toHaveLength(values!.split(", ").length);
      const printed = JSON.parse(format.replace(/%(llu|llx|d|u|x|s)/g, "2"));
      expect(eventNames).toContain(printed.event);
    }
  });

  it("takes one VM's lines by its process", () => {
    runBpftrace([], "-p", String(process.pid), "-t", "1");
    const program = readFileSync(join(host, "program.bt"), "utf8");
    expect(program).toContain(`kprobe:kvm_pgtable_stage2_map /pid == ${process.pid}/ {`);
    expect(program).toContain(
      "tracepoint:sched:sched_switch /@guests[(uint64)args->prev_pid] + @guests[(uint64)args->next_pid]/ {",
    );
  });
});

describe("what it refuses, with status 2 and before anything is added", () => {
  it.each<[string, () => void, string[], RegExp]>([
    ["another machine", () => program("uname", "echo x86_64"), [], /this machine is x86_64/],
    ["a user", () => program("id", "echo 1000"), [], /must run as root/],
    ["no KVM", () => rmSync(join(host, "dev/kvm")), [], /\/dev\/kvm is not there/],
    [
      "a locked kernel",
      () => put("sys/kernel/security/lockdown", "none integrity [confidentiality]\n"),
      [],
      /locked down/,
    ],
    [
      "no tracefs",
      () => {
        program("mount", "exit 32");
        rmSync(join(host, "sys/kernel/tracing/trace_clock"));
      },
      [],
      /tracefs is not mounted and cannot be/,
    ],
    [
      "no tracepoint",
      () => rmSync(join(host, "sys/kernel/tracing/events/kvm/kvm_guest_fault"), { recursive: true }),
      [],
      /no tracepoint kvm:kvm_guest_fault/,
    ],
    ["no kprobes", () => rmSync(join(host, "sys/kernel/tracing/kprobe_events")), [], /only -l faults/],
    ["kprobes off", () => put("sys/kernel/debug/kprobes/enabled", "0\n"), [], /kprobes are switched off/],
    [
      "probes left behind",
      () => put("sys/kernel/tracing/kprobe_events", "p:mine/s2_map do_exit\np:s2replay/s2_map f\n"),
      [],
      /left its probes: sh record.sh -C removes them/,
    ],
    [
      "an instance left behind",
      () => put("sys/kernel/tracing/instances/s2replay.999999999/tracing_on", "1"),
      [],
      /left .*s2replay.999999999/,
    ],
    [
      "a recording under way",
      () => put(`sys/kernel/tracing/instances/s2replay.${process.pid}/tracing_on`, "1"),
      [],
      /one at a time/,
    ],
    ["an unknown clock", () => {}, ["-c", "sun"], /clock sun: the kernel has only local global/],
    ["an unknown level", () => {}, ["-l", "all"], /expected faults, map or walk/],
    ["no number", () => {}, ["-t", "1m"], /expected a whole number from 1, got 1m/],
    ["a process that is not there", () => {}, ["-p", "999999999"], /no such process/],
    ["a command and a time", () => {}, ["-t", "1", "--", "true"], /exclude each other/],
    ["an edge at another level", () => {}, ["-B", "f+0x4"], /are of -l walk/],
    ["a folder that is not there", () => {}, ["-o", "no/host"], /no\/host.part cannot be written/],
  ])("%s", (_, arrange, args, message) => {
    arrange();
    const { status, stderr } = run({}, ...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(stderr.split("\n").filter((line) => line.startsWith("s2replay record:"))).toHaveLength(1);
    if (message.source !== "only -l faults") {
      expect(added().filter((name) => name !== "s2replay/s2_map")).toEqual([]);
    }
    expect(readdirSync(host)).not.toContain("host.txt");
    expect(readdirSync(host)).not.toContain("host.part");
  });

  it("an edge that the kernel has not", () => {
    const { status, stderr } = run({ level: "walk" }, "-B", "nothing+0x8", "--", "true");
    expect(stderr).toContain("s2_break at nothing+0x8: no function nothing+0x8");
    expect(status).toBe(2);
  });
});
