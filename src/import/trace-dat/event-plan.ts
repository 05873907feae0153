/** How records of one kind become lines: found out once, then only bytes are moved. */

import { LineProblem } from "../../trace/ndjson/line-values.js";
import type { Column, EventShape, EventWriter, Moment } from "../event-writer.js";
import { exitReason } from "../exit-reason.js";
import type { EventField, EventFormat } from "./event-format.js";
import { fieldText, type RecordData } from "./field-value.js";

const MAX_EXACT_HIGH = 2 ** 21;

/** How a column's value is taken from the record. */
type Source = "hex8" | "hex" | "signed" | "number" | "exit-reason" | "text";

interface ColumnStep {
  readonly column: Column;
  readonly source: Source;
  readonly field: EventField;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

export class EventPlan {
  private readonly shape: EventShape;
  private readonly steps: readonly ColumnStep[];
  /** Bytes that a record has to have. */
  private readonly length: number;
  private readonly errno: EventField | undefined;
  /** What of a marker is its text. */
  private readonly detail: EventField | undefined;

  constructor(
    readonly format: EventFormat,
    readonly writer: EventWriter,
  ) {
    const { name, fields } = format;
    this.shape = writer.shape(
      name,
      fields.map((field) => field.name),
    );
    const isUserspaceExit = this.shape.event === "kvm_userspace_exit";
    this.errno = isUserspaceExit
      ? fields.find((field) => field.name === "errno" && field.kind === "number" && field.size === 4)
      : undefined;
    this.detail = fields.find((field) => field.name === "buf" && field.kind === "text");
    this.steps = this.shape.columns.map((column) => {
      const field = fields[column.source]!;
      const source = sourceOf(column, field, isUserspaceExit);
      return { column, field, source, offset: field.offset, size: field.size, signed: field.signed };
    });
    const used = this.errno === undefined ? this.steps : [...this.steps, this.errno];
    this.length = Math.max(0, ...used.map(({ offset, size }) => offset + size));
  }

  /** Writes one record. Throws LineProblem. */
  write(record: RecordData, moment: Moment): void {
    const { writer } = this;
    const shape = this.shape;
    if (record.length < this.length)
      throw new LineProblem(
        "record too short",
        `${shape.event}: ${record.length} bytes, expected ${this.length}`,
      );
    if (shape.kind !== "plain") {
      this.writeSpecial(record, moment);
      return;
    }
    writer.begin(shape, moment);
    const steps = this.steps;
    try {
      for (let i = 0; i < steps.length; i++) this.writeColumn(steps[i]!, record);
    } catch (error) {
      writer.drop();
      throw error;
    }
    writer.end();
  }

  private writeSpecial(record: RecordData, moment: Moment): void {
    const shape = this.shape;
    if (shape.kind === "ignored") {
      this.writer.ignore(shape, moment);
      return;
    }
    const values = this.format.fields.map((field) => fieldText(field, record));
    const detail = this.detail === undefined ? undefined : fieldText(this.detail, record)?.trimEnd();
    this.writer.special(shape, moment, values, detail);
  }

  private writeColumn({ column, source, field, offset, size, signed }: ColumnStep, record: RecordData): void {
    const { writer } = this;
    const { view, littleEndian } = record;
    const at = record.at + offset;
    if (source === "hex8") {
      const first = view.getUint32(at, littleEndian);
      const second = view.getUint32(at + 4, littleEndian);
      if (littleEndian) writer.hex(column, second, first);
      else writer.hex(column, first, second);
    } else if (source === "hex") {
      const value = smallNumber(view, at, size, signed, littleEndian);
      writer.hex(column, value < 0 ? 0xffffffff : 0, value >>> 0);
    } else if (source === "signed") {
      const lower = size === 8 ? view.getInt32(littleEndian ? at : at + 4, littleEndian) : undefined;
      writer.integer(column, lower ?? smallNumber(view, at, size, signed, littleEndian) | 0);
    } else if (source === "number") {
      if (size < 8) writer.integer(column, smallNumber(view, at, size, signed, littleEndian));
      else this.writeLong(column, field, record, at);
    } else if (source === "exit-reason") {
      const errno = this.errno === undefined ? 0 : view.getInt32(record.at + this.errno.offset, littleEndian);
      writer.text(this.shape, column, exitReason(view.getUint32(at, littleEndian), errno));
    } else {
      const text = fieldText(field, record);
      if (text !== undefined) writer.text(this.shape, column, text);
      else if (column.required)
        throw new LineProblem(`${column.key} missing`, `${this.shape.event}: ${column.key}: missing`);
    }
  }

  private writeLong(column: Column, field: EventField, record: RecordData, at: number): void {
    const { view, littleEndian } = record;
    const high = field.signed
      ? view.getInt32(littleEndian ? at + 4 : at, littleEndian)
      : view.getUint32(littleEndian ? at + 4 : at, littleEndian);
    const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
    if (high < MAX_EXACT_HIGH && high >= -MAX_EXACT_HIGH) this.writer.integer(column, high * 2 ** 32 + low);
    else this.writer.text(this.shape, column, fieldText(field, record)!);
  }
}

function sourceOf(column: Column, field: EventField, isUserspaceExit: boolean): Source {
  if (field.kind !== "number") return "text";
  if (column.form === "text") return isUserspaceExit && field.size === 4 ? "exit-reason" : "text";
  if (column.form === "hex") return field.size === 8 ? "hex8" : "hex";
  return column.form === "signed" ? "signed" : "number";
}

function smallNumber(
  view: DataView,
  at: number,
  size: number,
  signed: boolean,
  littleEndian: boolean,
): number {
  if (size === 4) return signed ? view.getInt32(at, littleEndian) : view.getUint32(at, littleEndian);
  if (size === 2) return signed ? view.getInt16(at, littleEndian) : view.getUint16(at, littleEndian);
  return signed ? view.getInt8(at) : view.getUint8(at);
}
