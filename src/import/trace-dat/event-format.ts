/**
 * Event formats, as tracefs' files events/SYSTEM/EVENT/format describe them: which fields an event has, where each
 * lies in a record, and how many bytes it takes. A file carries over a thousand; one is read once an event needs it.
 */

/** `number`: 1, 2, 4 or 8 bytes. `text`: characters up to a NUL. `bytes`: anything else. */
type FieldKind = "number" | "text" | "bytes";

export interface EventField {
  readonly name: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Bytes; 0 for what reaches to the end of the record. */
  readonly size: number;
  readonly signed: boolean;
  readonly kind: FieldKind;
  /** The record holds its place: offset in the low half, size in the high half; `relative` to the field's end. */
  readonly place: "here" | "data_loc" | "rel_loc";
  /** Bytes of one element of an array whose elements are numbers; 0 for none. */
  readonly elementSize: number;
}

export interface EventFormat {
  readonly id: number;
  readonly system: string;
  readonly name: string;
  /** The event's own, without the common ones. */
  readonly fields: readonly EventField[];
  readonly common: readonly EventField[];
}

/** Where the fields that every event has lie. */
export interface CommonFields {
  readonly typeOffset: number;
  readonly typeSize: number;
  readonly pidOffset: number;
}

const fieldLine = /^\s*field:\s*([^;]+);\s*offset:\s*(\d+);\s*size:\s*(\d+);(?:\s*signed:\s*([01]);)?/gm;

/** The fields of a format file, and of events/header_page, which is written alike. */
export function parseFields(text: string): EventField[] {
  return [...text.matchAll(fieldLine)].map(([, declaration = "", offset, size, signed]) =>
    parseField(declaration.trim(), Number(offset), Number(size), signed === "1"),
  );
}

function parseField(declaration: string, offset: number, size: number, signed: boolean): EventField {
  const place = /^__(data|rel)_loc\b/.exec(declaration)?.[1];
  const isArray = declaration.includes("[");
  // `char comm[16]`, `__data_loc char[] name`, `u64 addr`: the last word, without what brackets it has.
  const bare = declaration.replace(/\[[^\]]*\]/g, " ").trim();
  const name = /([^\s*]+)$/.exec(bare)?.[1] ?? bare;
  const type = bare.slice(0, bare.length - name.length);
  const isText = /\bchar\b|\bstring\b/.test(type);
  const isNumber = !isArray && place === undefined && [1, 2, 4, 8].includes(size);
  const length = Number(/\[(\d+)\]/.exec(declaration)?.[1] ?? 0);
  return {
    name,
    offset,
    size,
    signed,
    kind: isNumber ? "number" : isText ? "text" : "bytes",
    place: place === undefined ? "here" : place === "data" ? "data_loc" : "rel_loc",
    elementSize: isArray && place === undefined && length > 0 ? size / length : elementBytes(type),
  };
}

function elementBytes(type: string): number {
  const bits = /\b[us](8|16|32|64)\b/.exec(type)?.[1] ?? /\buint(8|16|32|64)_t\b/.exec(type)?.[1];
  if (bits !== undefined) return Number(bits) / 8;
  if (/\b(char|bool)\b/.test(type)) return 1;
  return /\bshort\b/.test(type) ? 2 : /\bint\b/.test(type) ? 4 : 0;
}

/** Where a format's text lies, and what it is of. */
interface FormatText {
  readonly system: string;
  readonly text: Buffer;
}

const HEAD_BYTES = 256;

export class EventFormats {
  private readonly texts = new Map<number, FormatText>();
  private commonFields: CommonFields | undefined;

  /** Takes in a format file; the first of an id counts. One without an id says nothing. */
  add(system: string, text: Buffer): void {
    const id = /^ID:\s*(\d{1,9})\s*$/m.exec(
      text.toString("latin1", 0, Math.min(HEAD_BYTES, text.length)),
    )?.[1];
    if (id !== undefined && !this.texts.has(Number(id))) this.texts.set(Number(id), { system, text });
  }

  /** Undefined for an id that the file does not describe. */
  of(id: number): EventFormat | undefined {
    const found = this.texts.get(id);
    if (found === undefined) return undefined;
    const text = found.text.toString();
    const name = /^name:\s*(\S+)/m.exec(text)?.[1];
    if (name === undefined) return undefined;
    const fields = parseFields(text);
    return {
      id,
      system: found.system,
      name,
      fields: fields.filter((field) => !field.name.startsWith("common_")),
      common: fields.filter((field) => field.name.startsWith("common_")),
    };
  }

  /** Taken from the first format; undefined where that has none, or there is no format at all. */
  get common(): CommonFields | undefined {
    if (this.commonFields === undefined) {
      const [first] = this.texts.keys();
      const fields = first === undefined ? [] : (this.of(first)?.common ?? []);
      const type = fields.find(({ name }) => name === "common_type");
      const pid = fields.find(({ name }) => name === "common_pid");
      if (type === undefined || pid === undefined || pid.size !== 4 || ![1, 2, 4].includes(type.size))
        return undefined;
      this.commonFields = { typeOffset: type.offset, typeSize: type.size, pidOffset: pid.offset };
    }
    return this.commonFields;
  }
}
