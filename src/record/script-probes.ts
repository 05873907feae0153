/** The parts of the script that add, watch and remove probes. POSIX sh. */

/** What both recorders share: which probes are wanted, and what became of them. */
export const probeReport = `
release_number() { echo "$1" | awk -F'[.-]' '{ print $1 * 1000 + $2 }'; }

is_old_enough() { [ -z "$since" ] || [ "$(release_number "$(uname -r)")" -ge "$(release_number "$since")" ]; }

read_symbols() {
  : > "$work/registered"
  : > "$work/absent"
  awk '$3 ~ /kvm|stage2/ { print $3 }' "$root/proc/kallsyms" > "$work/symbols"
}

is_wanted() {
  case $own in
    faults) return 0 ;;
    map) [ "$level" != faults ] ;;
    walk | given) [ "$level" = walk ] ;;
    exits) [ "$exits" = 1 ] ;;
    *) return 1 ;;
  esac
}

add_tracepoint() {
  if [ -d "$tracefs/events/$symbols/$event" ]; then
    echo "$event|t|$symbols|$filter|" >> "$work/registered"
  else
    echo "$event|this kernel has no such tracepoint" >> "$work/absent"
    return 1
  fi
}

# Probes that never fired, though what they belong to did.
find_silent() {
  awk -F'|' 'FILENAME ~ /hits$/ { split($0, h, " "); hits[h[1]] = h[2]; next }
    $3 == "s2replay" && hits[$1] == 0 && $5 != "" && hits[$5] > 0 {
      printf "%s|registered at %s, but it never fired while %s fired %d times%s\\n", $1, $6, $5, hits[$5],
        $7 == "" ? "" : " (silent, " $7 ")" }' "$work/hits" "$work/registered" >> "$work/silent"
  awk -F'|' '!seen[$1]++' "$work/silent" > "$work/silent.once"
  mv "$work/silent.once" "$work/silent"
}

print_probes() {
  hit() { awk -v event="$1" '$1 == event { print $2 }' "$work/hits"; }
  [ -n "$(hit memslot)" ] && printf ',"memslots":%s' "$(hit memslot)"
  printf ',"probes":{"registered":%s,"absent":%s,"silent":%s' \\
    "$(list_names "$work/registered")" "$(list_reasons "$work/absent")" "$(list_reasons "$work/silent")"
  awk '{ hits += $2; if ($3 > 0) { missed = missed comma "\\"" $1 "\\":" $3; comma = "," } }
    END { printf ",\\"hits\\":%d,\\"missed\\":{%s}", hits, missed }' "$work/hits"
  printf ',"self_test":"%s"}' "$self_test"
  if [ "$level" = walk ]; then
    edges=$(for event in s2_break s2_install; do grep -q "^$event|" "$work/registered" || echo "$event"; done)
    [ -z "$edges" ] || printf ',"inferred":["%s"]' "$(echo $edges | sed 's/ /","/g')"
  fi
}

report() {
  say "$written: $(awk '{ n += $2 } END { print n + 0 }' "$work/hits") probe hits in $elapsed s"
  [ "$level" = faults ] || awk '$2 > 0 { fired = 1 } END { exit !fired }' "$work/hits" || say "NOTHING fired: did a guest run?"
  [ "$lost" = 0 ] || say "LOST $lost events: the buffers were full (-b, or a lower level)"
  while IFS='|' read -r event why; do say "SILENT $event: $why"; done < "$work/silent"
  awk '$3 > 0 { print $1 " " $3 }' "$work/hits" | while read -r event missed; do say "MISSED $event: $missed times"; done
  grep -v '^[^|]*_ret|' "$work/absent" | while IFS='|' read -r event why; do say "not recorded: $event: $why"; done
  [ "$result" = 0 ] || say "the command ended with status $result"
}
`;

