/** The parts of the script that record by trace-cmd, or as tracefs text. POSIX sh. */

/**
 * Both ways stream: a ring buffer that is read only at the end loses the start of what does not fit. `record -B`, unlike
 * `extract`, leaves the events of the top instance as they are (trace-cmd 3.1.6: extract disables them).
 */
export const tracefsCapture = `
start_trace_cmd() {
  set --
  while IFS='|' read -r event kind group filter rest; do
    set -- "$@" -e "$group:$event"
    filter=$(filter_of)
    [ -z "$filter" ] || set -- "$@" -f "$filter"
  done < "$work/registered"
  [ "$part" = "\${part#-}" ] || part=./$part
  # In a session of its own: Ctrl-C is for this script, which has to read the counters first.
  $setsid trace-cmd record -B "\${instance##*/}" -C "$clock" -b "$buffer" "$@" -o "$part" > "$work/recorder.log" 2>&1 &
  recorder=$!
  signal=INT
  tries=0
  while [ "$(cat "$instance/tracing_on" 2>/dev/null)" != 1 ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ] || ! kill -0 "$recorder" 2>/dev/null; then
      say "trace-cmd did not start:"
      tail -n 3 "$work/recorder.log" >&2
      exit 2
    fi
    sleep 1
  done
}

start_text() {
  enable_events 1
  $setsid cat "$instance/trace_pipe" > "$part" &
  recorder=$!
  signal=TERM
  echo 1 > "$instance/tracing_on"
}

start_recorder() {
  if [ "$text" = 0 ] && command -v trace-cmd > /dev/null; then
    source=$(trace-cmd --version 2>&1 | awk '/version/ { print "trace-cmd " $3; exit }')
    file=$name.dat
    start_trace_cmd
  else
    source=tracefs
    file=$name.txt
    start_text
  fi
}

# Events that found the buffer full, on all CPUs.
count_lost() {
  cat "$instance"/per_cpu/cpu*/stats | awk -F': ' '
    $1 == "overrun" || $1 == "dropped events" || $1 == "commit overrun" { lost += $2 } END { print lost + 0 }'
}

count_unread() { cat "$instance"/per_cpu/cpu*/stats | awk -F': ' '$1 == "entries" { n += $2 } END { print n + 0 }'; }

stop_recorder() {
  echo 0 > "$instance/tracing_on"
  count_hits
  lost=$(count_lost)
  if [ "$source" = tracefs ]; then
    # With tracing off the reader ends by itself once it has all, unless there never was an event.
    idle=0
    while kill -0 "$recorder" 2>/dev/null && [ "$idle" -lt 2 ]; do
      [ "$(count_unread)" = 0 ] && idle=$((idle + 1))
      sleep 1
    done
  fi
  kill -s "$signal" "$recorder" 2>/dev/null
  wait "$recorder" 2>/dev/null
  recorder=
  [ "$source" = tracefs ] || [ -s "$part" ] || { say "nothing was written:"; tail -n 3 "$work/recorder.log" >&2; exit 2; }
}

save() {
  print_header > "$work/header"
  if [ "$source" = tracefs ]; then
    { printf '# s2replay-header: '; cat "$work/header" "$part"; } > "$part.text" && mv "$part.text" "$part" || exit 2
  fi
  mv "$part" "$file" && cp "$work/header" "$name.header.json" || exit 2
  written="$file and $name.header.json"
}
`;
