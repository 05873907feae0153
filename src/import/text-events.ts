/** Events as text -> the wire: what each event's details look like is learnt from its first line. */

import { LineProblem } from "../trace/ndjson/line-values.js";
import { Spellings } from "../trace/string-table.js";
import { type DetailPattern, learnDetail } from "./detail.js";
import type { EventHead } from "./event-head.js";
import type { Column, EventShape, EventWriter, Moment } from "./event-writer.js";
import { exitReason } from "./exit-reason.js";
import { schedValues } from "./sched-text.js";
import { wireFieldsOf } from "./wire-event.js";

/** One look of an event's details, and what the event then is on the wire. */
interface Reading {
  readonly pattern: DetailPattern;
  readonly shape: EventShape;
}

interface NamedEvent {
  readonly name: string;
  /** Its shape without fields: all there is to say of an event whose details go nowhere. */
  readonly bare: EventShape;
  readonly handling: "bare" | "mark" | "sched" | "details";
  /** Looks seen, the latest first. */
  readonly readings: Reading[];
}

/** Looks that an event is remembered to have; kvm_exit has the most, one for each kind of exit. */
const MAX_READINGS = 8;
/** Names beyond these, and longer names and details, are read anew each time: no text fills memory. */
const MAX_NAMES = 4096;
const MAX_NAME_BYTES = 256;
const MAX_DETAIL_BYTES = 2048;
/** Digits that a double holds whatever they are. */
const EXACT_DIGITS = 15;
const MAX_HEX_DIGITS = 16;
const BIT_32 = 2 ** 32;
const BIT_31 = 2 ** 31;

const ZERO = 0x30;
const MINUS = 0x2d;
const SPACE = 0x20;
const SMALL_X = 0x78;

/** What the kernel's kvm_arm_exception_type and kvm_exit's print format call the codes. */
const exceptionCodes = new Map([
  ["IRQ", "0"],
  ["SERROR", "1"],
  ["TRAP", "2"],
  ["ILLEGAL", "3"],
  ["IL", "3"],
  ["HYP_GONE", String(0xbadca11)],
]);

export class TextEvents {
  private readonly events: NamedEvent[] = [];
  private readonly spellings = new Spellings();

  constructor(readonly writer: EventWriter) {}

  /** Writes the event whose head was read; `end` is behind its last byte. Throws LineProblem. */
  write(bytes: Buffer, head: EventHead, end: number): void {
    const event = this.event(bytes, head);
    const { at } = head;
    if (event.handling === "details") this.details(bytes, event, at, head.detailFrom, end);
    else if (event.handling === "mark") {
      const text = bytes.toString("utf8", head.detailFrom, end);
      // trace-cmd puts before it where it was written: `tracing_mark_write: `, with -R `ip=.. buf=`.
      const detail = event.name === "print" ? text.replace(/^ *(?:ip=\S+ buf=|\S+: )/, "") : text;
      this.writer.special(event.bare, at, [], detail);
    } else if (event.handling === "sched") this.sched(bytes, event, at, head.detailFrom, end);
    else if (event.bare.kind === "ignored") this.writer.ignore(event.bare, at);
    else {
      this.writer.begin(event.bare, at);
      this.writer.end();
    }
  }

  private event(bytes: Buffer, head: EventHead): NamedEvent {
    const { nameFrom, nameEnd } = head;
    // Spellings hash all but the last byte, here the colon.
    const entry = this.spellings.find(bytes, nameFrom, nameEnd + 1, head.nameHash);
    if (entry >= 0) return this.events[this.spellings.number(entry)]!;
    const event = this.name(bytes.toString("utf8", nameFrom, nameEnd));
    if (this.events.length < MAX_NAMES && nameEnd - nameFrom <= MAX_NAME_BYTES) {
      this.spellings.add(bytes, nameFrom, nameEnd + 1, this.events.push(event) - 1);
    }
    return event;
  }

  private name(name: string): NamedEvent {
    const bare = this.writer.shape(name, []);
    const hasFields = (wireFieldsOf(bare.event)?.length ?? 0) > 0;
    const handling = bare.isMark
      ? "mark"
      : bare.isSched
        ? "sched"
        : hasFields && bare.kind !== "ignored"
          ? "details"
          : "bare";
    return { name, bare, handling, readings: [] };
  }

  /** Names of tasks stand in the middle of it, and may hold anything. */
  private sched(bytes: Buffer, { name, bare }: NamedEvent, at: Moment, from: number, end: number): void {
    const values = schedValues(bare.event, bytes.toString("latin1", from, end));
    this.writer.special(this.writer.shape(name, Object.keys(values)), at, Object.values(values));
  }

