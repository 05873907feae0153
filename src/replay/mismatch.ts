/** Why a replay of the recording walker does not give a recorded fault back at once. */
export const mismatchReasons = {
  /** Nothing before the fault tells what the table held: tracing began, or was off. */
  tableUnknown: "only the fault itself tells what the table held: nothing before it was traced",
  /** Another vCPU changed the entry between the access and the abort's line. */
  accessEarlier: "the table gave the fault at another time since the thread's last activity",
  /** An interrupted operation had made a store already that the replay makes when it goes on. */
  changeUnderWay: "the table gives the fault once an operation under way has gone on",
  /** A hit at every time since the thread's last activity. */
  mappedBefore: "the entry was there whenever the thread can have made its access",
  otherFault: "the table gives a fault of another class or level whenever the access was made",
  /** Under the read lock: a retried access, which the table lets through at once. */
  lapFree: "the entry was free whenever the access can have been tried again",
} as const;
export type MismatchReason = keyof typeof mismatchReasons;

/** A fault that was not matched, and what the table gave for it. */
export interface Mismatch {
  readonly reason: MismatchReason;
  /** Recorded faults that needed their own status, or have none in the replay; and the replay's that were not recorded. */
  readonly corrected: number;
  readonly missing: number;
  readonly extra: number;
  /** FaultClass of the table's answer, or HIT, and the level at which the walk ended. */
  readonly replayedClass: number;
  readonly replayedLevel: number;
  /** Where another time gave the fault: how much earlier than the one first taken; else 0. */
  readonly earlierNs: number;
}
