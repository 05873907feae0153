/**
 * Recorded events -> lines of `s2replay-trace/1`, as bytes. An importer finds out once what a kind of event
 * is on the wire (`shape`), then hands over values; nothing is allocated per event.
 *
 * What a recording cannot say is worked out from the order of its events: the names of a selftest's stages,
 * and where tracing was off. Events that the format does not know keep their line (time, cpu, pid, comm and
 * name), so that a reader can count them.
 */
import { ModelError } from "../errors.js";
import { type HeaderFields, writeHeader } from "../trace/header.js";
import { LineProblem } from "../trace/ndjson/line-values.js";
import type { Aliases } from "./aliases.js";
import { GuestThreads, isSched } from "./guest-threads.js";
import { GapFinder, type SingleCall, type Stage, StageNames } from "./recorded-order.js";
import { type Form, wireFieldsOf, writeValue } from "./wire-event.js";

/** A field of a recorded event that goes to the wire. */
export interface Column {
  /** Index among the recorded fields. */
  readonly source: number;
  readonly form: Form;
  readonly key: string;
  readonly required: boolean;
  /** `,"addr":"0x` for a hex value, `,"ret":` for another. */
  readonly prefix: Uint8Array;
}

/** What a kind of recorded event is on the wire. */
export interface EventShape {
  readonly event: string;
  /** `plain`: begin, the columns' values, end. `special`: by `special`. `ignored`: by `ignore`. */
  readonly kind: "plain" | "special" | "ignored";
  /** In the order of the wire. */
  readonly columns: readonly Column[];
  /** A field that the wire requires and the recording has not: such an event is refused. */
  readonly missing: string | undefined;
  /** `"s2_map"` */
  readonly name: Uint8Array;
  readonly isKnown: boolean;
  /** A marker on the wire. */
  readonly isMark: boolean;
  readonly isSched: boolean;
}

/** A thread: the bytes before its event's name, and behind it. */
export interface Task {
  readonly pid: number;
  readonly before: Uint8Array;
  readonly behind: Uint8Array;
}

/** Whole seconds, nanoseconds beyond them, and how many decimals the recording has (6 or 9). */
interface Time {
  seconds: number;
  nanos: number;
  decimals: number;
}

/** When and where an event was recorded; `cpu` -1 where the recording does not say. An importer keeps one and refills it. */
export interface Moment extends Time {
  cpu: number;
  task: Task;
}

/** What became of the recording's events, complete at its end. */
export interface ImportSummary {
  /** Lines written but for the header: gaps and losses included. */
  events: number;
  gaps: number;
  /** Events that the ring buffer lost, where the recording says how many. */
  lostEvents: number;
  /** Probes that say nothing a replay needs, by name. */
  readonly ignored: Map<string, number>;
  /** Events that the format does not know, by name. */
  readonly unknown: Map<string, number>;
  /** Orders that cannot have happened and that no silence explains. */
  readonly oddities: string[];
}

/** memslot2 repeats memslot (its trigger switched tracing); the others say nothing that memslot and s2_map do not. */
const ignoredNames = new Set(["memslot2", "commit", "free_unlinked", "kvm_set_spte_hva"]);
/** The last two: what trace-cmd calls a write to trace_marker, and what tracefs does. */
const markNames = new Set(["stage", "stage_end", "print", "tracing_mark_write"]);

const NOTHING = Buffer.alloc(0);
const QUOTE = 0x22;
const MINUS = 0x2d;
const CLOSING_BRACE = 0x7d;
const NEWLINE = 0x0a;
const DIGITS = Buffer.from("0123456789abcdef");
/** "00" to "ff". */
const PAIRS = Buffer.from(Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0")).join(""));
/** "000" to "999". */
const THREES = Buffer.from(Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, "0")).join(""));
/** More than any line takes that is not written by #raw. */
const LINE_ROOM = 2048;
/** From here on a copy as a whole is faster than one by one. */
const LONG_TEXT = 24;
const START_BYTES = 256 * 1024;
/** Lines whose origin is remembered: more than a reader ever holds. */
const ORIGINS = 1 << 16;
const MAX_ODDITIES = 100;
const MAX_NAMES = 1000;

