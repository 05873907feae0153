/** The parts of the script that look at the host: what it must be, and what the header says of it. POSIX sh. */

/** `$root` is empty but in tests, which set up files of their own there. */
export const hostChecks = `
say() { printf 's2replay record: %s\\n' "$*" >&2; }
refuse() { say "$*"; exit 2; }

check_host() {
  [ "$(uname -m)" = aarch64 ] || refuse "this machine is $(uname -m): what is recorded is the stage 2 of an arm64 host"
  [ "$(id -u)" = 0 ] || refuse "must run as root: tracefs and kprobes are root's alone"
  [ -e "$root/dev/kvm" ] || refuse "/dev/kvm is not there: the kernel has no KVM, or was not booted at EL2"
  if grep -q '\\[confidentiality\\]' "$root/sys/kernel/security/lockdown" 2>/dev/null; then
    refuse "the kernel is locked down (confidentiality): neither tracefs nor kprobes can be used"
  fi
  find_tracefs
  [ -d "$tracefs/events/kvm/kvm_guest_fault" ] ||
    refuse "the kernel has no tracepoint kvm:kvm_guest_fault: is KVM built without tracing?"
  [ "$level" = faults ] && return
  [ -e "$tracefs/kprobe_events" ] ||
    refuse "the kernel has no kprobe events (CONFIG_KPROBE_EVENTS): only -l faults can be recorded"
  if [ "$(cat "$root/sys/kernel/debug/kprobes/enabled" 2>/dev/null)" = 0 ]; then
    refuse "kprobes are switched off: echo 1 > /sys/kernel/debug/kprobes/enabled"
  fi
}

find_tracefs() {
  for tracefs in "$root/sys/kernel/tracing" "$root/sys/kernel/debug/tracing"; do
    [ -e "$tracefs/trace_clock" ] && break
  done
  if [ ! -e "$tracefs/trace_clock" ]; then
    tracefs=$root/sys/kernel/tracing
    mount -t tracefs tracefs "$tracefs" 2>/dev/null ||
      refuse "tracefs is not mounted and cannot be: no tracing in this kernel, or this is a container"
    mounted=$tracefs
    say "tracefs was not mounted: it is, at $tracefs, until the end"
  fi
  [ -d "$tracefs/instances" ] || refuse "$tracefs has no instances: the kernel is too old"
  [ -w "$tracefs/trace_clock" ] || refuse "$tracefs cannot be written: this is a container, or the kernel is locked down"
}

choose_clock() {
  clocks=" $(tr -d '[]' < "$tracefs/trace_clock" | tr '\\n' ' ') "
  for choice in \${clock:-mono_raw mono}; do
    case $clocks in *" $choice "*) clock=$choice; return ;; esac
  done
  refuse "clock \${clock:-mono}: the kernel has only$clocks"
}
`;

export const hostFacts = `
# For a JSON string.
quote() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\\000-\\037' | sed 's/\\\\/\\\\\\\\/g; s/"/\\\\"/g')"; }

# Lines of NAME|WHY as a list of objects.
list_reasons() {
  separator=
  printf '['
  while IFS='|' read -r item why; do
    printf '%s{"name":%s,"why":%s}' "$separator" "$(quote "$item")" "$(quote "$why")"
    separator=,
  done < "$1"
  printf ']'
}

list_names() { awk -F'|' '{ out = out (NR > 1 ? "," : "") "\\"" $1 "\\"" } END { printf "[%s]", out }' "$1"; }

# The boot's own messages, where they are still there: only then does silence about a feature say that it is not.
read_boot_log() {
  dmesg > "$work/log" 2>/dev/null
  grep -q 'Booting Linux on physical CPU' "$work/log" ||
    journalctl -k -b -o cat --no-pager > "$work/log" 2>/dev/null
  grep -q 'Booting Linux on physical CPU' "$work/log" && grep -q 'CPU features: detected' "$work/log"
}

# The ID registers hide FWB and BBM from user space (MRS is emulated, these fields read as zero): the kernel's word.
print_features() {
  read_boot_log || return
  for feature in 'fwb|Stage-2 Force Write-Back' 'tlbi_range|TLB range maintenance instructions'; do
    if grep -q "CPU features: detected: \${feature#*|}" "$work/log"; then found=true; else found=false; fi
    printf ',"%s":%s' "\${feature%%|*}" "$found"
  done
  # Older kernels do not look for it, so nothing follows from silence.
  grep -q 'CPU features: detected: BBM Level 2' "$work/log" && printf ',"bbm":2'
  case $(grep 'kvm \\[[0-9]*\\]: .*mode initialized' "$work/log" | tail -n 1) in
    *Protected*) printf ',"kvm_mode":"protected"' ;;
    *'VHE mode'*) case $(grep 'mode initialized' "$work/log") in *nVHE*) printf ',"kvm_mode":"nvhe"' ;; *) printf ',"kvm_mode":"vhe"' ;; esac ;;
    *Hyp*) printf ',"kvm_mode":"nvhe"' ;;
  esac
}

# The page size: of a mapping of our own.
page_bytes() { awk '/^KernelPageSize/ && (n == 0 || $2 < n) { n = $2 } END { print n * 1024 }' /proc/self/smaps; }

print_header() {
  printf '{"type":"header","schema":"s2replay-trace/1","kernel":%s,"arch":"arm64"' "$(quote "$(uname -r)")"
  granule=$(page_bytes 2>/dev/null)
  case $granule in 4096 | 16384 | 65536) printf ',"granule":%s' "$granule" ;; esac
  print_features
  printf ',"clock":"%s","source":%s' "$clock" "$(quote "$source")"
  printf ',"cpus":%s,"lost_events":%s' "$(grep -c '^processor' /proc/cpuinfo)" "$lost"
  printf ',"build":%s,"level":"%s","seconds":%s' "$(quote "$(uname -v)")" "$level" "$elapsed"
  [ -n "$pid" ] && printf ',"only_pid":%s' "$pid"
  print_probes
  printf '}\\n'
}
`;
