/** What sched_switch and sched_waking print: the kernel itself, and the plugin that trace-cmd and perf put in its place. */

import { LineProblem } from "../trace/ndjson/line-values.js";

const looks: Readonly<Record<string, readonly RegExp[]>> = {
  sched_switch: [
    // `report -R` has no arrow, and the state as a bit mask.
    /\bprev_prio=-?\d+ prev_state=(?<prev_state>\S+) (?:==> )?next_comm=.* next_pid=(?<next_pid>\d+) next_prio=-?\d+\s*$/,
    /:\d+ \[-?\d+\] (?<prev_state>\S+) ==> .*:(?<next_pid>\d+) \[-?\d+\]\s*$/,
  ],
  sched_waking: [/\bcomm=.* pid=(?<target_pid>\d+) prio=-?\d+\b/],
};

/** The wire's fields of a sched event in their order. Throws LineProblem. */
export function schedValues(event: string, detail: string): Readonly<Record<string, string>> {
  for (const look of looks[event]!) {
    const found = look.exec(detail.trim())?.groups;
    if (found !== undefined) return found;
  }
  throw new LineProblem("fields not as expected", `${event}: expected what the kernel prints of it`);
}
