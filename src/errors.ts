/** A trace that breaks its format. `where` is `FILE:LINE`, or `FILE` where no line applies. */
export class TraceFormatError extends Error {
  override readonly name = "TraceFormatError";
  constructor(
    readonly where: string,
    readonly problem: string,
  ) {
    super(`${where}: ${problem}`);
  }
}

/** A well-formed trace that this version cannot replay. */
export class UnsupportedTraceError extends Error {
  override readonly name = "UnsupportedTraceError";
}

/** The user asked for something that cannot be done: an unknown name, a bad option, a file that is not there. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A plugged-in strategy broke its contract. */
export class StrategyError extends Error {
  override readonly name = "StrategyError";
}

/** A strategy gave back a reference to a table page that is not allocated: freed before, or no table page at all. */
export class UnallocatedPageError extends StrategyError {
  constructor(readonly page: number) {
    super(`put of table page ${page}, which is not allocated`);
  }
}

/** A defect of this program: please report it. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}
