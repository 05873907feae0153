/** The parts of the script that record by bpftrace, which prints the trace format itself. POSIX sh. */

export const bpftraceCapture = `
check_recorder() {
  [ "$clean" = 0 ] || refuse "-C: bpftrace leaves nothing behind"
  [ -z "$break_at$install_at" ] || refuse "-B and -I: not with bpftrace"
  [ "$clock" = mono ] || refuse "-c $clock: bpftrace has mono only"
  command -v bpftrace > /dev/null || refuse "bpftrace is not there"
}

clean_up() {
  status=$?
  trap '' EXIT INT TERM HUP
  [ -z "$recorder" ] || { kill -s INT "$recorder"; wait "$recorder"; } 2>/dev/null
  [ -z "$mounted" ] || umount "$mounted" || say "$mounted stays mounted"
  [ -z "$work" ] || rm -rf "$work"
  [ -z "$part" ] || rm -f "$part" "$part".*
  exit "$status"
}

# One line of the table, as a probe of the program.
add_probe() {
  at=
  if [ "$kind" = tracepoint ]; then
    add_tracepoint || return
    at=tracepoint:$symbols:$event
  else
    why="before v$since no function is known for it"
    if is_old_enough; then
      why="no function $(echo "$symbols" | sed 's/ / or /g'): inlined, or of other kernels"
      for symbol in $symbols; do
        grep -qFx "$symbol" "$work/symbols" || continue
        if [ "$kind" = entry ]; then at=kprobe:$symbol; else at=kretprobe:$symbol; fi
        echo "$event|$kind|s2replay|$filter|$implied|$symbol|$doubt" >> "$work/registered"
        break
      done
    fi
    if [ -z "$at" ]; then
      echo "$event|$why" >> "$work/absent"
      return
    fi
  fi
  condition=$filter
  # Whose turn a switch is, its own condition says.
  [ -z "$pid" ] || [ "$symbols" = sched ] || condition="pid == $pid\${filter:+ && $filter}"
  printf '%s %s { %s }\\n' "$at" "\${condition:+/$condition/}" "$action" >> "$work/program.bt"
}

add_probes() {
  read_symbols
  : > "$work/silent"
  self_test="not run: bpftrace"
  while IFS='|' read -r own kind event since symbols action filter implied doubt; do
    is_wanted && add_probe
  done <<END
$(probe_table)
END
  # Each CPU's lines come in order: behind such a line with a later time, all of this CPU's before it have come.
  printf '%s\\n' 'profile:hz:2 { printf("s2replay %d %llu\\n", cpu, nsecs); }' >> "$work/program.bt"
}

start_recorder() {
  source="bpftrace $(bpftrace --version 2>/dev/null | awk '{ print $2; exit }')"
  # Pages of each CPU, a power of two.
  BPFTRACE_PERF_RB_PAGES=$(awk -v kb="$buffer" 'BEGIN { for (pages = 1; pages * 8 <= kb; pages *= 2); print pages }')
  export BPFTRACE_PERF_RB_PAGES
  # Not -o: its file is not flushed line by line.
  $setsid bpftrace -B line "$work/program.bt" > "$part" 2> "$work/recorder.log" &
  recorder=$!
  # Attaching opens files, one probe after the other.
  opened=0 still=0
  until grep -q '^s2replay' "$part" && [ "$still" -ge 2 ]; do
    if ! kill -0 "$recorder" 2>/dev/null; then
      say "bpftrace did not start:"
      tail -n 5 "$work/recorder.log" >&2
      exit 2
    fi
    now=$(ls "/proc/$recorder/fd" | wc -l)
    if [ "$now" = "$opened" ]; then still=$((still + 1)); else still=0; fi
    opened=$now
    sleep 1
  done
}

# It drops what it has not yet read when it is told to end.
await_lines() {
  now=$(sed -n '/^now at/{ s/[^0-9]//g; p; q; }' /proc/timer_list)
  tries=0
  until awk -v now="$now" '/^s2replay / { last[$2] = $3 }
    END { for (cpu in last) if (last[cpu] < now) exit 1 }' "$part"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
      say "CUT: bpftrace fell behind, and what it had not read is not there"
      return
    fi
    sleep 1
  done
}

stop_recorder() {
  await_lines
  kill -s INT "$recorder" 2>/dev/null
  wait "$recorder" 2>/dev/null
  recorder=
  lost=$(cat "$work/recorder.log" "$part" | awk '/^Lost [0-9]+ events/ { lost += $2 } END { print lost + 0 }')
  # A name of a task may hold what JSON must not.
  awk '/^[{]"ts_ns"/ {
    from = index($0, "\\"comm\\":\\"") + 8
    to = index($0, "\\",\\"event\\":")
    comm = substr($0, from, to - from)
    if (gsub(/["\\\\]/, "?", comm)) $0 = substr($0, 1, from - 1) comm substr($0, to)
    print
  }' "$part" > "$part.lines"
  awk -F'"event":"' '{ split($2, part, "\\""); hits[part[1]]++ }
    END { while ((getline line < registered) > 0) { split(line, field, "|"); if (field[3] == "s2replay") print field[1], hits[field[1]] + 0, 0 } }' \\
    registered="$work/registered" "$part.lines" > "$work/hits"
  find_silent
}

save() {
  written=$name.ndjson
  print_header > "$work/header"
  cat "$work/header" "$part.lines" > "$part" && mv "$part" "$written" || exit 2
}
`;
