/** The fast path's values: each read in place and written straight to its column. */

import { type EventBatch, NO_LEVEL, NO_RET } from "../event.js";
import { Role } from "../event-fields.js";
import { hashStep, type Spellings } from "../string-table.js";
import { taskStateText } from "../task-state.js";
import { JsonScan } from "./json-scan.js";
import { NumberScan } from "./number-scan.js";
import type { LineContext } from "./slow-line.js";
import { type Edge, Form } from "./template.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const MAX_INT32 = 0x7fff_ffff;
const MAX_52 = 2 ** 52;
const PAGE_MASK = 4095;
/** A distance in seconds whose nanoseconds are exact. */
const MAX_SECONDS = 9_000_000;

export class ValueReader {
  readonly numbers = new NumberScan();
  /** Behind the closing quote of the last entry found. */
  entryEnd = 0;
  private readonly json = new JsonScan();
  private readonly granuleMask: number;
  private bytes: Buffer = Buffer.alloc(0);
  private view: DataView = new DataView(this.bytes.buffer);

  constructor(readonly context: LineContext) {
    this.granuleMask = context.granule - 1;
  }

  use(bytes: Buffer, view: DataView, end: number): void {
    this.bytes = bytes;
    this.view = view;
    this.numbers.bytes = bytes;
    this.numbers.view = view;
    this.json.bytes = bytes;
    this.json.end = end;
  }

  /** Reads one value and writes it to the batch's next row. Gives where it ends, -1 to decline. */
  apply(role: number, form: number, edge: Edge, at: number, batch: EventBatch): number {
    const { numbers } = this;
    const row = batch.count;
    switch (role) {
      case Role.skip:
        return form === Form.constant ? at : this.skip(form, at);
      case Role.time:
        return this.time(numbers.seconds(at, form === Form.text), batch, row);
      case Role.timeNs:
        return this.time(numbers.nanoseconds(at, form === Form.text), batch, row);
      case Role.cpu:
        return this.integer(form, at, batch.cpu, row, 0x7fff);
      case Role.pid:
        return this.integer(form, at, batch.pid, row, MAX_INT32);
      case Role.tgid:
        return this.integer(form, at, this.context.pool.ownTgid(batch), row, MAX_INT32);
      case Role.comm:
        return this.text(this.context.texts, edge, at, batch.comm, row);
      case Role.pointer:
        return this.text(this.context.pointers, edge, at, batch.pgt, row);
      case Role.vm:
        return this.textOrNumber(form, edge, at, this.context.pool.ownVm(batch), row);
      case Role.reason:
        return this.textOrNumber(form, edge, at, this.context.pool.own(batch, "text"), row);
      case Role.taskState:
        return this.taskState(form, edge, at, this.context.pool.own(batch, "text"), row);
      case Role.text:
        return this.text(this.context.texts, edge, at, this.context.pool.own(batch, "text"), row);
      case Role.vcpu:
        return this.integer(form, at, this.context.pool.ownVcpu(batch), row, MAX_INT32);
      case Role.slot:
      case Role.thread:
        return this.integer(form, at, this.context.pool.own(batch, "slot"), row, MAX_INT32);
      case Role.ipa:
        return this.address(form, at, batch.addr, row, 0);
      case Role.alignedIpa:
        return this.address(form, at, batch.addr, row, this.granuleMask);
      case Role.pageIpa:
        return this.address(form, at, batch.addr, row, PAGE_MASK);
      case Role.bytes:
        return this.address(form, at, batch.size, row, 0);
      case Role.alignedBytes:
        return this.address(form, at, batch.size, row, this.granuleMask);
      case Role.pageBytes:
        return this.address(form, at, batch.size, row, PAGE_MASK);
      case Role.phys:
        return this.address(form, at, batch.phys, row, 0);
      case Role.esr:
        at = this.wide(form, at);
        batch.esr[row] = numbers.low;
        return at;
      case Role.far:
        at = this.wide(form, at);
        batch.farLow[row] = numbers.low;
        batch.farHigh[row] = numbers.high;
        return at;
      case Role.opaque:
        return this.wide(form, at);
      case Role.bits:
        at = this.wide(form, at);
        batch.prot[row] = numbers.low & MAX_INT32;
        return at;
      case Role.hvaStart:
        return this.address(form, at, batch.addr, row, 0);
      case Role.hvaEnd:
        return this.address(form, at, batch.size, row, 0);
      case Role.ret:
        at = this.signed(form, at);
        batch.ret[row] = numbers.low;
        return at;
      case Role.level:
        at = this.signed(form, at);
        batch.level[row] = numbers.low >= -1 && numbers.low <= 3 ? numbers.low : NO_LEVEL;
        return at;
      case Role.phase:
        this.context.pool.own(batch, "phase")[row] = edge.constant;
        return at;
      case Role.write:
        this.context.pool.own(batch, "write")[row] = edge.constant;
        return at;
      case Role.amount:
        return this.count(form, at, this.context.pool.own(batch, "amount"), row);
      case Role.pages:
        return this.count(form, at, batch.size, row);
      case Role.thinkNs:
        return this.count(form, at, this.context.pool.own(batch, "thinkNs"), row);
      default:
        return -1;
    }
  }

