/**
 * `s2replay record --print`: a POSIX shell script (busybox is enough) that records a host. It decides on the host what
 * can be recorded there, so one script serves every kernel from v5.10 on.
 */

import type { Level } from "./probe.js";
import { bpftraceTable, imageTable, quoteWord, tracefsTable } from "./probe-table.js";
import { bpftraceCapture } from "./script-bpftrace.js";
import { tracefsCapture } from "./script-capture.js";
import { hostChecks, hostFacts } from "./script-host.js";
import { probeRemoval, probeReport, probeSetup } from "./script-probes.js";

/** What the script does where its own options say nothing else. */
export interface RecordOptions {
  readonly level: Level;
  /** kvm_entry and kvm_exit too. */
  readonly exits: boolean;
  /** Base name of what is written. */
  readonly output: string;
  /** Absent: until the command or Ctrl-C ends it. */
  readonly seconds?: number;
  /** Only the threads of this process, and those that they start. */
  readonly pid?: number;
  /** Absent: mono_raw, or mono. */
  readonly clock?: string;
  /** Of each CPU. */
  readonly bufferKb: number;
  /** SYMBOL+OFFSET, and what to fetch there. */
  readonly breakAt?: string;
  readonly installAt?: string;
  /** Text, even where trace-cmd is. */
  readonly text: boolean;
  /** What records on the host. */
  readonly recorder: Recorder;
}

export const recorders = ["tracefs", "bpftrace"] as const;
export type Recorder = (typeof recorders)[number];

/** The script, as the program of this version prints it. */
export function recordScript(options: RecordOptions, version: string): string {
  return [
    preamble(options, version),
    usage,
    hostChecks,
    hostFacts,
    probeReport,
    ...(options.recorder === "bpftrace"
      ? [bpftraceTable(), bpftraceCapture]
      : [tracefsTable(), imageTable(), probeSetup, probeRemoval, tracefsCapture]),
    main,
  ].join("");
}

function preamble(options: RecordOptions, version: string): string {
  const text = (value: string | number | undefined) => (value === undefined ? "" : quoteWord(String(value)));
  return `#!/bin/sh
# Records the stage-2 faults of a KVM/arm64 host for s2replay. Printed by s2replay ${version} (s2replay record --print).
# Any POSIX shell will do. It adds kprobes and a tracing instance of its own, and removes both at the end.
set -u
export LC_ALL=C

level=${options.level}
exits=${options.exits ? 1 : 0}
name=${text(options.output)}
duration=${text(options.seconds)}
pid=${text(options.pid)}
clock=${text(options.clock ?? (options.recorder === "bpftrace" ? "mono" : undefined))}
buffer=${options.bufferKb}
break_at=${text(options.breakAt)}
install_at=${text(options.installAt)}
text=${options.text ? 1 : 0}
clean=0
root=\${S2REPLAY_ROOT:-}
`;
}

const usage = `
usage() {
  cat <<'END'
sh record.sh [-o NAME] [-t SECONDS] [-p PID] [-l faults|map|walk] [OPTIONS] [-- COMMAND..]

Records until the command ends, for -t seconds, or until Ctrl-C. Writes NAME.dat (with trace-cmd) or NAME.txt, and
NAME.header.json beside it. Run as root.

  -o NAME      base name of what is written
  -t SECONDS   how long
  -p PID       only the threads of this process (a VMM) and those that they start
  -l LEVEL     faults (tracepoints only), map (the page-table operations too, and when vCPU and VMM threads had a
               CPU), walk (TLBI, teardown and the edges of the window too)
  -x           kvm_entry and kvm_exit too: two lines for each exit
  -c CLOCK     trace clock: mono_raw, mono, boot, ..
  -b KB        ring buffer of each CPU
  -B 'SYMBOL+OFFSET [FETCH..]'   instruction at which the walker breaks a table's entry (level walk)
  -I 'SYMBOL+OFFSET [FETCH..]'   instruction behind the store of the block
  -T           text, even where trace-cmd is
  -C           remove what a killed recording left, and end
END
}
`;

const main = `
while getopts o:t:p:l:xc:b:B:I:TCh option; do
  case $option in
    o) name=$OPTARG ;;
    t) duration=$OPTARG ;;
    p) pid=$OPTARG ;;
    l) level=$OPTARG ;;
    x) exits=1 ;;
    c) clock=$OPTARG ;;
    b) buffer=$OPTARG ;;
    B) break_at=$OPTARG ;;
    I) install_at=$OPTARG ;;
    T) text=1 ;;
    C) clean=1 ;;
    h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))

case $level in faults | map | walk) ;; *) refuse "-l $level: expected faults, map or walk" ;; esac
for number in "$duration" "$pid" "$buffer"; do
  case $number in *[!0-9]* | 0) refuse "-t, -p, -b: expected a whole number from 1, got $number" ;; esac
done
[ -z "$duration" ] || [ $# = 0 ] || refuse "-t and a command exclude each other"
[ -z "$pid" ] || [ $# = 0 ] || refuse "-p and a command exclude each other"

[ "$level" = walk ] || [ -z "$break_at$install_at" ] || refuse "-B and -I are of -l walk"

work='' part='' instance='' probing='' recorder='' mounted='' stopped='' setsid=''
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
work=$(mktemp -d "\${TMPDIR:-/tmp}/s2replay-record.XXXXXX") || exit 2

check_host
[ -z "$pid" ] || [ -d "/proc/$pid/task" ] || refuse "-p $pid: no such process"
choose_clock
command -v setsid > /dev/null && setsid=setsid
part=$name.part
check_recorder
true > "$part" || refuse "$part cannot be written"
add_probes "$@"

# From here on a signal ends the recording, and what was recorded is kept.
trap 'stopped=INT' INT
trap 'stopped=TERM' TERM
trap 'stopped=HUP' HUP
start_recorder
say "recording (level $level, clock $clock, $source)\${pid:+, process $pid}"
begun=$(date +%s)
result=0
if [ $# -gt 0 ]; then
  "$@"
  result=$?
else
  [ -n "$duration" ] || say "Ctrl-C ends it"
  while [ -z "$stopped" ] && { [ -z "$duration" ] || [ $(($(date +%s) - begun)) -lt "$duration" ]; }; do
    # A signal ends wait at once, but not a sleep.
    sleep 1 &
    wait $!
  done
fi
elapsed=$(($(date +%s) - begun))
stop_recorder
save
report
case $stopped in TERM) exit 143 ;; HUP) exit 129 ;; esac
exit "$result"
`;
