/** Why a replay of the recording walker does not reproduce a recorded fault at once. */
export const mismatchReasons = {
  /** Nothing before the fault shows what the table held: tracing had just begun, or was off. */
  tableUnknown: "only the fault itself tells what the table held: nothing before it was traced",
  /** Another vCPU changed the entry between the access and the abort's line. */
  accessEarlier: "the table gave the fault at another time since the thread's last activity",
  /** An interrupted operation had already made a store that the replay makes only when it resumes. */
  changeUnderWay: "the table gives the fault once an operation under way has gone on",
  /** The access hits at every time since the thread's last activity. */
  mappedBefore: "the entry was there whenever the thread can have made its access",
  otherFault: "the table gives a fault of another class or level whenever the access was made",
  /** Under the read lock: a retried access that the table permits at once. */
  lapFree: "the entry was free whenever the access can have been tried again",
} as const;
export type MismatchReason = keyof typeof mismatchReasons;

/** A fault that was not matched, and the table's answer to it. */
export interface Mismatch {
  readonly reason: MismatchReason;
  /** Recorded faults that needed their own status, or have none in the replay; and replayed faults not recorded. */
  readonly corrected: number;
  readonly missing: number;
  readonly extra: number;
  /** FaultClass of the table's answer, or HIT, and the level at which the walk ended. */
  readonly replayedClass: number;
  readonly replayedLevel: number;
  /** If another time gave the fault: how much earlier than the one first tried; else 0. */
  readonly earlierNs: number;
}