  time(end: number, batch: EventBatch, row: number): number {
    const { time } = this.numbers;
    const base = this.context.time.parts;
    const seconds = time[0]! - base[0]!;
    batch.atNs[row] = seconds * 1e9 + (time[1]! - base[1]!);
    return seconds <= MAX_SECONDS && seconds >= -MAX_SECONDS ? end : -1;
  }

  /** Up to 52 bits in hex or 15 digits, into `numbers.value`. */
  private unsigned(form: number, at: number): number {
    return form === Form.hex ? this.numbers.hex52(at) : this.numbers.decimal(at);
  }

  /** Up to 64 bits, into `numbers.high` and `numbers.low`. */
  private wide(form: number, at: number): number {
    const { numbers } = this;
    if (form === Form.hex) return numbers.hex64(at);
    const end = numbers.decimal(at);
    const value = numbers.value[0]!;
    numbers.low = value | 0;
    numbers.high = Math.floor(value / 2 ** 32);
    return end;
  }

  private integer(
    form: number,
    at: number,
    column: Int16Array | Int32Array,
    row: number,
    max: number,
  ): number {
    const end = this.unsigned(form, at);
    const value = this.numbers.value[0]!;
    column[row] = value;
    return value <= max ? end : -1;
  }

  private count(form: number, at: number, column: Float64Array, row: number): number {
    const end = this.unsigned(form, at);
    column[row] = this.numbers.value[0]!;
    return end;
  }

  /** `mask`: the bits that have to be clear; at most 16, so the low 32 bits of the value say it. */
  private address(form: number, at: number, column: Float64Array, row: number, mask: number): number {
    const { numbers } = this;
    const end = this.unsigned(form, at);
    const value = numbers.value[0]!;
    column[row] = value;
    const rest = form === Form.hex ? numbers.low & mask : value % (mask + 1);
    return rest === 0 && value < MAX_52 ? end : -1;
  }

  /** An integer of 32 bits into `numbers.low`. */
  private signed(form: number, at: number): number {
    const { numbers } = this;
    if (form === Form.hex) {
      // Two's complement, of 32 bits or extended to 64.
      const end = numbers.hex64(at);
      const { high, low } = numbers;
      return low !== NO_RET && (high === 0 || (high === -1 && low < 0)) ? end : -1;
    }
    const isNegative = this.bytes[at] === 0x2d;
    const end = numbers.decimal(isNegative ? at + 1 : at);
    const value = numbers.value[0]!;
    numbers.low = (isNegative ? -value : value) | 0;
    return value <= MAX_INT32 ? end : -1;
  }

  private text(spellings: Spellings, edge: Edge, at: number, column: Int32Array, row: number): number {
    const entry = this.entry(spellings, edge, at);
    if (entry < 0) return -1;
    column[row] = spellings.number(entry);
    return this.entryEnd;
  }

  private textOrNumber(form: number, edge: Edge, at: number, column: Int32Array, row: number): number {
    if (form !== Form.number) return this.text(this.context.texts, edge, at, column, row);
    const end = this.numbers.decimal(at);
    if (end >= 0) column[row] = this.context.strings.intern(String(this.numbers.value[0]));
    return end;
  }

  /** Spellings of their own: only what was checked as a state is found. */
  private taskState(form: number, edge: Edge, at: number, column: Int32Array, row: number): number {
    const { taskStates, strings } = this.context;
    if (form !== Form.number) return this.text(taskStates, edge, at, column, row);
    const end = this.numbers.decimal(at);
    if (end >= 0) column[row] = strings.intern(taskStateText(this.numbers.value[0]!));
    return end;
  }

  /** The spelling that stands at `at`, `entryEnd` left behind its closing quote; -1 if it is not known. */
  entry(spellings: Spellings, edge: Edge, at: number): number {
    if (edge.lastEntry >= 0) {
      const length = spellings.matches(edge.lastEntry, this.view, at);
      if (length > 0) {
        this.entryEnd = at + length;
        return edge.lastEntry;
      }
    }
    const bytes = this.bytes;
    let end = at;
    let hash = 0;
    for (let byte = bytes[end]!; byte !== QUOTE; byte = bytes[++end]!) {
      // With an escape the next quote may not be the end. What is found was checked before, so all else is.
      if (byte === BACKSLASH || byte < 0x20) return -1;
      hash = hashStep(hash, byte);
    }
    const entry = spellings.find(bytes, at, end + 1, hash);
    edge.lastEntry = entry;
    this.entryEnd = end + 1;
    return entry;
  }

  skip(form: number, at: number): number {
    const bytes = this.bytes;
    if (form === Form.text) {
      const from = at;
      for (let byte = bytes[at]!; byte !== QUOTE; byte = bytes[++at]!) {
        if (byte === BACKSLASH || byte < 0x20 || byte > 0x7e) return this.json.string(from - 1);
      }
      return at + 1;
    }
    const byte = bytes[at]!;
    if (byte !== 0x7b && byte !== 0x5b) return this.json.value(at);
    // To nested JSON a newline is space like any other: it must not run on into the next line.
    const { end } = this.json;
    this.json.end = bytes.indexOf(NEWLINE, at);
    const behind = this.json.value(at);
    this.json.end = end;
    return behind;
  }
}
