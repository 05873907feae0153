/** The state in which a thread leaves its CPU, as the kernel prints it: R, R+ (preempted), S, D, .. */

/** Letters of the bits, from the lowest (TASK_REPORT of include/linux/sched.h). */
const letters = "SDTtXZPI";
/** The task was preempted: TASK_REPORT_MAX, which is put beside its state. */
const PREEMPTED = 0x100;

/** Of a recording's bit mask. */
export function taskStateText(mask: number): string {
  const set = [...letters].filter((_, bit) => Math.floor(mask / 2 ** bit) % 2 === 1);
  const isPreempted = Math.floor(mask / PREEMPTED) % 2 === 1;
  return `${set.join("|") || "R"}${isPreempted ? "+" : ""}`;
}

export function isTaskState(text: string): boolean {
  return /^[A-Za-z](?:\|[A-Za-z])*\+?$/.test(text);
}

/** It would run on if it had a CPU. */
export function isRunnable(state: string): boolean {
  return state.startsWith("R");
}
