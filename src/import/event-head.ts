/**
 * What stands before an event's own fields, in the text of ftrace and of perf:
 *
 *  kvm_page_table_-187     (    187) [001] d..1.     2.609528: s2_map: (..) pgt=..
 *  kvm_page_table_   187/187   [001]     2.609528304:      probe:s2_map: (..) pgt=..
 *
 * A task's name may hold anything, so where it ends is found by trying. That is done once a task: its columns are
 * kept as bytes, and a line that begins with the same bytes is of the same task.
 */

import { hashStep, Spellings } from "../trace/string-table.js";
import type { EventWriter, Moment, Task } from "./event-writer.js";
import { TraceRefusal } from "./text-recording.js";

/** A line's first columns. */
export interface TaskColumns {
  /** Behind them: where `[cpu]` or, without it, the next column begins. */
  readonly end: number;
  readonly commFrom: number;
  readonly commEnd: number;
  readonly pid: number;
  readonly tgid: number | undefined;
  /** What a report of several buffers or files puts before each line; "" for the top one. */
  readonly prefix: string | undefined;
}

/** How a program writes them. */
export interface HeadFormat {
  /** `line`: the bytes of the line as Latin-1. Undefined where it is no event's line. */
  split(line: string): TaskColumns | undefined;
  /** Says why times without a decimal point are of no use. */
  readonly ticks: string;
  /** Behind the time: a period, and a system's name before the event's. */
  readonly isPerf: boolean;
}

interface KnownTask {
  readonly task: Task;
  readonly prefix: string | undefined;
}

/** Far more than a host has threads, and longer than their columns; those beyond are read the slow way. */
const MAX_TASKS = 1 << 15;
const MAX_COLUMN_BYTES = 512;
/** Columns that may stand between cpu and time: flags, a delay mark, a page of perf's own. */
const MAX_FLAGS = 4;
const MAX_SECONDS_DIGITS = 15;
const MAX_CPU_DIGITS = 5;

const SPACE = 0x20;
const COLON = 0x3a;
const POINT = 0x2e;
const ZERO = 0x30;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN = 0x28;
const PLUS = 0x2b;

const noTask: Task = { pid: 0, before: new Uint8Array(0), behind: new Uint8Array(0) };

export class EventHead {
  readonly at: Moment = { seconds: 0, nanos: 0, decimals: 9, cpu: -1, task: noTask };
  prefix: string | undefined;
  /** The event's name, and its hash. */
  nameFrom = 0;
  nameEnd = 0;
  nameHash = 0;
  /** Behind the colon and the space after the name. */
  detailFrom = 0;

  private readonly tasks: KnownTask[] = [];
  private readonly spellings = new Spellings();
  /** Length of the columns of the line before: most often the next one's. */
  private length = 0;

  constructor(
    readonly format: HeadFormat,
    readonly writer: EventWriter,
  ) {}

  /** Reads the line in bytes [from, end); false if it is no event's. Throws TraceRefusal. */
  read(bytes: Buffer, from: number, end: number): boolean {
    const known = this.known(bytes, from, end);
    if (known !== undefined) {
      this.at.task = known.task;
      this.prefix = known.prefix;
      if (this.rest(bytes, from + this.length, end)) return true;
    }
    return this.slowly(bytes, from, end);
  }

  /** The task of the columns at `from`, if they are as long as those of the line before and known. */
  private known(bytes: Buffer, from: number, end: number): KnownTask | undefined {
    const to = from + this.length;
    if (to >= end || bytes[to - 1] !== SPACE) return undefined;
    const entry = this.spellings.find(bytes, from, to, hashOf(bytes, from, to));
    return entry < 0 ? undefined : this.tasks[this.spellings.number(entry)];
  }

