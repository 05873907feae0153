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
    at=tracepoint:kvm:$event
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
  [ -z "$pid" ] || condition="pid == $pid\${filter:+ && $filter}"
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
  # The last to be attached: once it prints, all are.
  echo 'interval:ms:500 { printf("s2replay\\n"); }' >> "$work/program.bt"
}

start_recorder() {
  source="bpftrace $(bpftrace --version 2>/dev/null | awk '{ print $2; exit }')"
  $setsid bpftrace -B line -o "$part" "$work/program.bt" > "$work/recorder.log" 2>&1 &
  recorder=$!
  until grep -q '^s2replay' "$part"; do
    if ! kill -0 "$recorder" 2>/dev/null; then
      say "bpftrace did not start:"
      tail -n 5 "$work/recorder.log" >&2
      exit 2
    fi
    sleep 1
  done
}

stop_recorder() {
  kill -s INT "$recorder" 2>/dev/null
  wait "$recorder" 2>/dev/null
  recorder=
  lost=$(cat "$work/recorder.log" "$part" | awk '/^Lost [0-9]+ events/ { lost += $2 } END { print lost + 0 }')
  # A name of a task may hold what JSON must not.
  awk '/^{"ts_ns"/ {
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
