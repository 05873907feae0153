/**
 * The slow path: a whole line through a strict JSON parse, every field checked and every fault named.
 * It is the authority. The fast path (template-match.ts) only ever accepts what this one accepts.
 */

import type { BatchPool } from "../batch-rows.js";
import { type EventBatch, Kind, NO_LEVEL, NO_RET, Phase } from "../event.js";
import { meanings, Role } from "../event-fields.js";
import { type Interner, Spellings } from "../string-table.js";
import { isTaskState, taskStateText } from "../task-state.js";
import { parseTime, type TimeBase } from "../time.js";
import { Key, keyNames, kindOf, meaningOf, NO_KEY, required, roles, UNKNOWN_KIND } from "./fields.js";
import { LineFields, type Member } from "./line-fields.js";
import { illTyped, integerUpTo, LineProblem, shown, signed32, unsigned } from "./line-values.js";

const MAX_52 = 1n << 52n;

/** What stays the same through a trace, shared by both paths. */
export class LineContext {
  readonly time;
  /** Ids of strings, and of page-table pointers (where case and leading zeros make no difference), by bytes. */
  readonly texts = new Spellings();
  readonly pointers = new Spellings();
  readonly taskStates = new Spellings();

  constructor(
    readonly strings: Interner,
    readonly pool: BatchPool,
    readonly granule: number,
    time: TimeBase,
  ) {
    this.time = time;
  }
}

export class SlowLine {
  readonly fields = new LineFields();
  /** Of the line last read. */
  kind: number = UNKNOWN_KIND;
  eventName = "";
  ns = 0n;
  /** Relative to the first event, or to this one where it is the first. */
  atNs = 0;

  constructor(readonly context: LineContext) {}

  /** Reads bytes [from, end) into the batch's next row, which must hold absent values. Throws LineProblem. */
  read(bytes: Buffer, from: number, end: number, batch: EventBatch): void {
    const { fields } = this;
    if (!fields.read(bytes, from, end)) throw this.malformed(bytes, from);
    this.ns = this.time();
    this.event();
    const pid = fields.get(Key.pid);
    if (pid === undefined) throw illTyped(fields, "pid", pid, "an integer");
    this.atNs = this.context.time.relative(this.ns, this.ns);
    if (Number.isNaN(this.atNs)) {
      throw new LineProblem("time too far", "time: expected at most 104 days from the trace's first event");
    }
    for (const key of required[this.kind]!) {
      const member = this.member(key);
      if (member === undefined)
        throw illTyped(fields, keyNames[key]!, member, wanted(roles[this.kind]![key]!));
    }
    this.store(bytes, batch);
  }

  /** The member that counts for a canonical key: its own, else an alias's. */
  member(key: number): Member | undefined {
    const own = this.fields.get(key);
    if (own !== undefined) return own;
    let found: Member | undefined;
    for (const member of this.fields.members) {
      if (member.key !== NO_KEY && member.key !== key && meaningOf(member.key, this.kind) === key)
        found = member;
    }
    return found;
  }

  private malformed(bytes: Buffer, from: number): LineProblem {
    const { failedAt, expected, end } = this.fields.scan;
    let got = "the end of the line";
    if (failedAt < end) {
      const byte = bytes[failedAt]!;
      got =
        byte > 0x20 && byte < 0x7f
          ? JSON.stringify(String.fromCharCode(byte))
          : `byte 0x${byte.toString(16).padStart(2, "0")}`;
    }
    return new LineProblem(
      "malformed JSON",
      `malformed JSON at column ${failedAt - from + 1}: expected ${expected}, got ${got}`,
    );
  }

  private time(): bigint {
    this.kind = UNKNOWN_KIND;
    const exact = this.fields.get(Key.ts_ns);
    if (exact !== undefined) return this.timeOf("ts_ns", exact, "ns");
    const seconds = this.member(Key.ts);
    if (seconds === undefined) {
      if (this.isHeader()) {
        throw new LineProblem("second header", "header: expected one at most, on the first line");
      }
      throw new LineProblem("time missing", "ts: missing, expected seconds (ts) or nanoseconds (ts_ns)");
    }
    return this.timeOf("ts", seconds, "s");
  }

  private isHeader(): boolean {
    const type = this.fields.get(Key.type);
    return type?.type === "string" && this.fields.text(type.from, type.end) === "header";
  }

  private timeOf(name: string, member: Member, unit: "s" | "ns"): bigint {
    let text: string | undefined;
    if (member.type === "string") text = this.fields.text(member.from, member.end);
    else if (member.type === "number") text = this.fields.raw(member.from, member.end);
    const time = parseTime(text ?? "", unit);
    if ("ns" in time) return time.ns;
    if (time.expected === "a time that is not negative") {
      throw new LineProblem(
        "negative time",
        `${name}: expected ${time.expected}, got ${shown(this.fields, member)}`,
      );
    }
    throw illTyped(this.fields, name, member, time.expected);
  }

  private event(): void {
    const member = this.member(Key.event);
    if (member?.type !== "string") throw illTyped(this.fields, "event", member, "an event's name");
    this.eventName = this.fields.text(member.from, member.end);
    this.kind = kindOf(this.eventName);
  }