/** The parts that add probes by tracefs and watch them. probe-table.ts has the table's columns. */
export const probeSetup = `
# Probes are global, and named by group: ours are s2replay/NAME, and no other is touched.
has_probe() { grep -q "[:]s2replay/$1\\( \\|$\\)" "$tracefs/kprobe_events"; }

# One line of the table. Leaves a line in registered, or the reason in why and absent.
add_probe() {
  if [ "$kind" = t ]; then
    add_tracepoint
    return
  fi
  grep -q "^$event|" "$work/registered" && return 0
  why="before v$since no function is known for it: -B and -I name instructions"
  if is_old_enough; then
    why="no function $(echo "$symbols" | sed 's/ / or /g'): inlined, or of other kernels"
    for symbol in $symbols; do
      grep -qFx "\${symbol%%+*}" "$work/symbols" || continue
      printf '%s\\n' "$kind:s2replay/$event $symbol $fetch" >> "$tracefs/kprobe_events" 2>/dev/null
      if has_probe "$event"; then
        echo "$event|$kind|s2replay|$filter|$implied|$symbol|$doubt" >> "$work/registered"
        return 0
      fi
      why="refused at $symbol: $(grep 'error:' "$tracefs/error_log" 2>/dev/null | tail -n 1 | sed 's/.*error: //')"
    done
  fi
  echo "$event|$why" >> "$work/absent"
  return 1
}

# What vCPU and VMM threads are called, with * for numbers: the usual names, those of the VMMs that run, the command's.
name_guests() {
  {
    printf '%s\n' 'CPU 0/KVM' '*vcpu*'
    for vm in "$root"/sys/kernel/debug/kvm/[0-9]*-[0-9]*; do
      vmm=\${vm##*/}
      cat /proc/"\${vmm%%-*}"/task/*/comm
    done
    for word in "$@"; do command -v "$word" > /dev/null && basename "$word" | cut -c 1-15; done
  } 2>/dev/null | sed 's/[]["\\]/?/g; s/[0-9][0-9]*/*/g' | awk '!seen[$0]++ && NR <= 200' | head -n 40 > "$work/names"
  # A page of the kernel's holds no longer filter.
  [ -n "$pid" ] || [ "$(wc -l < "$work/names")" -lt 40 ] || say "VMM threads have more than 40 names: switches of the rest are not recorded"
}

# A host switches all the time: what is not of such a thread is left out. With -p the kernel knows whose they are.
filter_guests() {
  [ -z "$pid" ] || return
  or=
  while read -r task; do
    for field in "$@"; do
      printf '%s%s ~ "%s"' "$or" "$field" "$task"
      or=' || '
    done
  done < "$work/names" > "$work/filter.$event"
}

filter_of() { cat "$work/filter.$event" 2>/dev/null || printf '%s' "$filter"; }

add_probes() {
  make_instance
  read_symbols
  name_guests "$@"
  while IFS='|' read -r own kind event since symbols fetch filter implied doubt; do
    is_wanted || continue
    case $event in
      sched_switch) filter_guests prev_comm next_comm ;;
      sched_waking) filter_guests comm ;;
    esac
    add_probe || [ "$own" != given ] || refuse "$event at $symbols: $why"
  done <<END
$(image_table)
$(probe_table)
END
  # An edge that another line of the table could give is not absent.
  while IFS='|' read -r event why; do
    grep -q "^$event|" "$work/registered" || echo "$event|$why"
  done < "$work/absent" | awk -F'|' '!seen[$1]++' > "$work/absent.once"
  mv "$work/absent.once" "$work/absent"
  test_probes
}

# Lines of EVENT HITS MISSED, of our probes. kprobe_profile has no group; its lines stand in kprobe_events' order.
read_hits() {
  awk 'FNR == NR { split($1, part, ":"); own[FNR] = part[2]; next }
       sub("^s2replay/", "", own[FNR]) { print own[FNR], $2, $3 }' \\
    "$tracefs/kprobe_events" "$tracefs/kprobe_profile" 2>/dev/null
}

enable_events() {
  while IFS='|' read -r event kind group filter rest; do
    filter=$(filter_of)
    [ -z "$filter" ] || echo "$filter" > "$instance/events/$group/$event/filter"
    echo "$1" > "$instance/events/$group/$event/enable"
  done < "$work/registered"
}

# A VM with one memory region, made and dropped: whoever sets memory slots must be seen doing it.
# The shell has no ioctl (KVM_CREATE_VM, KVM_SET_USER_MEMORY_REGION); perl has.
make_vm() {
  if command -v perl > /dev/null; then
    # perl writes back into what it hands to ioctl: no literals.
    perl -e 'my ($fd, $region) = (undef, pack("LLQQQ", 0, 0, 1 << 30, 65536, 1 << 28));
      open(my $kvm, "+<", "/dev/kvm") or exit 1;
      for (0, 32) { my $bits = $_; $fd = ioctl($kvm, 0xAE01, $bits); last if defined $fd }
      defined $fd or exit 1;
      open(my $vm, "+<&=", $fd + 0) or exit 1;
      ioctl($vm, 0x4020AE46, $region) or exit 1' 2>/dev/null
  else
    self_test="not run: no perl"
    return 1
  fi
}

# Probes fire and count while the instance records nothing.
test_probes() {
  : > "$work/silent"
  self_test="not run: no VM could be made"
  if grep -q '^memslot|' "$work/registered"; then
    echo 1 > "$instance/events/s2replay/memslot/enable"
    if make_vm; then
      self_test=passed
      if [ "$(read_hits | awk '$1 == "memslot" { print $2 }')" = 0 ]; then
        self_test=failed
        symbol=$(grep '^memslot|' "$work/registered" | cut -d'|' -f6)
        echo "memslot|registered at $symbol, but a memory region was set in the self-test and it did not fire" >> "$work/silent"
      fi
    fi
    echo 0 > "$instance/events/s2replay/memslot/enable"
  else
    self_test="not run: no memslot probe"
  fi
  read_hits > "$work/hits.before"
}

# Hits during the recording.
count_hits() {
  read_hits > "$work/hits.after"
  awk 'FILENAME ~ /before$/ { before[$1] = $2; missed[$1] = $3; next }
    { print $1, $2 - before[$1], $3 - missed[$1] }' "$work/hits.before" "$work/hits.after" > "$work/hits"
  find_silent
}
`;

