import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { UsageError } from "../errors.js";
import { type Level, levels } from "../record/probe.js";
import { type Recorder, recorders, recordScript } from "../record/script.js";
import { emit } from "./output.js";
import { parseCount } from "./values.js";

interface RecordArguments {
  command: string[] | undefined;
  print: boolean;
  with: Recorder;
  level: Level;
  exits: boolean;
  output: string;
  seconds: string | undefined;
  pid: string | undefined;
  clock: string | undefined;
  "buffer-kb": string;
  "break-at": string | undefined;
  "install-at": string | undefined;
  text: boolean;
}

export const recordCommand: CommandModule<object, RecordArguments> = {
  command: "record [command..]",
  describe: "Record the stage-2 faults of a KVM/arm64 host, or print the shell script that does",
  builder: (yargs) =>
    yargs
      .positional("command", {
        type: "string",
        array: true,
        describe: "after --: record while it runs (default: for --seconds, or until Ctrl-C)",
      })
      .option("print", {
        type: "boolean",
        default: false,
        describe: "print the script: it needs no Node and serves any kernel from v5.10 on",
      })
      .option("with", {
        choices: recorders,
        default: "tracefs" as Recorder,
        describe: "what records on the host: tracefs (and trace-cmd, if it is there), or bpftrace",
      })
      .option("level", { choices: levels, default: "map" as Level, describe: "how much; see below" })
      .option("exits", {
        type: "boolean",
        default: false,
        describe: "kvm_entry and kvm_exit too: two lines for each exit of a guest",
      })
      .option("output", {
        alias: "o",
        type: "string",
        requiresArg: true,
        default: "s2replay",
        describe: "writes OUTPUT.dat (trace-cmd) or OUTPUT.txt, and OUTPUT.header.json",
      })
      .option("seconds", { type: "string", requiresArg: true, describe: "how long" })
      .option("pid", {
        type: "string",
        requiresArg: true,
        describe: "only the threads of this process (a VMM), and those that they start",
      })
      .option("clock", { type: "string", requiresArg: true, describe: "trace clock (default: mono_raw)" })
      .option("buffer-kb", {
        type: "string",
        requiresArg: true,
        default: "4096",
        describe: "ring buffer of each CPU",
      })
      .option("break-at", {
        type: "string",
        requiresArg: true,
        describe: "SYMBOL+OFFSET of the instruction that breaks a table's entry (--level walk)",
      })
      .option("install-at", {
        type: "string",
        requiresArg: true,
        describe: "SYMBOL+OFFSET behind the store of the block",
      })
      .option("text", { type: "boolean", default: false, describe: "text, even where trace-cmd is" })
      .example("$0 record --print > record.sh", "then, on the host: sudo sh record.sh -t 30 -o host")
      .example("$0 record -o host -- qemu-system-aarch64 ..", "on the host, where Node is there")
      .epilogue(levelText),
  handler: async (args) => {
    const script = recordScript(
      {
        level: args.level,
        exits: args.exits,
        output: args.output,
        ...(args.seconds === undefined ? {} : { seconds: parseCount("--seconds", args.seconds, 1) }),
        ...(args.pid === undefined ? {} : { pid: parseCount("--pid", args.pid, 1) }),
        ...(args.clock === undefined ? {} : { clock: args.clock }),
        bufferKb: parseCount("--buffer-kb", args["buffer-kb"], 1),
        ...(args["break-at"] === undefined ? {} : { breakAt: args["break-at"] }),
        ...(args["install-at"] === undefined ? {} : { installAt: args["install-at"] }),
        text: args.text,
        recorder: args.with,
      },
      version(),
    );
    // Behind the command's own name stands what follows "--".
    const command = [...(args.command ?? []), ...args._.slice(1).map(String)];
    if (!args.print) process.exitCode = await runScript(script, command);
    else if (command.length > 0) throw new UsageError("--print and a command exclude each other");
    else emit(script, undefined);
  },
};

const levelText = `Levels:
  faults  the kernel's tracepoints only
  map     and the page-table operations, the abort handler and memory slots (kprobes), and when vCPU and VMM threads
          had a CPU (sched_switch, sched_waking). With --pid these are that process's threads; else those with the name
          of a vCPU (CPU 0/KVM, vcpu0, ..), of a thread of a VMM that runs when recording begins, or of the command
  walk    and TLBI, teardown and the edges of the window, where functions are known for them

Overhead, measured with kvm_page_table_test (64 MiB in 2 MiB blocks) on Linux 6.1.192, emulated: one
instruction is 1 ns, 4 vCPUs share a CPU. Three runs each, trace-cmd; ms:
                                  none  faults         map            walk
  32 coalesces (ADJUST)           6.31  6.38 (+1 %)    6.75 (+7 %)    6.94 (+10 %)
  8,268 faults in a row (UPDATE)  32.6  38.2 (+17 %)   85.9 (x 2.6)   85.8 (x 2.6)
That is 0.7 us for a tracepoint's line and 1.3 us for a kprobe's. Without trace-cmd a reader formats
text meanwhile; on that one CPU, level map then took 563 ms (x 17). The table is without sched_switch and
sched_waking, of which that guest has few (135 of 43,160 lines): UPDATE at level map took 86.6 to 86.9 ms
without them and 86.8 to 87.0 ms with them, three runs each.

Exit status: that of the command; 2 where the host cannot be recorded.`;

function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

/** Runs it here; its exit status. */
async function runScript(script: string, command: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "s2replay-record-"));
  const file = join(folder, "record.sh");
  try {
    writeFileSync(file, script);
    const child = spawn("sh", [file, "--", ...command], { stdio: "inherit" });
    // The script takes back what it added, and saves what it has, before this program may end.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.removeAllListeners(signal);
      process.on(signal, () => child.kill(signal));
    }
    return await new Promise((resolve, reject) => {
      child.on("error", (error) => reject(new UsageError(`sh: cannot be run (${error.message})`)));
      child.on("exit", (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