  private store(bytes: Buffer, batch: EventBatch): void {
    const row = batch.count;
    batch.kind[row] = this.kind;
    batch.atNs[row] = this.atNs;
    const roleOf = roles[this.kind]!;
    for (let key = 0; key < roleOf.length; key++) {
      if (roleOf[key] === Role.skip) continue;
      const member = this.member(key);
      if (member === undefined) continue;
      // Some writers say null for "none"; a field that the event needs has to be there.
      if (member.type === "null" && key !== Key.pid && !required[this.kind]!.includes(key)) continue;
      this.value(bytes, batch, row, key, member);
    }
    if (this.kind === Kind.lost_events) this.context.pool.own(batch, "slot")[row] = batch.cpu[row]!;
  }

  private value(bytes: Buffer, batch: EventBatch, row: number, key: number, member: Member): void {
    const { fields } = this;
    const { pool, granule } = this.context;
    const name = keyNames[key]!;
    const role = roles[this.kind]![key]!;
    const { reads, column, unit = 1, max = 0, mask } = meanings[role]!;
    let value = 0;
    switch (reads) {
      case "integer":
        value = integerUpTo(fields, name, member, max);
        break;
      case "signed":
        value = signed32(fields, name, member);
        if (role === Role.ret && value === NO_RET) throw illTyped(fields, name, member, "a return value");
        if (role === Role.level && (value < -1 || value > 3)) value = NO_LEVEL;
        break;
      case "address":
        value = this.address(name, member, unit === "granule" ? granule : unit);
        break;
      case "bits":
        value = Number(mask === undefined ? this.bits(name, member) : this.bits(name, member) & mask);
        break;
      case "wide": {
        const wide = this.bits(name, member);
        if (column === undefined) return;
        batch.farHigh[row] = Number(wide >> 32n);
        value = Number(wide & 0xffff_ffffn);
        break;
      }
      case "text":
        value = this.string(bytes, name, member);
        break;
      case "textOrNumber":
        value = this.stringOrNumber(bytes, name, member);
        break;
      case "pointer":
        value = this.pointer(bytes, name, member);
        break;
      case "taskState":
        value = this.taskState(bytes, name, member);
        break;
      case "word":
        value = role === Role.phase ? this.phase(name, member) : this.flag(name, member);
        break;
      case "until":
        value = this.until(name, member, role === Role.untilNs || fields.get(Key.ts_ns) !== undefined);
        break;
      case "skip":
      case "time":
      case "event":
        return;
    }
    pool.own(batch, column!)[row] = value;
  }

  private bits(name: string, member: Member): bigint {
    return unsigned(this.fields, name, member, "a hex string of up to 64 bits");
  }

  private address(name: string, member: Member, unit: number): number {
    const value = unsigned(this.fields, name, member, "a hex string");
    if (value >= MAX_52) {
      throw new LineProblem(
        `${name} over 52 bits`,
        `${name}: expected at most 52 bits, got ${shown(this.fields, member)}`,
      );
    }
    if (Number(value) % unit !== 0) {
      throw new LineProblem(
        `${name} unaligned`,
        `${name}: expected a multiple of ${unit} bytes, got ${shown(this.fields, member)}`,
      );
    }
    return Number(value);
  }

  private string(bytes: Buffer, name: string, member: Member): number {
    if (member.type !== "string") throw illTyped(this.fields, name, member, "a string");
    const id = this.context.strings.intern(this.fields.text(member.from, member.end));
    this.context.texts.add(bytes, member.from + 1, member.end, id);
    return id;
  }

  private stringOrNumber(bytes: Buffer, name: string, member: Member): number {
    if (member.type === "number") {
      return this.context.strings.intern(this.fields.raw(member.from, member.end));
    }
    return this.string(bytes, name, member);
  }

  private pointer(bytes: Buffer, name: string, member: Member): number {
    const id = this.context.strings.intern(`0x${this.bits(name, member).toString(16)}`);
    if (member.type === "string") this.context.pointers.add(bytes, member.from + 1, member.end, id);
    return id;
  }

  private taskState(bytes: Buffer, name: string, member: Member): number {
    const { strings, taskStates } = this.context;
    if (member.type === "number")
      return strings.intern(taskStateText(integerUpTo(this.fields, name, member, 2 ** 52)));
    const text = member.type === "string" ? this.fields.text(member.from, member.end) : "";
    if (!isTaskState(text)) throw illTyped(this.fields, name, member, "a task's state, such as S or R+");
    const id = strings.intern(text);
    taskStates.add(bytes, member.from + 1, member.end, id);
    return id;
  }

  private phase(name: string, member: Member): number {
    const text = member.type === "string" ? this.fields.text(member.from, member.end) : "";
    if (text !== "begin" && text !== "end") throw illTyped(this.fields, name, member, '"begin" or "end"');
    return Phase[text];
  }

  private flag(name: string, member: Member): number {
    if (member.type === "true" || member.type === "false") return member.type === "true" ? 1 : 0;
    const text = member.type === "number" ? this.fields.raw(member.from, member.end) : "";
    if (text !== "0" && text !== "1") throw illTyped(this.fields, name, member, "true or false");
    return Number(text);
  }

  /** Relative to the trace's first event; ns. */
  private until(name: string, member: Member, isNs: boolean): number {
    const untilNs = this.timeOf(name, member, isNs ? "ns" : "s");
    const relative = this.context.time.relative(untilNs, this.ns);
    if (untilNs < this.ns || Number.isNaN(relative)) {
      throw illTyped(this.fields, name, member, "a time at or after the line's own");
    }
    return relative;
  }
}

/** What a required field should have held. */
function wanted(role: number): string {
  const { reads } = meanings[role]!;
  if (reads === "integer") return "an integer";
  return reads === "taskState" ? "a task's state" : "a hex string";
}