  private slowly(bytes: Buffer, from: number, end: number): boolean {
    const columns = this.format.split(bytes.toString("latin1", from, end));
    if (columns === undefined) return false;
    const { pid, tgid, prefix } = columns;
    const comm =
      columns.commEnd < 0
        ? undefined
        : bytes.toString("utf8", from + columns.commFrom, from + columns.commEnd);
    this.length = columns.end;
    const to = from + columns.end;
    const entry = this.spellings.find(bytes, from, to, hashOf(bytes, from, to));
    let known = entry < 0 ? undefined : this.tasks[this.spellings.number(entry)];
    if (known === undefined) {
      known = { task: this.writer.task(pid, comm, tgid), prefix };
      if (this.tasks.length < MAX_TASKS && columns.end <= MAX_COLUMN_BYTES)
        this.spellings.add(bytes, from, to, this.tasks.push(known) - 1);
    }
    this.at.task = known.task;
    this.prefix = known.prefix;
    return this.rest(bytes, to, end);
  }

  /** From the cpu on. */
  private rest(bytes: Buffer, from: number, end: number): boolean {
    let at = from;
    this.at.cpu = -1;
    if (bytes[at] === OPEN_BRACKET) {
      let cpu = 0;
      const first = ++at;
      for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) {
        cpu = cpu * 10 + digit;
      }
      if (at === first || at - first > MAX_CPU_DIGITS || bytes[at] !== CLOSE_BRACKET) return false;
      at++;
      this.at.cpu = cpu;
    } else if (!this.format.isPerf) return false;
    for (let flags = 0; flags <= MAX_FLAGS && at < end; flags++) {
      while (bytes[at] === SPACE) at++;
      const behind = this.time(bytes, at, end);
      if (behind > 0) return this.name(bytes, behind, end);
      while (at < end && bytes[at] !== SPACE) at++;
    }
    return false;
  }

  /** The time at `at` with its colon; 0 if there is none. */
  private time(bytes: Buffer, from: number, end: number): number {
    let at = from;
    let seconds = 0;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) {
      seconds = seconds * 10 + digit;
    }
    const digits = at - from;
    if (digits === 0) return 0;
    if (bytes[at] === COLON && (bytes[at + 1] === SPACE || at + 1 === end)) {
      throw new TraceRefusal(this.format.ticks);
    }
    if (bytes[at] !== POINT || digits > MAX_SECONDS_DIGITS) return 0;
    const first = ++at;
    let nanos = 0;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) {
      nanos = nanos * 10 + digit;
    }
    const decimals = at - first;
    if (decimals === 0 || decimals > 9 || bytes[at] !== COLON) return 0;
    for (let missing = decimals; missing < 9; missing++) nanos *= 10;
    const moment = this.at;
    moment.seconds = seconds;
    moment.nanos = nanos;
    moment.decimals = decimals <= 6 ? 6 : 9;
    return at + 1;
  }

  private name(bytes: Buffer, from: number, end: number): boolean {
    let at = from;
    while (bytes[at] === SPACE) at++;
    // `report --ts-diff`: the time since the event before, (+24).
    if (bytes[at] === OPEN && bytes[at + 1] === PLUS) {
      while (at < end && bytes[at] !== SPACE) at++;
      while (bytes[at] === SPACE) at++;
    }
    const { isPerf } = this.format;
    if (isPerf) at = skipPeriod(bytes, at);
    let hash = 0;
    let nameFrom = at;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === SPACE) return false;
      if (byte !== COLON) hash = hashStep(hash, byte);
      else if (at + 1 === end || bytes[at + 1] === SPACE) break;
      else if (isPerf) {
        nameFrom = at + 1;
        hash = 0;
      } else return false;
    }
    if (at >= end || at === nameFrom) return false;
    this.nameFrom = nameFrom;
    this.nameEnd = at;
    this.nameHash = hash;
    this.detailFrom = Math.min(at + 2, end);
    return true;
  }
}

/** perf's `-F +period`: digits of a column of their own. */
function skipPeriod(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at]! >= ZERO && bytes[at]! <= 0x39) at++;
  if (at === from || bytes[at] !== SPACE) return from;
  while (bytes[at] === SPACE) at++;
  return at;
}

/** As Spellings takes it: over all but the last byte. */
function hashOf(bytes: Uint8Array, from: number, end: number): number {
  let hash = 0;
  for (let at = from; at < end - 1; at++) hash = hashStep(hash, bytes[at]!);
  return hash;
}
