/** The slow path's first half: one line's members by key, checked as JSON, nothing decoded but the keys. */

import { keyNames, keyOf, NO_KEY } from "./fields.js";
import { JsonScan } from "./json-scan.js";

/** What a value is, known from its first byte. */
type ValueType = "string" | "number" | "true" | "false" | "null" | "object" | "array";

const typeOf: Readonly<Record<string, ValueType>> = {
  '"': "string",
  t: "true",
  f: "false",
  n: "null",
  "{": "object",
  "[": "array",
};

/** A member of the line's object: bytes [from, end) of its value, quotes included. */
export interface Member {
  readonly key: number;
  readonly type: ValueType;
  readonly from: number;
  readonly end: number;
}

export class LineFields {
  readonly scan = new JsonScan();
  /** Every member in the order of the line, unknown keys with NO_KEY. */
  members: Member[] = [];
  /** The member that counts for each key: as with JSON.parse the last one. */
  private readonly byKey: (Member | undefined)[] = new Array(keyNames.length).fill(undefined);
  private isRepeated = false;
  private bytes: Buffer = Buffer.alloc(0);

  /** True if a known key came twice. */
  get repeats(): boolean {
    return this.isRepeated;
  }

  /** Reads the object in bytes [from, end). False if it is none: `scan` says where it fails. */
  read(bytes: Buffer, from: number, end: number): boolean {
    const { scan } = this;
    scan.bytes = bytes;
    this.bytes = bytes;
    scan.end = end;
    this.members = [];
    this.byKey.fill(undefined);
    this.isRepeated = false;
    let at = scan.space(from);
    if (at >= end || bytes[at] !== 0x7b) {
      scan.fail(at, 'an object, "{"');
      return false;
    }
    at = scan.space(at + 1);
    if (at < end && bytes[at] === 0x7d) at++;
    else at = this.readMembers(at);
    if (at < 0) return false;
    at = scan.space(at);
    if (at === end) return true;
    scan.fail(at, "the end of the line");
    return false;
  }

  private readMembers(at: number): number {
    const { scan } = this;
    for (;;) {
      const keyFrom = at;
      const keyEnd = scan.string(at);
      if (keyEnd < 0) return -1;
      const from = scan.colon(keyEnd);
      if (from < 0) return -1;
      const end = scan.value(from);
      if (end < 0) return -1;
      const key = keyOf(this.text(keyFrom, keyEnd));
      const type = typeOf[String.fromCharCode(scan.bytes[from]!)] ?? "number";
      const member = { key, type, from, end };
      this.members.push(member);
      if (key !== NO_KEY) {
        if (this.byKey[key] !== undefined) this.isRepeated = true;
        this.byKey[key] = member;
      }
      at = scan.space(end);
      const byte = at < scan.end ? scan.bytes[at]! : 0;
      if (byte === 0x7d) return at + 1;
      if (byte !== 0x2c) return scan.fail(at, '"," or "}"');
      at = scan.space(at + 1);
    }
  }

  get(key: number): Member | undefined {
    return this.byKey[key];
  }

  /** The decoded text of a checked string, quotes included in [from, end). */
  text(from: number, end: number): string {
    const text = this.raw(from, end);
    return text.includes("\\") ? (JSON.parse(text) as string) : text.slice(1, -1);
  }

  /** The bytes as they stand, as text. */
  raw(from: number, end: number): string {
    return this.bytes.toString("utf8", from, end);
  }
}