  private details(bytes: Buffer, event: NamedEvent, at: Moment, from: number, end: number): void {
    while (from < end && bytes[from] === SPACE) from++;
    const { readings } = event;
    for (let index = 0; index < readings.length; index++) {
      const reading = readings[index]!;
      if (!reading.pattern.match(bytes, from, end)) continue;
      if (index > 0) {
        readings[index] = readings[index - 1]!;
        readings[index - 1] = reading;
      }
      this.writeEvent(bytes, reading, at);
      return;
    }
    this.learn(bytes, event, at, from, end);
  }

  private learn(bytes: Buffer, event: NamedEvent, at: Moment, from: number, end: number): void {
    const pattern = learnDetail(event.bare.event, bytes.toString("latin1", from, end));
    const reading = { pattern, shape: this.writer.shape(event.name, pattern.fields) };
    if (!pattern.match(bytes, from, end)) {
      throw new LineProblem("fields not as expected", `${event.bare.event}: expected fields as k=v`);
    }
    if (end - from <= MAX_DETAIL_BYTES) event.readings.unshift(reading);
    if (event.readings.length > MAX_READINGS) event.readings.pop();
    this.writeEvent(bytes, reading, at);
  }

  private writeEvent(bytes: Buffer, { pattern, shape }: Reading, at: Moment): void {
    const { writer } = this;
    if (shape.kind !== "plain") {
      const values = pattern.fields.map((_, field) => this.text(bytes, shape, pattern, field));
      writer.special(shape, at, values);
      return;
    }
    writer.begin(shape, at);
    try {
      const { columns } = shape;
      for (let index = 0; index < columns.length; index++) {
        const column = columns[index]!;
        const { source } = column;
        if (!this.value(bytes, column, pattern.from[source]!, pattern.end[source]!, pattern.isHex)) {
          this.slowly(bytes, shape, pattern, column);
        }
      }
    } catch (problem) {
      writer.drop();
      throw problem;
    }
    writer.end();
  }

  /** Writes the number in bytes [from, end) in place; false leaves it to #slowly. */
  private value(bytes: Buffer, column: Column, from: number, end: number, isHex: boolean): boolean {
    const { form } = column;
    if (form === "text") return false;
    const first = bytes[from]!;
    const hasX = first === ZERO && bytes[from + 1] === SMALL_X;
    if (hasX || isHex) return form === "hex" && this.hex(bytes, column, hasX ? from + 2 : from, end);
    const isNegative = first === MINUS;
    let at = isNegative ? from + 1 : from;
    if (end - at > EXACT_DIGITS || at === end) return false;
    let value = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return false;
      value = value * 10 + digit;
    }
    if (form === "hex") {
      if (isNegative) return false;
      this.writer.hex(column, Math.floor(value / BIT_32), value % BIT_32);
      return true;
    }
    if (form === "signed" && value >= BIT_31) return false;
    this.writer.integer(column, isNegative ? -value : value);
    return true;
  }

  private hex(bytes: Buffer, column: Column, from: number, end: number): boolean {
    while (from < end - 1 && bytes[from] === ZERO) from++;
    if (from === end || end - from > MAX_HEX_DIGITS) return false;
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (!((byte >= ZERO && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
    }
    this.writer.hexText(column, bytes, from, end);
    return true;
  }

  private slowly(bytes: Buffer, shape: EventShape, pattern: DetailPattern, column: Column): void {
    const value = this.text(bytes, shape, pattern, column.source);
    if (value !== undefined) this.writer.text(shape, column, value);
    else if (column.required) {
      const { event } = shape;
      throw new LineProblem(
        `${column.key} not as expected`,
        `${event}: ${column.key}: expected a value, got (fault)`,
      );
    }
  }

  /** A field's value as the writer takes it; undefined where the recording could not tell. */
  private text(bytes: Buffer, shape: EventShape, pattern: DetailPattern, field: number): string | undefined {
    const text = bytes.toString("utf8", pattern.from[field]!, pattern.end[field]!);
    // The probe could not read the memory that it was to fetch the field from.
    if (text === "(fault)") return undefined;
    const name = pattern.fields[field];
    if (shape.event === "kvm_exit" && name === "ret" && !/^-?\d/.test(text)) return exceptionCodes.get(text);
    if (shape.event === "kvm_userspace_exit" && name === "reason") {
      const errno = pattern.fields.indexOf("errno");
      if (errno === -1 || !/^\d+$/.test(text)) return text;
      return exitReason(
        Number(text),
        Number(bytes.toString("latin1", pattern.from[errno]!, pattern.end[errno]!)),
      );
    }
    return pattern.isHex && !text.startsWith("0x") ? `0x${text}` : text;
  }
}
