/** Times from their digits: nothing here passes through a fraction of a double. */

const NS_PER_S = 1_000_000_000n;
/** Exponents beyond this are no time that anyone recorded, and 10 ** n would take for ever. */
const MAX_EXPONENT = 40;
const MAX_DIGITS = 60;
/** 10^15 s: whole seconds below this are exact in a double. */
const MAX_NS = 10n ** 24n;

export type TimeText = { readonly ns: bigint } | { readonly expected: string };

/** Seconds or nanoseconds in decimal, an exponent allowed as in JSON; exact or refused. */
export function parseTime(text: string, unit: "s" | "ns"): TimeText {
  const format = unit === "s" ? "seconds with up to 9 decimals" : "an integer number of nanoseconds";
  if (/^-\d/.test(text)) return { expected: "a time that is not negative" };
  const match = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return { expected: format };
  const [, whole = "", fraction = "", exponentText = "0"] = match;
  const exponent = Number(exponentText);
  if (exponent > MAX_EXPONENT) return { expected: "a finite time" };
  if (exponent < -MAX_EXPONENT || whole.length + fraction.length > MAX_DIGITS) return { expected: format };
  const scale = exponent - fraction.length + (unit === "s" ? 9 : 0);
  const digits = BigInt(whole + fraction);
  const divisor = 10n ** BigInt(Math.max(0, -scale));
  if (digits % divisor !== 0n) return { expected: format };
  const ns = (digits / divisor) * 10n ** BigInt(Math.max(0, scale));
  return ns < MAX_NS ? { ns } : { expected: "a time below 10^15 seconds" };
}

/**
 * Times as the reader holds them: relative to the first event it accepted. Seconds and nanoseconds are
 * kept apart until the difference is taken, so the result is an exact integer within 104 days.
 */
export class TimeBase {
  private baseNs: bigint | undefined;
  isSet = false;
  /** The base in whole seconds and the nanoseconds beyond; valid once set. */
  readonly parts = new Float64Array(2);

  get ns(): bigint | undefined {
    return this.baseNs;
  }

  set(ns: bigint): void {
    this.baseNs = ns;
    this.isSet = true;
    this.parts[0] = Number(ns / NS_PER_S);
    this.parts[1] = Number(ns % NS_PER_S);
  }

  /** NaN where the distance is not exact. Before the base is set: relative to `ns` itself. */
  relative(ns: bigint, first: bigint): number {
    const distance = ns - (this.baseNs ?? first);
    return distance >= -MAX_DISTANCE && distance <= MAX_DISTANCE ? Number(distance) : Number.NaN;
  }
}

const MAX_DISTANCE = BigInt(Number.MAX_SAFE_INTEGER);
