/**
 * Times of the ring buffer -> seconds and nanoseconds, as trace-cmd report corrects them: a guest's by the samples
 * of its host's clock, ticks by their multiplier, then the offset that the file names.
 */

import type { ClockSample, Facts } from "./options.js";

const NS = 1_000_000_000;
const MASK = (1n << 64n) - 1n;

/** What takes a time. */
interface Instant {
  seconds: number;
  nanos: number;
}

export interface TraceClock {
  /** Of a time's upper and lower 32 bits. */
  set(into: Instant, high: number, low: number): void;
}

/** The clock of one cpu. */
export function clockOf(facts: Facts, cpu: number): TraceClock {
  const samples = facts.timeShift[cpu] ?? [];
  if (samples.length === 0 && facts.ticks === undefined) return new NanosecondClock(facts.offsetNs);
  return new CorrectedClock(facts, samples);
}

class NanosecondClock implements TraceClock {
  private readonly seconds: number;
  private readonly nanos: number;

  constructor(offsetNs: bigint) {
    const nanos = ((offsetNs % BigInt(NS)) + BigInt(NS)) % BigInt(NS);
    this.nanos = Number(nanos);
    this.seconds = Number((offsetNs - nanos) / BigInt(NS));
  }

  set(into: Instant, high: number, low: number): void {
    split(into, high, low);
    into.seconds += this.seconds;
    into.nanos += this.nanos;
    if (into.nanos >= NS) {
      into.nanos -= NS;
      into.seconds++;
    }
  }
}

/** In 64 bits that wrap, as trace-cmd reckons. */
class CorrectedClock implements TraceClock {
  constructor(
    readonly facts: Facts,
    readonly samples: readonly ClockSample[],
  ) {}

  set(into: Instant, high: number, low: number): void {
    const { ticks, offsetNs } = this.facts;
    let time = this.ofHost((BigInt(high) << 32n) | BigInt(low));
    if (ticks !== undefined) time = ((time * ticks.multiplier) >> (ticks.shift & 63n)) & MASK;
    time = BigInt.asIntN(64, time + offsetNs);
    const nanos = ((time % BigInt(NS)) + BigInt(NS)) % BigInt(NS);
    into.nanos = Number(nanos);
    into.seconds = Number((time - nanos) / BigInt(NS));
  }

  private ofHost(time: bigint): bigint {
    const { samples } = this;
    if (samples.length === 0) return time;
    if (samples.length === 1) return (time + samples[0]!.offset) & MASK;
    let first = 0;
    while (first < samples.length - 2 && time >= samples[first + 1]!.time) first++;
    const [from, to] = [samples[first]!, samples[first + 1]!];
    let offset = from.offset;
    if (this.facts.interpolates) {
      const delta = to.time - from.time;
      const product = BigInt.asIntN(64, (BigInt.asIntN(64, time) - from.time) * (to.offset - from.offset));
      if (delta !== 0n) offset += (product + delta / 2n) / delta;
    }
    return ((((time * from.scaling) & MASK) >> (from.fraction & 63n)) + offset) & MASK;
  }
}

/** Exact, without 64-bit integers: the quotient from doubles, then the remainder from the lower 32 bits alone. */
function split(into: Instant, high: number, low: number): void {
  let seconds = Math.floor((high * 2 ** 32 + low) / NS);
  // The quotient may be one off; the remainder, from -NS to 2 NS, fits a signed word and tells.
  let nanos = (low - Math.imul((seconds % 2 ** 32) | 0, NS)) | 0;
  if (nanos < 0) {
    nanos += NS;
    seconds--;
  } else if (nanos >= NS) {
    nanos -= NS;
    seconds++;
  }
  into.seconds = seconds;
  into.nanos = nanos;
}
