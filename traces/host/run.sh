# run.sh: what the emulated host does: records its own selftest in several ways, and tells what each left behind.
# Tracing of somebody else's is on all the time, and must stay as it is.
mount -t tracefs tracefs /sys/kernel/tracing
tracing=/sys/kernel/tracing
echo 'p:mine/s2_map kvm_pgtable_stage2_map' >> $tracing/kprobe_events
echo 1 > $tracing/events/mine/s2_map/enable
echo 1 > $tracing/events/sched/sched_process_exec/enable
echo 1 > $tracing/set_event_pid

# Everything that a recording could disturb.
state() {
  cat $tracing/kprobe_events $tracing/events/mine/s2_map/enable $tracing/events/sched/sched_process_exec/enable \
    $tracing/set_event_pid $tracing/tracing_on $tracing/trace_clock $tracing/buffer_size_kb
  ls $tracing/instances
  ls /tmp
}

# step NAME COMMAND..: its status in status.NAME, and what it changed in changed.NAME.
step() {
  name=$1
  shift
  state > /state.before
  "$@" > "log.$name" 2>&1
  echo $? > "status.$name"
  state > /state.after
  diff /state.before /state.after > "changed.$name"
}

blocks=$(cat blocks)
guest="/bin/kvm_page_table_test -m 2 -v 2 -b $((2 * blocks))M -s anonymous_hugetlb_2mb"

step walk sh record.sh -l walk -o walk -- $guest
step text sh record.sh -T -o text -- $guest
step faults sh record.sh -l faults -T -o faults -- $guest
step interrupted timeout -s INT 8 sh record.sh -o interrupted
step terminated timeout -s TERM 8 sh record.sh -T -o terminated
step failed sh record.sh -T -o failed -- sh -c 'exit 7'
step small sh record.sh -T -b 4 -o small -- $guest

# A recording that is killed cannot clean up: the next one says so, and -C does.
killed() {
  sh record.sh -T -o killed &
  sleep 4
  kill -KILL $!
  wait $!
  sh record.sh -t 1 && return 1
  sh record.sh -C
}
step killed killed

# Of two VMs one is recorded, in the middle of its life.
two() {
  /bin/kvm_page_table_test -m 2 -v 1 -b 256M -s anonymous > log.one &
  one=$!
  /bin/kvm_page_table_test -m 2 -v 1 -b 256M -s anonymous > log.other &
  other=$!
  echo $one > pid.one
  sh record.sh -T -p $one -t 2 -o one
  status=$?
  kill $one $other
  wait
  return $status
}
step one two
umount $tracing