export class EventWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(START_BYTES);
  /** Bytes written and not yet taken. */
  length = 0;
  /** Where in the recording the event at hand stands: its line, or its byte. */
  origin = 0;
  /** Header fields; until the first event is written. */
  header: HeaderFields = {};
  /** Threads that the recording has an event of. */
  readonly threads = new GuestThreads();
  readonly summary: ImportSummary = {
    events: 0,
    gaps: 0,
    lostEvents: 0,
    ignored: new Map(),
    unknown: new Map(),
    oddities: [],
  };
  private readonly stages: StageNames;
  private readonly calls = new GapFinder();
  private readonly origins = new Float64Array(ORIGINS);
  private readonly lost: { cpu: number; count: number | undefined }[] = [];
  /** `,"cpu":N`, by N. */
  private readonly cpus: Uint8Array[] = [];
  private lines = 0;
  /** Where the line at hand starts. */
  private start = 0;
  /** Time of the last event. */
  private readonly last: Time = { seconds: 0, nanos: 0, decimals: 9 };
  /** `{"ts":SECONDS.` of the second at hand. */
  private second = NOTHING;
  private secondOf = -1;

  constructor(
    readonly aliases: Aliases,
    /** Names of the stages that `stage` and `stage_end` mark; those of kvm_page_table_test where absent. */
    stages?: readonly Stage[],
  ) {
    this.stages = new StageNames(stages);
  }

  /** What an event recorded as `name` with these fields is on the wire. */
  shape(name: string, fields: readonly string[]): EventShape {
    const event = this.aliases.eventOf(name);
    const wire = wireFieldsOf(event);
    const isMark = markNames.has(event);
    const columns: Column[] = [];
    let missing: string | undefined;
    for (const { key, form, required } of wire ?? []) {
      const source = this.aliases.fieldIndex(name, key, fields);
      const prefix = Buffer.from(form === "hex" ? `,"${key}":"0x` : `,"${key}":`);
      if (source !== -1) columns.push({ source, form, key, required, prefix });
      else if (required) missing ??= key;
    }
    return {
      event,
      kind: ignoredNames.has(event)
        ? "ignored"
        : isMark || event === "memslot" || isSched(event)
          ? "special"
          : "plain",
      columns,
      missing,
      name: Buffer.from(JSON.stringify(isMark ? "marker" : event)),
      isKnown: wire !== undefined || isMark,
      isMark,
      isSched: isSched(event),
    };
  }

  task(pid: number, comm: string | undefined, tgid?: number): Task {
    const named = comm === undefined ? "" : `,"comm":${JSON.stringify(comm)}`;
    return {
      pid,
      before: Buffer.from(`,"pid":${pid}${named},"event":`),
      behind: tgid === undefined ? NOTHING : Buffer.from(`,"tgid":${tgid}`),
    };
  }

  /** Starts a plain event's line. Throws LineProblem where the recording lacks a field that the wire requires. */
  begin(shape: EventShape, at: Moment): void {
    if (shape.missing !== undefined) throw missingField(shape.event, shape.missing);
    this.precede(shape, at);
    if (!shape.isKnown) tally(this.summary.unknown, shape.event);
    else if (!shape.isSched) this.threads.add(at.task.pid);
    this.common(shape, at);
  }

  end(): void {
    this.bytes[this.length++] = CLOSING_BRACE;
    this.bytes[this.length++] = NEWLINE;
    this.countLine();
    this.summary.events++;
  }

  /** A line of the trace's own format, as it is, without its newline. */
  line(json: string): void {
    if (this.lines === 0) this.putHeader();
    this.putLine(json);
  }

  /** Takes back the line begun. */
  drop(): void {
    this.length = this.start;
  }

  /** A 64-bit value, as two halves of 32 bits. */
  hex(column: Column, high: number, low: number): void {
    this.copy(column.prefix);
    if (high !== 0) {
      this.hexDigits(high, 8 - (Math.clz32(high) >>> 2));
      this.hexDigits(low, 8);
    } else this.hexDigits(low, low === 0 ? 1 : 8 - (Math.clz32(low) >>> 2));
    this.bytes[this.length++] = QUOTE;
  }

  /** Digits of a hex value without 0x and without leading zeros, from `bytes`; at most 16, checked by the caller. */
  hexText(column: Column, bytes: Uint8Array, from: number, end: number): void {
    this.copy(column.prefix);
    const to = this.bytes;
    let { length } = this;
    for (let i = from; i < end; i++) to[length++] = bytes[i]!;
    to[length++] = QUOTE;
    this.length = length;
  }

  /** An integer within 2^53 of 0, for the forms `signed` and `count`. */
  integer(column: Column, value: number): void {
    this.copy(column.prefix);
    if (value < 0) {
      this.bytes[this.length++] = MINUS;
      this.decimal(-value);
    } else this.decimal(value);
  }

  /** A value of any form from its text, checked. Throws LineProblem. */
  text(shape: EventShape, column: Column, value: string): void {
    this.raw(`,"${column.key}":${checkedValue(shape.event, column.key, value, column.form)}`);
  }

  /** An event that goes to nowhere: it still shows that tracing was on. */
  ignore(shape: EventShape, at: Moment): void {
    this.precede(shape, at);
    tally(this.summary.ignored, shape.event);
  }

  /**
   * An event of any shape from the text of its recorded fields, in the order given to `shape`; undefined where
   * one could not be read. `detail`: all of a marker's text. Throws LineProblem.
   */
  special(shape: EventShape, at: Moment, values: readonly (string | undefined)[], detail = ""): void {
    if (shape.kind === "ignored") {
      this.ignore(shape, at);
      return;
    }
    let own = "";
    for (const { source, key, form, required } of shape.columns) {
      const value = values[source];
      if (value !== undefined) own += `,"${key}":${checkedValue(shape.event, key, value, form)}`;
      else if (required) throw missingField(shape.event, key);
    }
    if (shape.isSched && this.isForeign(shape, at, values)) {
      this.precede(shape, at);
      tally(this.summary.ignored, `${shape.event} of other threads`);
      return;
    }
    this.begin(shape, at);
    if (shape.isMark) own = this.mark(shape.event, at.task.pid, detail);
    if (shape.event === "memslot") this.setSlot(shape, at.task.pid, values);
    this.raw(own);
    this.end();
  }

  /** Of threads that the recording has nothing of but sched events. */
  private isForeign(
    { event, columns }: EventShape,
    at: Moment,
    values: readonly (string | undefined)[],
  ): boolean {
    return !this.threads.concerns(event, at.task.pid, Number(values[columns.at(-1)!.source]));
  }

  /**
   * The ring buffer of a cpu lost events before what it holds next. A recording says so without a time: the
   * loss takes that of the next event. `cpu` -1 where the recording does not say.
   */
  lose(cpu: number, count: number | undefined): void {
    this.lost.push({ cpu, count });
    this.calls.forget();
    this.summary.lostEvents += count ?? 0;
  }

  /** What the last event left to say. */
  finish(): void {
    if (this.lines > 0) this.losses(this.last);
  }

  /** Forgets the bytes: they were taken. */
  clear(): void {
    this.length = 0;
  }

  /** Where in the recording a line of the output came from; lines count from 1, the header is one. */
  originOf(line: number): number {
    if (line <= this.lines - ORIGINS) throw new ModelError(`the origin of line ${line} is forgotten`);
    return this.origins[line % ORIGINS]!;
  }

  private mark(event: string, pid: number, detail: string): string {
    if (event === "stage") return mark(this.stages.begin(pid), "begin");
    return event === "stage_end" ? mark(this.stages.end(pid), "end") : mark(detail);
  }

  private setSlot(shape: EventShape, pid: number, values: readonly (string | undefined)[]): void {
    const pairs = new Map<string, string>();
    for (const { key, source } of shape.columns) pairs.set(key, values[source] ?? "");
    this.stages.setSlot(pid, pairs);
  }

  /** What this event shows to have happened before it: losses, and time without tracing. */
  private precede(shape: EventShape, at: Moment): void {
    if (this.lines === 0) this.putHeader();
    if (this.lost.length > 0) this.losses(at);
    const single = shape.event === "memslot" || shape.event === "stage" ? shape.event : undefined;
    if (single !== undefined || this.calls.isOpen) {
      const last = this.last;
      const silence = this.lines === 1 ? 0 : at.seconds - last.seconds + (at.nanos - last.nanos) / 1e9;
      this.calls.listen(silence);
      if (shape.event === "memslot_ret") this.calls.leave(at.task.pid, "memslot");
      if (shape.event === "stage_end") this.calls.leave(at.task.pid, "stage");
      if (single !== undefined) this.enter(single, at, silence);
    }
    const last = this.last;
    last.seconds = at.seconds;
    last.nanos = at.nanos;
    last.decimals = at.decimals;
    this.start = this.length;
  }

  private enter(call: SingleCall, at: Moment, silence: number): void {
    const entered = this.calls.enter(at.task.pid, call, silence);
    if (entered === "possible") return;
    if (entered === "gap") {
      this.summary.gaps++;
      const until = timeText(at);
      this.putLine(`{"ts":${timeText(this.last)},"pid":0,"event":"gap","until":${until}}`);
    } else if (this.summary.oddities.length < MAX_ODDITIES) {
      this.summary.oddities.push(
        `thread ${at.task.pid} enters ${call} while in ${entered.still} at ${timeText(at)}: events are missing before it`,
      );
    }
  }

  private losses(at: Readonly<Time>): void {
    for (const { cpu, count } of this.lost.splice(0)) {
      const lost = count === undefined ? "" : `,"count":${count}`;
      const on = cpu < 0 ? "" : `,"cpu":${cpu}`;
      this.putLine(`{"ts":${timeText(at)}${on},"pid":0,"event":"lost_events"${lost}}`);
    }
  }

  private putHeader(): void {
    this.raw(writeHeader(this.header));
    this.countLine();
  }

  private putLine(text: string): void {
    this.raw(`${text}\n`);
    this.countLine();
    this.summary.events++;
  }

  private countLine(): void {
    this.lines++;
    this.origins[this.lines % ORIGINS] = this.origin;
  }

  /** A line up to its own fields. */
  private common(shape: EventShape, at: Moment): void {
    if (this.bytes.length - this.length < LINE_ROOM) this.grow(LINE_ROOM);
    if (at.seconds !== this.secondOf) {
      this.second = Buffer.from(`{"ts":${at.seconds}.`);
      this.secondOf = at.seconds;
    }
    this.copy(this.second);
    this.fraction(at.nanos, at.decimals);
    if (at.cpu >= 0) this.copy(this.cpuText(at.cpu));
    this.copy(at.task.before);
    this.copy(shape.name);
    this.copy(at.task.behind);
  }

  private cpuText(cpu: number): Uint8Array {
    let text = this.cpus[cpu];
    if (text === undefined) {
      text = Buffer.from(`,"cpu":${cpu}`);
      this.cpus[cpu] = text;
    }
    return text;
  }

  private fraction(nanos: number, decimals: number): void {
    const { bytes } = this;
    let { length } = this;
    let rest = nanos;
    let unit = 1_000_000;
    for (let places = 0; places < decimals; places += 3) {
      const three = Math.floor(rest / unit);
      bytes[length] = THREES[3 * three]!;
      bytes[length + 1] = THREES[3 * three + 1]!;
      bytes[length + 2] = THREES[3 * three + 2]!;
      length += 3;
      rest -= three * unit;
      unit /= 1000;
    }
    this.length = length;
  }

  private hexDigits(value: number, count: number): void {
    const { bytes } = this;
    let { length } = this;
    let shift = 4 * count;
    if ((count & 1) !== 0) {
      shift -= 4;
      bytes[length++] = DIGITS[(value >>> shift) & 15]!;
    }
    while (shift > 0) {
      shift -= 8;
      const pair = 2 * ((value >>> shift) & 255);
      bytes[length] = PAIRS[pair]!;
      bytes[length + 1] = PAIRS[pair + 1]!;
      length += 2;
    }
    this.length = length;
  }

  private decimal(value: number): void {
    if (value < 10) this.bytes[this.length++] = DIGITS[value]!;
    else this.length += this.bytes.write(String(value), this.length, "latin1");
  }

  private copy(text: Uint8Array): void {
    const { bytes } = this;
    let { length } = this;
    if (text.length > LONG_TEXT) {
      bytes.set(text, length);
      this.length = length + text.length;
      return;
    }
    for (let i = 0; i < text.length; i++) bytes[length++] = text[i]!;
    this.length = length;
  }

  /** Text of any length. */
  private raw(text: string): void {
    const room = 3 * text.length + LINE_ROOM;
    if (this.bytes.length - this.length < room) this.grow(room);
    this.length += this.bytes.write(text, this.length, "utf8");
  }

  private grow(room: number): void {
    const wider = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + room));
    this.bytes.copy(wider, 0, 0, this.length);
    this.bytes = wider;
  }
}

function timeText({ seconds, nanos, decimals }: Readonly<Time>): string {
  return `${seconds}.${String(nanos).padStart(9, "0").slice(0, decimals)}`;
}

function missingField(event: string, key: string): LineProblem {
  return new LineProblem(`${key} missing`, `${event}: ${key}: missing, expected a value`);
}

function checkedValue(event: string, key: string, value: string, form: Form): string {
  try {
    return writeValue(`${event}: ${key}`, value, form);
  } catch (error) {
    if (error instanceof RangeError) throw new LineProblem(`${key} not as expected`, error.message);
    throw error;
  }
}

/** A marker's own fields. */
function mark(text: string, phase?: "begin" | "end"): string {
  return `,"text":${JSON.stringify(text)}${phase === undefined ? "" : `,"phase":"${phase}"`}`;
}

/** Names beyond MAX_NAMES are counted together: a hostile recording cannot fill memory with them. */
export function tally(counts: Map<string, number>, name: string): void {
  const counted = counts.has(name) || counts.size < MAX_NAMES ? name : "(others)";
  counts.set(counted, (counts.get(counted) ?? 0) + 1);
}
