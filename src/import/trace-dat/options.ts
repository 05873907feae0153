/**
 * The options of a trace.dat: what the recorder wrote of the machine and of its clocks. trace-cmd.dat.v7(5) lists
 * them; one that is not known here is passed over, as trace-cmd does.
 */

import { DataEnd } from "../../trace/byte-source.js";
import { FieldReader } from "./field-reader.js";

/** How a guest's clock was off the host's, of one of its cpus. */
export interface ClockSample {
  readonly time: bigint;
  readonly offset: bigint;
  readonly scaling: bigint;
  /** The scaling's bits behind the point. */
  readonly fraction: bigint;
}

export interface Facts {
  /** `uname`: system, host name, release, machine. */
  uname: string | undefined;
  /** trace-cmd's version. */
  version: string | undefined;
  clock: string | undefined;
  cpus: number | undefined;
  /** Nanoseconds that are added to every time: DATE and OFFSET. */
  offsetNs: bigint;
  /** Ticks -> nanoseconds: times multiplier, shifted right. */
  ticks: { readonly multiplier: bigint; readonly shift: bigint } | undefined;
  /** By cpu, each in order of time. */
  timeShift: readonly (readonly ClockSample[])[];
  interpolates: boolean;
  /** pid -> tgid. */
  readonly tgids: Map<number, number>;
  /** Buffer name -> events that its ring buffers lost, by their own count. */
  readonly lost: Map<string, number>;
  /** Buffer that the next CPUSTAT belongs to. */
  statsOf: string;
}

export function noFacts(): Facts {
  return {
    uname: undefined,
    version: undefined,
    clock: undefined,
    cpus: undefined,
    offsetNs: 0n,
    ticks: undefined,
    timeShift: [],
    interpolates: false,
    tgids: new Map(),
    lost: new Map(),
    statsOf: "",
  };
}

/** Ids, as the man page has them. */
export const OptionId = {
  done: 0,
  date: 1,
  cpuStat: 2,
  buffer: 3,
  traceClock: 4,
  uname: 5,
  offset: 7,
  cpuCount: 8,
  version: 9,
  timeShift: 12,
  tsc2nsec: 14,
  headerInfo: 16,
  ftraceEvents: 17,
  eventFormats: 18,
  cmdLines: 21,
  bufferText: 22,
  /** Of gpuvis' trace-cmd; trace-cmd itself saves none. */
  savedTgids: 32,
} as const;

/** Takes over what an option says of the machine or of the clocks. Options too short to say it say nothing. */
export async function readFact(facts: Facts, id: number, data: Buffer, bigEndian: boolean): Promise<void> {
  const fields = FieldReader.ofBytes(data, bigEndian);
  const text = data.toString("utf8", 0, data.includes(0) ? data.indexOf(0) : data.length);
  try {
    if (id === OptionId.uname) facts.uname = text;
    else if (id === OptionId.version) facts.version = /^\S+/.exec(text)?.[0];
    else if (id === OptionId.traceClock) facts.clock = chosenClock(text) ?? facts.clock;
    else if (id === OptionId.date) facts.offsetNs += 1000n * integerOf(text);
    else if (id === OptionId.offset) facts.offsetNs += integerOf(text);
    else if (id === OptionId.cpuStat) countLost(facts, text);
    else if (id === OptionId.cpuCount) facts.cpus = await fields.u32();
    else if (id === OptionId.tsc2nsec) {
      const multiplier = BigInt(await fields.u32());
      const shift = BigInt(await fields.u32());
      // The offset behind them is for the reader's own use; trace-cmd report does not add it.
      facts.ticks = multiplier === 0n ? undefined : { multiplier, shift };
    } else if (id === OptionId.timeShift) await readTimeShift(facts, fields);
    else if (id === OptionId.savedTgids) {
      for (const [, pid, tgid] of text.matchAll(/^\s*(\d{1,9})\s+(\d{1,9})\s*$/gm))
        facts.tgids.set(Number(pid), Number(tgid));
    }
  } catch (error) {
    if (!(error instanceof DataEnd)) throw error;
  }
}

/** The one in brackets: `local global [mono] boot`. */
export function chosenClock(text: string): string | undefined {
  return /\[([^\]\s]+)\]/.exec(text)?.[1];
}

/** As strtoll reads it, base 0. */
function integerOf(text: string): bigint {
  const [, sign, digits] = /^\s*([-+]?)(0x[0-9a-f]{1,16}|\d{1,19})/i.exec(text) ?? [];
  const value = BigInt(digits ?? 0);
  return BigInt.asIntN(64, sign === "-" ? -value : value);
}

/**
 * The per_cpu/cpuN/stats of one cpu, or the name of the instance that the next ones are of. Overrun: overwritten
 * before they were read. Commit overrun and dropped: never written.
 */
function countLost(facts: Facts, text: string): void {
  const name = /^Buffer: (.*)$/m.exec(text)?.[1];
  if (name !== undefined) facts.statsOf = name;
  let lost = facts.lost.get(facts.statsOf);
  for (const [, count] of text.matchAll(/^(?:(?:commit )?overrun|dropped events): (\d{1,15})$/gm))
    lost = (lost ?? 0) + Number(count);
  if (lost !== undefined) facts.lost.set(facts.statsOf, lost);
}

const INTERPOLATE = 1;

async function readTimeShift(facts: Facts, fields: FieldReader): Promise<void> {
  await fields.u64(); // The peer's trace id.
  const flags = await fields.u32();
  const cpus = await fields.u32();
  const shifts: { time: bigint; offset: bigint; scaling: bigint; fraction: bigint }[][] = [];
  for (let cpu = 0; cpu < cpus; cpu++) {
    const count = await fields.u32();
    if (24 * count > fields.left) return; // A list that is not there.
    const samples = Array.from({ length: count }, () => ({
      time: 0n,
      offset: 0n,
      scaling: 0n,
      fraction: 0n,
    }));
    for (const sample of samples) sample.time = BigInt.asIntN(64, await fields.big64());
    for (const sample of samples) sample.offset = BigInt.asIntN(64, await fields.big64());
    for (const sample of samples) sample.scaling = BigInt.asIntN(64, await fields.big64());
    shifts.push(samples);
  }
  // Since trace-cmd 3.0.
  if (fields.left > 0)
    for (const samples of shifts) for (const sample of samples) sample.fraction = await fields.big64();
  facts.interpolates = (flags & INTERPOLATE) !== 0;
  facts.timeShift = shifts.map((samples) =>
    samples
      .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
      .filter(({ time }, index) => index === 0 || time !== samples[index - 1]!.time),
  );
}
