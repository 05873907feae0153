/**
 * `s2replay record --print`: a POSIX shell script (busybox is enough) that records a host. It decides on the host what
 * can be recorded there, so one script serves every kernel from v5.10 on.
 */

import { kernelImages } from "./kernel-image.js";
import { type ArgumentField, type Level, type Probe, probes } from "./probe.js";
import { tracefsCapture } from "./script-capture.js";
import { hostChecks, hostFacts } from "./script-host.js";
import { probeRemoval, probeSetup } from "./script-probes.js";

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
}

/** The script, as the program of this version prints it. */
export function recordScript(options: RecordOptions, version: string): string {
  return [
    preamble(options, version),
    usage,
    hostChecks,
    hostFacts,
    tables(),
    probeSetup,
    probeRemoval,
    tracefsCapture,
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
clock=${text(options.clock)}
buffer=${options.bufferKb}
break_at=${text(options.breakAt)}
install_at=${text(options.installAt)}
text=${options.text ? 1 : 0}
clean=0
root=\${S2REPLAY_ROOT:-}
`;
}

/** A word of the shell, as it is. */
function quoteWord(word: string): string {
  return /^[\w./:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
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
  -l LEVEL     faults (tracepoints only), map (the page-table operations too), walk (TLBI, teardown and the edges of
               the window too)
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

/** Lines of LEVEL|KIND|EVENT|SINCE|SYMBOLS|FETCH|FILTER|IMPLIED|DOUBT: the first of an event that takes is taken. */
function tables(): string {
  return `
probe_table() {
  cat <<'END'
${probes.map(tableLine).join("\n")}
END
}

# Instruction offsets: the user's own, or of an image that was disassembled.
image_table() {
  [ -z "$break_at" ] || edge given s2_break "$break_at"
  [ -z "$install_at" ] || edge given s2_install "$install_at"
  case "$(uname -r) $(uname -v)" in
${kernelImages
  .map(
    (image) =>
      `    ${quoteWord(`${image.release} ${image.build}`)})\n` +
      `      edge walk s2_break ${quoteWord(image.break)}\n` +
      `      edge walk s2_install ${quoteWord(image.install)} ;;`,
  )
  .join("\n")}
  esac
}

edge() {
  case $3 in
    *' '*) echo "$1|p|$2||\${3%% *}|\${3#* }|||" ;;
    *) echo "$1|p|$2||$3||||" ;;
  esac
}
`;
}

function tableLine(probe: Probe): string {
  if (probe.kind === "tracepoint") return `${probe.level}|t|${probe.event}||||||`;
  const kind = probe.kind === "entry" ? "p" : `r${probe.underWay ?? ""}`;
  const fetch = [...probe.fields.map(fetchText), ...(hasResult(probe) ? ["ret=$retval:s32"] : [])].join(" ");
  return [
    probe.level,
    kind,
    probe.event,
    probe.since ?? "",
    probe.symbols.join(" "),
    fetch,
    probe.filter ?? "",
    probe.impliedBy ?? "",
    probe.doubt ?? "",
  ].join("|");
}

/** These return nothing. */
const voids: readonly string[] = ["tlb_vmid_ret", "s2_teardown_ret"];

function hasResult(probe: Probe): boolean {
  return probe.kind === "return" && !voids.includes(probe.event);
}

function fetchText({ name, form, argument, offset }: ArgumentField): string {
  const value = offset === undefined ? `%x${argument}` : `+${offset}(%x${argument})`;
  return `${name}=${value}:${form}`;
}

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
check_leftovers
if [ "$clean" = 1 ]; then
  rm -rf "\${TMPDIR:-/tmp}"/s2replay-record.*
  exit 0
fi
[ -z "$pid" ] || [ -d "/proc/$pid/task" ] || refuse "-p $pid: no such process"
choose_clock
command -v setsid > /dev/null && setsid=setsid
part=$name.part
true > "$part" || refuse "$part cannot be written"

instance=$tracefs/instances/s2replay.$$
mkdir "$instance" || { instance=; refuse "no tracing instance could be made"; }
echo 0 > "$instance/tracing_on"
echo "$clock" > "$instance/trace_clock"
echo "$buffer" > "$instance/buffer_size_kb" || refuse "-b $buffer: the kernel refused it"
[ "$level" = faults ] || probing=1
add_probes
test_probes
if [ -n "$pid" ]; then
  echo 1 > "$instance/options/event-fork"
  for thread in /proc/"$pid"/task/*; do echo "\${thread##*/}" >> "$instance/set_event_pid"; done
fi

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
