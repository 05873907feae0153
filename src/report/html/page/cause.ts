/** The causes in the order of the replay, followed by the number for episodes that are no faults. */
export const Cause = {
  firstTouch: 0,
  loggingWrite: 1,
  hole: 2,
  coalesceTrigger: 3,
  brokenWindow: 4,
  lostRace: 5,
  afterUnmap: 6,
  relax: 7,
  accessFlag: 8,
  unexplained: 9,
  hostOperation: 10,
} as const;