export const probeRemoval = `
# Whatever still records them must let go first: others may have enabled all events.
remove_probes() {
  [ -e "$tracefs/kprobe_events" ] || return 0
  for try in 1 2 3; do
    sed -n 's|^[pr][0-9]*:\\(s2replay/[^ ]*\\).*|-:\\1|p' "$tracefs/kprobe_events" > "$work/removals"
    [ -s "$work/removals" ] || return 0
    while read -r removal; do printf '%s\\n' "$removal" >> "$tracefs/kprobe_events" 2>/dev/null; done < "$work/removals"
    grep -q '[:]s2replay/' "$tracefs/kprobe_events" || return 0
    for enable in "$tracefs/events/s2replay/enable" "$tracefs"/instances/*/events/s2replay/enable; do
      [ -e "$enable" ] && echo 0 > "$enable" 2>/dev/null
    done
    sleep 1
  done
  say "kprobes of the group s2replay could not be removed; somebody uses them: sh $0 -C tries again"
  return 1
}

remove_instance() {
  [ -d "$1" ] || return 0
  echo 0 > "$1/tracing_on"
  echo 0 > "$1/events/enable"
  for try in 1 2 3 4 5; do
    rmdir "$1" 2>/dev/null && return 0
    # trace-cmd's readers are on their way out.
    [ -d "$1" ] && sleep 1
  done
  say "$1 could not be removed; somebody reads it: sh $0 -C tries again"
  return 1
}

check_recorder() {
  check_leftovers
  if [ "$clean" = 1 ]; then
    rm -rf "\${TMPDIR:-/tmp}"/s2replay-record.*
    exit 0
  fi
}

make_instance() {
  instance=$tracefs/instances/s2replay.$$
  mkdir "$instance" || { instance=; refuse "no tracing instance could be made"; }
  echo 0 > "$instance/tracing_on"
  echo "$clock" > "$instance/trace_clock"
  echo "$buffer" > "$instance/buffer_size_kb" || refuse "-b $buffer: the kernel refused it"
  [ "$level" = faults ] || probing=1
  if [ -n "$pid" ]; then
    echo 1 > "$instance/options/event-fork"
    for thread in /proc/"$pid"/task/*; do echo "\${thread##*/}" >> "$instance/set_event_pid"; done
  fi
}

clean_up() {
  status=$?
  trap '' EXIT INT TERM HUP
  [ -z "$recorder" ] || { kill -s "$signal" "$recorder"; wait "$recorder"; } 2>/dev/null
  [ -z "$instance" ] || remove_instance "$instance" || status=2
  [ -z "$probing" ] || remove_probes || status=2
  [ -z "$mounted" ] || umount "$mounted" || say "$mounted stays mounted"
  [ -z "$work" ] || rm -rf "$work"
  [ -z "$part" ] || rm -f "$part" "$part".*
  exit "$status"
}

# trace-cmd and cat outlive a recording that was killed.
end_readers() {
  ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v link=" -> $1/" '
    /^\\/proc\\// { split($0, part, "/"); reader = part[3] }
    index($0, link) && !seen[reader]++ { print reader }' |
    while read -r reader; do kill -s TERM "$reader"; done
}

# What a recording that was killed left. One that runs is left alone.
check_leftovers() {
  for dir in "$tracefs"/instances/s2replay.*; do
    [ -d "$dir" ] || continue
    kill -0 "\${dir##*.}" 2>/dev/null && refuse "a recording is under way (process \${dir##*.}): one at a time"
    [ "$clean" = 1 ] || refuse "a recording that was killed left $dir: sh $0 -C removes it"
    end_readers "$dir"
    remove_instance "$dir" || exit 2
  done
  [ -e "$tracefs/kprobe_events" ] || return
  if [ "$clean" = 1 ]; then
    remove_probes || exit 2
  elif grep -q '[:]s2replay/' "$tracefs/kprobe_events"; then
    refuse "a recording that was killed left its probes: sh $0 -C removes them"
  fi
}
`;
